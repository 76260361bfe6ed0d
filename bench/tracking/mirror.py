"""Keeps MLflow up to date while a command runs, without ever making the command wait for it.

MLflow is imported and spoken to in a process of its own. If that hangs it is killed; the records stay, and
`bench sync` mirrors them later.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Self

from bench.store import Stored
from bench.tracking import markers
from bench.tracking.driver import Driver, Summary, Task
from bench.tracking.places import LOG_NAME, place

PATIENCE_SECONDS, LIMIT_SECONDS, ABANDON_SECONDS = 9.0, 60.0, 2.0
SETTINGS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
"""By default MLflow tries a dead server for four minutes. Here a record is tried again with a later one, so a call
need not be: a hung server is found out after 5 seconds. The user's own settings win."""

Notes = Callable[[], Mapping[str, str]]
"""Makes the Markdown leaderboards by experiment name; called only if MLflow will be told."""


class Mirror:
    """Mirrors the records of the results folder `root` to the MLflow store at `uri`.

    command: what the invocation's parent run is called after. verify: ask MLflow about every record, whatever
    the markers beside them say. Raises UsageError for a URI that cannot be one.

        with Mirror(out, uri, command="bench run …") as mirror:
            mirror.start()            # optional: MLflow gets ready in the background while jobs run
            mirror.submit(stored)     # for each record; never blocks
            summary = mirror.finish(notes)
    """

    def __init__(self, root: Path, uri: str | None = None, *, command: str = "bench run", verify: bool = False) -> None:
        self._place = place(root, uri)
        self._command, self._started_ms = command, time.time_ns() // 1_000_000
        file = self._place.database_file
        self._trusts_markers = not verify and (file is None or file.exists())
        self._summary, self._submitted = Summary(self._place.shown), 0
        self._tasks: SimpleQueue[Task] = SimpleQueue()
        self._process: subprocess.Popen[str] | None = None
        self._driver: Driver | None = None

    def start(self) -> None:
        """Start the mirroring process; it gets ready in the background."""
        if self._driver is None:
            self._process = self._spawn()
            self._driver = Driver(self._process, self._opening(), self._tasks, self._summary)
            self._driver.start()

    def submit(self, stored: Stored) -> None:
        """Mirror a record, unless it is marked as mirrored."""
        self._submitted += 1
        if self._trusts_markers and markers.is_marked(stored.path, self._place.shown, stored.record.attempt):
            self._summary.present += 1
            return
        self.start()
        self._tasks.put(stored.path.resolve())

    def finish(
        self, notes: Notes, *, patience: float = PATIENCE_SECONDS, limit: float | None = LIMIT_SECONDS
    ) -> Summary:
        """Wait until all is mirrored, and write the leaderboards.

        Gives up when nothing has moved for `patience` seconds, or after `limit` seconds in all (None: no limit).
        """
        if self._driver is not None:
            self._tasks.put(dict(notes()))
            finished = self._driver.wait(patience, limit)
            self._stop()
            if not finished:
                self._summary.problem = f"no answer within {patience:.0f} seconds, see {LOG_NAME}"
        known = self._summary.mirrored + self._summary.present + len(self._summary.failed)
        self._summary.pending = self._submitted - known
        return self._summary

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Without `finish` the invocation was interrupted: its runs are ended as KILLED, if that goes quickly."""
        if self._driver is not None and self._process is not None:
            self._tasks.put(None)
            self._driver.wait(ABANDON_SECONDS, ABANDON_SECONDS)
            self._stop()

    def _opening(self) -> dict[str, object]:
        return {
            "do": "open",
            "root": str(self._place.root),
            "uri": self._place.uri,
            "command": self._command,
            "started_ms": self._started_ms,
        }

    def _spawn(self) -> subprocess.Popen[str]:
        """In its own session, so that Ctrl-C doesn't reach it; -P keeps modules in the current folder from being
        taken for others.
        """
        self._place.root.mkdir(parents=True, exist_ok=True)
        with self._place.log_file.open("w") as log:
            return subprocess.Popen(
                [sys.executable, "-P", "-m", "bench.tracking.worker", str(os.getpid())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**SETTINGS, **os.environ},
                encoding="utf-8",
                start_new_session=True,
            )

    def _stop(self) -> None:
        """All that was asked is answered or given up, so nothing is lost by being quick."""
        if self._process is not None and self._driver is not None:
            self._process.kill()
            self._process.wait()
            self._driver.join()
            self._process = None
