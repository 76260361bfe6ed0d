"""Databases that several processes open for the first time: one makes the tables while the others wait.

Two processes that do so at once both fail, and one that is killed meanwhile leaves an sqlite file that nobody can use
any more.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

SQLITE = "sqlite:///"
POLL_SECONDS = 0.2
Progress = Callable[[], None]


def make_sqlite(file: Path, make: Callable[[str], object]) -> None:
    """`make` a database, given its URI, under another name; it is renamed when whole.

    A journal left by a killed process would ruin its successor, so it is removed.
    """
    unfinished = file.with_name(f".{file.name}.unfinished")
    for leftover in file.parent.glob(f"{unfinished.name}*"):
        leftover.unlink()
    make(sqlite_uri(unfinished))
    unfinished.replace(file)


def sqlite_uri(file: Path) -> str:
    """The URI of an sqlite file. Quotes only what SQLAlchemy would misread, since MLflow also makes the folder
    that is written in a URI.
    """
    return SQLITE + str(file.absolute()).replace("%", "%25").replace("?", "%3F")


@contextmanager
def database_lock(uri: str, number: int, progress: Progress = lambda: None) -> Iterator[None]:
    """On PostgreSQL, a lock of that number, which processes on other machines respect too; elsewhere none.

    Fails at once if the database can't be read.
    """
    import sqlalchemy

    engine = sqlalchemy.create_engine(uri, poolclass=sqlalchemy.NullPool)
    with engine.connect() as connection:
        sqlalchemy.inspect(connection).get_table_names()
        if engine.dialect.name == "postgresql":
            attempt = sqlalchemy.select(sqlalchemy.func.pg_try_advisory_lock(number))
            wait_for(lambda: bool(connection.scalar(attempt)), progress)
        yield


def wait_for(taken: Callable[[], bool], progress: Progress = lambda: None) -> None:
    """Wait for a lock. Whoever holds it is alive: those of a dead process are gone."""
    while not taken():
        progress()
        time.sleep(POLL_SECONDS)
