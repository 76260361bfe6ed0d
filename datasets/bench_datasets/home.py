"""Where data sets are kept on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from bench.card import Card
from bench_datasets.problems import SourceError

LOCK_SECONDS = 900.0


def data_home() -> Path:
    """The cache of all data sets: BENCH_DATA_HOME, or a folder of the platform's user cache."""
    named = os.environ.get("BENCH_DATA_HOME")
    if named:
        return Path(named).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("recsys-bench") / "datasets"


def cache_folder(card: Card, home: Path | None) -> Path:
    """The cache of one data set; another version has another folder."""
    return (home or data_home()) / card.name / f"v{card.version}"


@contextmanager
def writing(folder: Path, seconds: float = LOCK_SECONDS) -> Iterator[None]:
    """Make the folder and hold its lock, so that one process at a time writes to it.

    Raises SourceError if it cannot be written to, or if another process holds it for longer than `seconds`.
    """
    lock = FileLock(folder / ".lock", timeout=seconds)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise SourceError(f"another process has been writing to the cache {folder} for {seconds:.0f} s") from None
    except OSError as error:
        reason = error.strerror or error
        raise SourceError(f"cannot write to the cache {folder} ({reason}); BENCH_DATA_HOME names another") from None
    try:
        yield
    finally:
        lock.release()
