"""Opening an MLflow store, whose tables the first one makes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from mlflow import MlflowClient

from bench.database import database_lock, make_sqlite, wait_for
from bench.tracking.places import Place

MIGRATIONS = "alembic.runtime.migration"
ADVISORY_LOCK = 7_315_201
"""Any number that nobody else uses."""


def open_client(place: Place, progress: Callable[[], None]) -> MlflowClient:
    """A client of the store, its tables in place. progress: hears that this goes on, however slowly.

    Raises whatever MLflow or the database raises.
    """
    if place.is_server:
        return MlflowClient(place.uri)
    place.schema_lock.parent.mkdir(parents=True, exist_ok=True)
    with _file_lock(place.schema_lock, progress), _told_of_migrations(progress):
        file = place.database_file
        if file is not None and not file.exists():
            make_sqlite(file, MlflowClient)
        # Raises at once if the database can't be read: MLflow would try again for 100 seconds, and then say less.
        with database_lock(place.uri, ADVISORY_LOCK, progress):
            return MlflowClient(place.uri)


@contextmanager
def _file_lock(path: Path, progress: Callable[[], None]) -> Iterator[None]:
    lock = FileLock(path)
    wait_for(lambda: _taken(lock), progress)
    try:
        yield
    finally:
        lock.release()


def _taken(lock: FileLock) -> bool:
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return False
    return True


class _Steps(logging.Handler):
    def __init__(self, progress: Callable[[], None]) -> None:
        super().__init__(logging.INFO)
        self._progress = progress

    def emit(self, record: logging.LogRecord) -> None:
        self._progress()


@contextmanager
def _told_of_migrations(progress: Callable[[], None]) -> Iterator[None]:
    """Alembic logs a line for each of its steps, dozens on a fresh database."""
    logger, steps = logging.getLogger(MIGRATIONS), _Steps(progress)
    logger.addHandler(steps)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.propagate = True
        logger.removeHandler(steps)
