"""Run records and the store that keeps them: the one source of truth behind every table and plot.

A finished job is a folder `<root>/<suite>-v<version>/<task>/<row>/seed-<seed>-<key>/` with `record.json`,
`per_user.parquet` (user, and a column a metric) and `topk.parquet` (user, item, rank from 1, score). It
appears whole, by one rename, or not at all.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench.config import describe_validation_error
from bench.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

SCHEMA_VERSION = 1
ASIDE = ".replaced-"
logger = logging.getLogger(__name__)
RECORD_FILE, PER_USER_FILE, TOPK_FILE = ("record.json", "per_user.parquet", "topk.parquet")


class Status(StrEnum):
    """How a job ended."""

    OK = "ok"
    FAILED = "failed"
    DIVERGED = "diverged"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out of memory"
    UNMET_NEED = "unmet need"
    INTERRUPTED = "interrupted"


class _Part(BaseModel):
    # A curve may hold NaN: as a string it is valid JSON and is read back, as null it would not be.
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, ser_json_inf_nan="strings")


class SuiteRef(_Part):
    """Which suite asked for the job."""

    name: str
    version: int
    fingerprint: str


class DatasetRef(_Part):
    """Which data it ran on."""

    name: str
    version: int
    fingerprint: str
    source: str


class FoldRef(_Part):
    """Which split it ran on, how that was made, and what was left out."""

    fingerprint: str
    filters: dict[str, Any]
    splitter: str
    options: dict[str, Any]
    seed: int
    dropped: list[dict[str, Any]]
    """What each filter took away: step, interactions, users, items."""
    interactions: dict[str, int]
    users: dict[str, int]
    items: dict[str, int]
    excluded: dict[str, int]


class MetricValue(_Part):
    """One metric: its mean over users (or its value over all lists), and what the mean is made of."""

    value: float | None
    """None where it is undefined for every user."""
    version: int
    higher_is_better: bool = True
    n_users: int
    """Users in the mean."""
    n_undefined: int = 0


class Timings(_Part):
    """Seconds, from a clock that never goes back."""

    fit_seconds: float = 0.0
    final_fit_seconds: float = 0.0
    recommend_seconds: float = 0.0
    metrics_seconds: float = 0.0
    total_seconds: float = 0.0


class Environment(_Part):
    """What it ran on."""

    python: str
    platform: str
    processor: str
    cores: int
    memory_bytes: int
    device: str
    device_name: str
    precision: str = "32-true"
    threads: int
    packages: dict[str, str]


class Code(_Part):
    """Which code it ran. content: sha256 of the source that can change a result."""

    version: str
    content: str
    commit: str | None = None
    dirty: bool | None = None


class TuningLedger(_Part):
    """How a configuration was found."""

    trials: int
    completed: int
    pruned: int
    failed: int
    seconds: float
    sampler: str
    seed: int
    metric: str
    best_value: float
    best_trial: int
    command: str
    fold: str
    """Fingerprint of the fold whose validation part was looked at."""


class RunRecord(_Part):
    """All that produced a result, and the result."""

    schema_version: Literal[1] = 1
    key: str
    """Hash of everything that could change the result."""
    attempt: str
    """Unique to this execution."""
    status: Status
    reason: str = ""
    traceback: str = ""
    suite: SuiteRef
    task: str
    row: str
    algorithm: str
    origin: str
    """Who registered the algorithm."""
    config_passed: dict[str, Any]
    config_effective: dict[str, Any]
    seed: int
    dataset: DatasetRef
    fold: FoldRef
    final_fit: Literal["train", "train+validation"]
    primary_metric: str
    cutoff: int
    """Length of the recommended lists."""
    metrics: dict[str, MetricValue] = Field(default_factory=dict)
    n_masked: int = 0
    warnings: list[str] = Field(default_factory=list)
    curves: dict[str, list[tuple[int, float]]] = Field(default_factory=dict)
    details: dict[str, Any] = Field(default_factory=dict)
    timings: Timings = Timings()
    peak_bytes: int = 0
    environment: Environment
    code: Code
    tuning: TuningLedger | None = None
    command: str = ""
    started_at: str
    finished_at: str


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

    def write(self, record: RunRecord, tables: Mapping[str, pa.Table] | None = None) -> Path:
        """Write a record and its tables (by file name) as one folder that appears at once.

        An older result under the same key is replaced. Raises OSError and leaves nothing behind when the
        disk is full.
        """
        target = place_of(record).folder(self.root)
        target.parent.mkdir(parents=True, exist_ok=True)
        staging = _staging_folder(target.parent)
        try:
            for name, table in (tables or {}).items():
                _write_parquet(table, staging / name)
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
        return RunRecord.model_validate_json(path.read_bytes())
    except OSError as error:
        raise DataError(f"cannot read the record {path}: {error}.") from None
    except ValidationError as error:
        problem = describe_validation_error(f"the record {path}", error, RunRecord.model_fields)
        raise DataError(problem) from None


def write_text(path: Path, text: str) -> None:
    """Write a file that appears whole: temporary name, fsync, rename."""
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
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
