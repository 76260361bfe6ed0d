"""Where an MLflow store is: its URI, and the files that belong to it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bench.database import SQLITE, sqlite_uri
from bench.errors import UsageError

LOG_NAME = "mlflow-mirror.log"
SERVERS = ("http", "https", "databricks")
DATABASES = ("sqlite", "postgresql", "mysql", "mssql")


@dataclass(frozen=True)
class Place:
    """An MLflow store, and the results folder that is mirrored to it."""

    root: Path
    uri: str

    @property
    def is_server(self) -> bool:
        """Whether a tracking server is behind it, rather than a database that MLflow opens itself."""
        return _scheme(self.uri) in SERVERS

    @property
    def database_file(self) -> Path | None:
        """The file of an sqlite store; None for any other."""
        if not self.uri.startswith(SQLITE):
            return None
        return Path(unquote(self.uri.removeprefix(SQLITE).partition("?")[0]))

    @property
    def artifact_location(self) -> str | None:
        """Where new experiments keep their files; None: the server decides."""
        return None if self.is_server else (self.root / "mlflow-artifacts").as_uri()

    @property
    def schema_lock(self) -> Path:
        """Held while the database's tables are made: beside an sqlite file, so that all its users meet there."""
        file = self.database_file
        return self.root / ".mlflow-schema.lock" if file is None else file.with_name(f".{file.name}.lock")

    @property
    def mirror_lock(self) -> Path:
        """Held while one record is mirrored, so that two processes never both find it missing."""
        return self.root / ".mlflow-mirror.lock"

    @property
    def log_file(self) -> Path:
        """What the mirroring process said."""
        return self.root / LOG_NAME

    @property
    def shown(self) -> str:
        """The URI without its password."""
        return self.without_password(self.uri)

    def without_password(self, text: str) -> str:
        """`text` with the URI's password blanked out."""
        password = re.search(r"://[^/@]*:([^/]*)@", self.uri)
        return text.replace(password[1], "***") if password and password[1] else text


def place(root: Path, uri: str | None = None) -> Place:
    """The store at a tracking URI; by default an sqlite file in the results folder.

    Raises UsageError if MLflow cannot keep runs there.
    """
    root = root.resolve()
    if uri is None:
        return Place(root, sqlite_uri(root / "mlflow.db"))
    found = Place(root, uri)
    if _scheme(uri) not in (*SERVERS, *DATABASES):
        allowed = ", ".join(f"{scheme}:" for scheme in ("http", "https", *DATABASES, "databricks"))
        raise UsageError(f"a tracking URI starts with one of {allowed}. Got '{found.shown}'.")
    return found


def _scheme(uri: str) -> str:
    """ "postgresql" of "postgresql+psycopg://…"."""
    return uri.lower() if uri.lower() in SERVERS else urlsplit(uri).scheme.partition("+")[0]
