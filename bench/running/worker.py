"""The process of one job. It writes its own result; the parent learns of it only afterwards."""

from __future__ import annotations

import faulthandler
import os
import pickle
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from multiprocessing import connection, parent_process
from pathlib import Path
from typing import Any

from bench.errors import BenchError, DivergedError, UnmetNeedError
from bench.plugins import load_registries
from bench.records import RunRecord, Status
from bench.running.identity import environment
from bench.running.plan import Job
from bench.store import Store

Send = Callable[[tuple[Any, ...]], None]


def main(job: Job, root: Path, attempt: str, log: Path, pipe: connection.Connection) -> None:
    """Entry point of the child: run the job and store its record, whatever happens to the algorithm."""
    isolate(job.settings.threads, log)
    started_at = now()

    def progress(stage: str, done: int, total: int, note: str = "") -> None:
        pipe.send(("progress", stage, done, total, note))

    work_dir, store = log.with_suffix(""), Store(root)
    work_dir.mkdir()
    try:
        fields, tables, texts = _run(job, work_dir, progress)
    except BaseException as error:
        fields, tables, texts = describe_failure(error), {}, {}
    try:
        record = make_record(job, attempt, started_at, **fields)
        if store.accepts(record):
            store.write(record, tables, texts)
        else:
            pipe.send(("failed", record.status, f"{record.reason} (the older result is kept)"))
    except Exception as error:  # whatever it is, it must reach the leaderboard
        pipe.send(("failed", Status.FAILED, f"the result could not be written: {error}"))


def _run(
    job: Job, work_dir: Path, progress: Callable[[str, int, int, str], None]
) -> tuple[dict[str, Any], dict[str, Any], dict[str, str]]:
    from bench.running.job import execute

    fold = pickle.loads(job.fold_path.read_bytes())
    outcome = execute(job, fold, load_registries(), work_dir, progress)
    return {"status": Status.OK, **outcome.fields}, outcome.tables, outcome.texts


def describe_failure(error: BaseException) -> dict[str, Any]:
    """Status, reason and traceback of a job whose algorithm raised."""
    status = _status_of(error)
    reason = str(error) if isinstance(error, BenchError) else f"{type(error).__name__}: {error}"
    expected = status in (Status.UNMET_NEED, Status.DIVERGED)
    text = "" if expected else "".join(traceback.format_exception(error))
    return {"status": status, "reason": reason.strip(), "traceback": text}


def _status_of(error: BaseException) -> Status:
    if isinstance(error, UnmetNeedError):
        return Status.UNMET_NEED
    if isinstance(error, DivergedError):
        return Status.DIVERGED
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":  # the latter is torch's
        return Status.OUT_OF_MEMORY
    # Lightning turns SIGTERM into a subclass of SystemExit; the plain one is an algorithm's own sys.exit
    if isinstance(error, SystemExit) and type(error) is not SystemExit:
        return Status.INTERRUPTED
    return Status.FAILED


def make_record(job: Job, attempt: str, started_at: str, **fields: Any) -> RunRecord:
    """The record of a job that ended now."""
    return RunRecord.model_validate(
        {
            "key": job.key,
            "attempt": attempt,
            "suite": job.suite,
            "task": job.task,
            "row": job.row,
            "algorithm": job.algorithm,
            "origin": job.origin,
            "config_passed": dict(job.passed),
            "config_effective": dict(job.config),
            "seed": job.seed,
            "seeded": job.seeded,
            "dataset": job.dataset,
            "fold": job.fold,
            "final_fit": job.final_fit,
            "primary_metric": job.primary_metric,
            "cutoff": 0,
            "environment": environment(job.settings, job.imports),
            "code": job.code,
            "tuning": job.tuning,
            "tunable": list(job.tunable),
            "published": dict(job.published),
            "published_in": job.published_in,
            "command": job.command,
            "started_at": started_at,
            "finished_at": now(),
            **fields,
        }
    )


def now() -> str:
    """The time in UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def isolate(threads: int, log: Path) -> None:
    """Make this process its own: a group that can be killed whole, output to a log, a fixed number of threads."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _end_with_parent()
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(descriptor, stream.fileno())
    faulthandler.enable()
    limit_threads(threads)


def _end_with_parent() -> None:
    """A killed parent cannot end its children, so each of them watches it."""
    parent = parent_process()
    if parent is None:
        return

    def watch() -> None:
        connection.wait([parent.sentinel])
        os.killpg(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


def limit_threads(threads: int) -> None:
    """Every numeric library computes with this many threads: timings compare, and results repeat."""
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(threads)
    threadpool_limits(threads)
