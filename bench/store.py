"""The store of run records: a folder a job, that appears whole, by one rename, or not at all.

A finished job is `<root>/<suite>-v<version>/<task>/<row>/seed-<seed>-<key>/` with `record.json`,
`per_user.parquet` (user, a column a metric, and the user's groups) and what was predicted: `topk.parquet`
(user, item, rank from 1, score), with `examples.json` of a few users, or `predictions.parquet` (user, item, rating,
prediction).
"""

from __future__ import annotations

import logging
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from bench.config import describe_validation_error
from bench.errors import DataError
from bench.examples import Examples
from bench.interactions import Float64Array
from bench.records import RunRecord, Status, parse_record

if TYPE_CHECKING:
    import pyarrow as pa

ASIDE = ".replaced-"
logger = logging.getLogger(__name__)
RECORD_FILE, PER_USER_FILE = ("record.json", "per_user.parquet")
TOPK_FILE, PREDICTIONS_FILE = ("topk.parquet", "predictions.parquet")
EXAMPLES_FILE = "examples.json"


@dataclass(frozen=True)
class Stored:
    """A record and the folder it lies in."""

    path: Path
    record: RunRecord


@dataclass(frozen=True)
class Place:
    """Where a job's result goes, relative to the store."""

    suite: str
    task: str
    row: str
    seed: int
    key: str

    def folder(self, root: Path) -> Path:
        return root / self.suite / self.task / self.row / f"seed-{self.seed}-{self.key[:16]}"


def place_of(record: RunRecord) -> Place:
    """Where a record belongs."""
    return Place(f"{record.suite.name}-v{record.suite.version}", record.task, record.row, record.seed, record.key)


class Store:
    """The records under one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()  # a job may change its working folder

    def accepts(self, record: RunRecord) -> bool:
        """Whether `write` may store it: a failure never replaces a finished result."""
        if record.status is Status.OK:
            return True
        older = self.find(place_of(record))
        return older is None or older.record.status is not Status.OK

    def sweep(self) -> None:
        """Tidy up after a process that was killed while it wrote. Call it only while holding the folder's lock."""
        for staging in self.root.glob("*-v*/*/*/.writing-*"):
            shutil.rmtree(staging, ignore_errors=True)
        for aside in self.root.glob(f"*-v*/*/*/{ASIDE}*"):
            target = aside.with_name(aside.name.removeprefix(ASIDE))
            if target.exists():
                shutil.rmtree(aside, ignore_errors=True)
            else:
                os.replace(aside, target)

    def write(
        self, record: RunRecord, tables: Mapping[str, pa.Table] | None = None, texts: Mapping[str, str] | None = None
    ) -> Path:
        """Write a record, its tables and texts (by file name) as one folder that appears at once.

        An older result under the same key is replaced. Raises OSError and leaves nothing behind when the
        disk is full.
        """
        target = place_of(record).folder(self.root)
        target.parent.mkdir(parents=True, exist_ok=True)
        staging = _staging_folder(target.parent)
        try:
            for name, table in (tables or {}).items():
                _write_parquet(table, staging / name)
            for name, text in (texts or {}).items():
                write_text(staging / name, text)
            write_text(staging / RECORD_FILE, record.model_dump_json(indent=2))
            _replace_folder(staging, target)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
        return target

    def find(self, place: Place) -> Stored | None:
        """The record of a job, whatever its status, or None. One that cannot be read counts as none."""
        path = place.folder(self.root)
        return _readable(path) if (path / RECORD_FILE).exists() else None

    def all(self, suite: str | None = None) -> Iterator[Stored]:
        """Every readable record, of one suite label ("movielens-v1") or of all, in path order."""
        for path in sorted(self.root.glob(f"{suite or '*-v*'}/*/*/seed-*/{RECORD_FILE}")):
            stored = _readable(path.parent)
            if stored is not None:
                yield stored


def _readable(folder: Path) -> Stored | None:
    """One bad file must not hide the others."""
    try:
        return Stored(folder, read_record(folder))
    except DataError as error:
        logger.warning("a record was passed over: %s", error)
        return None


def read_record(folder: Path) -> RunRecord:
    """The record in a folder. Raises DataError if it is not one, or is of a schema this version can't read."""
    path = folder / RECORD_FILE
    try:
        return parse_record(path.read_bytes())
    except OSError as error:
        raise DataError(f"cannot read the record {path}: {error}.") from None
    except ValidationError as error:
        problem = describe_validation_error(f"the record {path}", error, RunRecord.model_fields)
        raise DataError(problem) from None


def read_examples(folder: Path) -> Examples | None:
    """The examples of a record; None without them, as of rating tasks and in records of before they were kept.

    Raises DataError if they cannot be read.
    """
    path = folder / EXAMPLES_FILE
    if not path.exists():
        return None
    try:
        return Examples.model_validate_json(path.read_bytes())
    except OSError as error:
        raise DataError(f"cannot read {path}: {error}.") from None
    except ValidationError as error:
        raise DataError(describe_validation_error(str(path), error, Examples.model_fields)) from None


def read_per_user(folder: Path, labels: Sequence[str]) -> tuple[pa.ChunkedArray, dict[str, Float64Array]] | None:
    """The users of a record, string[n_users], and float64[n_users] for each of the metrics that has a value a user.
    None without them.

    Raises DataError if the table cannot be read.
    """
    from pyarrow import parquet

    path = folder / PER_USER_FILE
    if not path.exists():
        return None
    try:
        names = set(parquet.read_schema(path).names)
        table = parquet.read_table(path, columns=["user", *(label for label in labels if label in names)])
        values = {name: table.column(name).to_numpy() for name in table.column_names if name != "user"}
        return table.column("user"), values
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"cannot read {path}: {error}.") from None


def write_text(path: Path, text: str) -> None:
    """Write a file that appears whole: temporary name, fsync, rename."""
    temporary = path.with_name(f".{path.name}-{uuid.uuid4().hex}")
    try:
        with temporary.open("x", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _write_parquet(table: pa.Table, path: Path) -> None:
    from pyarrow import parquet

    with path.open("wb") as file:
        parquet.write_table(table, file, compression="zstd")
        file.flush()
        os.fsync(file.fileno())


def _staging_folder(parent: Path) -> Path:
    """A folder with a name of its own, readable by whoever may read its parent (mkdtemp's is private)."""
    folder = parent / f".writing-{uuid.uuid4().hex}"
    folder.mkdir()
    return folder


def _replace_folder(staging: Path, target: Path) -> None:
    """Move `staging` to `target`; an old target is moved aside first, so that no reader sees a mixture."""
    if target.exists():
        aside = target.with_name(ASIDE + target.name)
        shutil.rmtree(aside, ignore_errors=True)
        os.replace(target, aside)
        os.replace(staging, target)
        shutil.rmtree(aside, ignore_errors=True)
    else:
        os.replace(staging, target)
