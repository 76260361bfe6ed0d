"""Opening an MLflow store. The first use of a fresh database makes its tables; two processes that do so at once
both fail, and one that is killed meanwhile leaves an sqlite file that nobody can use any more.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy
from filelock import FileLock, Timeout
from mlflow import MlflowClient

from bench.tracking.places import Place, sqlite_uri

MIGRATIONS = "alembic.runtime.migration"
ADVISORY_LOCK = 7_315_201
"""Any number that nobody else uses."""
POLL_SECONDS = 0.2


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
            _make_sqlite(file)
        with _database_lock(place.uri, progress):
            return MlflowClient(place.uri)


def _make_sqlite(file: Path) -> None:
    """Under another name, and renamed when whole. A journal left by a killed process would ruin its successor."""
    unfinished = file.with_name(f".{file.name}.unfinished")
    for leftover in file.parent.glob(f"{unfinished.name}*"):
        leftover.unlink()
    MlflowClient(sqlite_uri(unfinished))
    unfinished.replace(file)


@contextmanager
def _file_lock(path: Path, progress: Callable[[], None]) -> Iterator[None]:
    lock = FileLock(path)
    _wait_for(lambda: _taken(lock), progress)
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


@contextmanager
def _database_lock(uri: str, progress: Callable[[], None]) -> Iterator[None]:
    """On PostgreSQL, a lock that processes on other machines respect too.

    Fails at once if the database can't be read: MLflow would try again for 100 seconds, and then say less.
    """
    engine = sqlalchemy.create_engine(uri, poolclass=sqlalchemy.NullPool)
    with engine.connect() as connection:
        sqlalchemy.inspect(connection).get_table_names()
        if engine.dialect.name == "postgresql":
            attempt = sqlalchemy.select(sqlalchemy.func.pg_try_advisory_lock(ADVISORY_LOCK))
            _wait_for(lambda: bool(connection.scalar(attempt)), progress)
        yield


def _wait_for(taken: Callable[[], bool], progress: Callable[[], None]) -> None:
    """Whoever holds a lock is alive: those of a dead process are gone."""
    while not taken():
        progress()
        time.sleep(POLL_SECONDS)


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
