"""Asks the mirroring process one thing at a time. Only this thread ever waits for MLflow."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from bench.tracking.places import LOG_NAME

PAUSE_SECONDS = 30.0
"""After a failure the store is left alone this long; what finishes meanwhile is tried with a later record."""

Task = Path | dict[str, str] | None
"""A record to mirror; the leaderboards by experiment name, which end an invocation; None: it was interrupted."""


@dataclass
class Summary:
    """What became of the records. failed: those MLflow refused, with why. pending: those that wait for `bench
    sync`. closed: runs of dead processes, now ended. problem: why the store didn't take all, "" if it did.
    """

    uri: str
    mirrored: int = 0
    present: int = 0
    closed: int = 0
    failed: list[tuple[Path, str]] = field(default_factory=list)
    pending: int = 0
    problem: str = ""

    @property
    def warning(self) -> str | None:
        """One line for a person; None if MLflow has everything."""
        missing = self.pending + len(self.failed)
        if not missing and not self.problem:
            return None
        why = self.problem or f"{self.failed[0][0]}: {self.failed[0][1]}"
        what = f"{missing} of {missing + self.mirrored + self.present} results" if missing else "the leaderboards"
        return f"MLflow ({self.uri}) lacks {what}: {why.rstrip('.')}. Nothing is lost; later, run: bench sync"


class ProcessGoneError(Exception):
    """The mirroring process has ended."""


class Driver(threading.Thread):
    """Takes tasks from a queue, has the process carry them out, and keeps the summary."""

    def __init__(
        self, process: subprocess.Popen[str], opening: dict[str, Any], tasks: SimpleQueue[Task], summary: Summary
    ) -> None:
        super().__init__(daemon=True, name="bench-mirror")
        assert process.stdin is not None
        assert process.stdout is not None
        self._to, self._from = process.stdin, process.stdout
        self._opening, self._tasks, self._summary = opening, tasks, summary
        self._waiting: deque[Path] = deque()
        self._opened = False
        self._resume_at = self._moved = time.monotonic()
        self._done = False
        self._changed = threading.Condition()

    def run(self) -> None:
        """Until the invocation ends or the process is gone."""
        try:
            self._open()
            while isinstance(task := self._tasks.get(), Path):
                self._waiting.append(task)
                self._mirror_waiting()
            self._end(task)
        except ProcessGoneError:
            self._summary.problem = self._summary.problem or f"the mirroring process ended, see {LOG_NAME}"
        self._note(done=True)

    def wait(self, patience: float, limit: float | None) -> bool:
        """Wait for the end; False if nothing moved for `patience` seconds, or `limit` seconds went by."""
        started = time.monotonic()
        with self._changed:
            while not self._done:
                end = max(self._moved, started) + patience
                if limit is not None:
                    end = min(end, started + limit)
                left = end - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(left)
        return True

    def _end(self, notes: dict[str, str] | None) -> None:
        if notes is not None:
            self._mirror_waiting()
        if not self._opened or self._is_paused:
            return
        reply = self._ask({"do": "abandon"} if notes is None else {"do": "finish", "notes": notes})
        if reply["ok"]:
            self._summary.closed = reply.get("closed", 0)
        else:
            self._summary.problem = reply["message"]

    def _mirror_waiting(self) -> None:
        while self._waiting and not self._is_paused and self._open():
            path = self._waiting.popleft()
            reply = self._ask({"do": "mirror", "path": str(path)})
            if reply["ok"]:
                self._count(reply["outcome"])
            elif reply["down"]:
                self._waiting.append(path)
                self._pause(reply["message"])
            else:
                self._summary.failed.append((path, reply["message"]))

    def _count(self, outcome: str) -> None:
        self._summary.mirrored += outcome == "mirrored"
        self._summary.present += outcome == "present"
        self._summary.problem = ""

    def _open(self) -> bool:
        if not self._opened:
            reply = self._ask(self._opening)
            self._opened = bool(reply["ok"])
            if not self._opened:
                self._pause(reply["message"])
        return self._opened

    @property
    def _is_paused(self) -> bool:
        return time.monotonic() < self._resume_at

    def _pause(self, problem: str) -> None:
        self._summary.problem = problem
        self._resume_at = time.monotonic() + PAUSE_SECONDS

    def _ask(self, command: dict[str, Any]) -> dict[str, Any]:
        try:
            self._to.write(json.dumps(command) + "\n")
            self._to.flush()
            while True:
                line = self._from.readline()
                if not line:
                    raise ProcessGoneError
                reply: dict[str, Any] = json.loads(line)
                if reply.get("alive") or reply["ok"] or not reply["down"]:
                    self._note()
                if "ok" in reply:
                    return reply
        except (OSError, ValueError):  # a broken pipe, or half a line from a process that was killed
            raise ProcessGoneError from None

    def _note(self, done: bool = False) -> None:
        """Something moved."""
        with self._changed:
            self._moved = time.monotonic()
            self._done = self._done or done
            self._changed.notify_all()
