"""The local executor: each job in a process of its own; one that dies costs its own row and nothing else."""

from __future__ import annotations

import logging
import uuid
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench.records import RunRecord
from bench.running import worker
from bench.running.plan import Job
from bench.running.process import Child, Limits, end_all, start_server, wait_for
from bench.store import Store, Stored

logger = logging.getLogger(__name__)


class Listener(Protocol):
    """Hears of jobs as they run."""

    def started(self, job: Job) -> None:
        """The job's process was started."""

    def progress(self, job: Job, stage: str, done: int, total: int, note: str) -> None:
        """The job is at `done` of `total` in a stage."""

    def finished(self, job: Job, record: RunRecord) -> None:
        """The job ended, and its record is stored."""


@dataclass(frozen=True)
class _Running:
    job: Job
    attempt: str
    started_at: str
    child: Child


class LocalExecutor:
    """Runs jobs in processes on this machine. work: a folder for logs."""

    def __init__(self, store: Store, work: Path, limits: Limits, listener: Listener) -> None:
        self.store, self.work, self.limits, self.listener = (store, work, limits, listener)
        self._running: list[_Running] = []

    def run(self, jobs: Sequence[Job]) -> Iterator[Stored]:
        """Run the jobs and yield each result as it is stored.

        Whatever ends the iteration early (Ctrl-C, an error, closing it) ends the running jobs too, and
        stores them as interrupted.
        """
        waiting = deque(jobs)
        self._context = start_server(sorted({name for job in jobs for name in job.imports}), jobs[0].settings.threads)
        try:
            while waiting or self._running:
                while waiting and len(self._running) < self.limits.n_jobs:
                    self._running.append(self._start(waiting.popleft()))
                yield from self._wait()
        finally:
            end_all([running.child for running in self._running], "the run was interrupted")
            for running in self._running:
                self._collect(running)

    def _start(self, job: Job) -> _Running:
        attempt = uuid.uuid4().hex
        arguments = (job, self.store.root, attempt)
        child = Child.start(self._context, worker.main, arguments, self.work / f"{attempt}.log", self.limits)
        self.listener.started(job)
        return _Running(job, attempt, worker.now(), child)

    def _wait(self) -> Iterator[Stored]:
        wait_for([running.child for running in self._running])
        for running in list(self._running):
            ended = not running.child.alive
            for kind, *content in running.child.messages():
                if kind == "progress":
                    self.listener.progress(running.job, *content)
            running.child.enforce_limits()
            if ended:
                self._running.remove(running)
                yield self._collect(running)

    def _collect(self, running: _Running) -> Stored:
        """The record the job stored, or one that says how it ended without."""
        stored = self.store.find(running.job.place)
        if stored is None or stored.record.attempt != running.attempt:
            stored = self._store_failure(running)
        running.child.close()
        self.listener.finished(running.job, stored.record)
        return stored

    def _store_failure(self, running: _Running) -> Stored:
        status, reason, tail = running.child.death()
        record = worker.make_record(
            running.job, running.attempt, running.started_at, status=status, reason=reason, traceback=tail
        )
        try:
            if not self.store.accepts(record):
                return Stored(running.job.place.folder(self.store.root), record)
            return Stored(self.store.write(record), record)
        except OSError as error:
            logger.warning("the failure of '%s' could not be stored: %s", running.job.label, error)
            return Stored(running.job.place.folder(self.store.root), record)
