"""Which process writes an MLflow run, and whether it is still there: a killed one leaves the run RUNNING."""

from __future__ import annotations

import socket
import time

import psutil

CLOCK_TOLERANCE_SECONDS = 5.0
GIVEN_UP_SECONDS = 24 * 3600
"""A run on another machine, whose processes can't be seen, counts as dead when it has been open this long."""


def this_process() -> str:
    """An identity that a reused process number does not share: "host/pid/start time"."""
    me = psutil.Process()
    return f"{socket.gethostname()}/{me.pid}/{me.create_time():.0f}"


def is_dead(process: str, opened_ms: int) -> bool:
    """Whether the process that opened a run at `opened_ms` (Unix milliseconds) cannot be writing it any more."""
    host, pid, started = process.rsplit("/", 2)
    if host != socket.gethostname():
        return time.time() - opened_ms / 1000 > GIVEN_UP_SECONDS
    try:
        found = psutil.Process(int(pid))
        same = abs(found.create_time() - float(started)) <= CLOCK_TOLERANCE_SECONDS
        return not same or found.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
