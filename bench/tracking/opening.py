"""Opening an MLflow store. The first use of a fresh database makes its tables; two processes that do so at once
both fail, and one that is killed meanwhile leaves an sqlite file that nobody can use any more."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy
from filelock import FileLock
from mlflow import MlflowClient

from bench.tracking.places import Place, sqlite_uri

MIGRATIONS = "alembic.runtime.migration"


def open_client(place: Place, progress: Callable[[], None]) -> MlflowClient:
    """A client of the store, its tables in place. progress: hears of each step of making these.

    Raises whatever MLflow or the database raises.
    """
    if place.is_server:
        return MlflowClient(place.uri)
    place.schema_lock.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(place.schema_lock), _told_of_migrations(progress):
        file = place.database_file
        if file is not None and not file.exists():
            _make_sqlite(file)
        _try(place.uri)
        return MlflowClient(place.uri)


def _make_sqlite(file: Path) -> None:
    """Under another name, and renamed when whole. A journal left by a killed process would ruin its successor."""
    unfinished = file.with_name(f".{file.name}.unfinished")
    for leftover in file.parent.glob(f"{unfinished.name}*"):
        leftover.unlink()
    MlflowClient(sqlite_uri(unfinished))
    os.replace(unfinished, file)


def _try(uri: str) -> None:
    """Fail at once if the database can't be read: MLflow would try again for 100 seconds, and then say less."""
    engine = sqlalchemy.create_engine(uri)
    try:
        sqlalchemy.inspect(engine).get_table_names()
    finally:
        engine.dispose()


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
