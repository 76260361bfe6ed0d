"""Run records: the one source of truth behind every table and plot. They are versioned, and old ones stay readable."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from bench.ledger import TuningLedger
from bench.profile import FoldProfile
from bench.protocol.audit import Finding
from bench.slices import SliceValue

SCHEMA_VERSION = 2


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
    path: str = ""
    """Of files that the suite named by a path."""


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
    split: str
    """Fingerprint of all folds of the task together; that of the fold where there is one."""
    index: int = 0
    count: int = 1
    """Which of how many folds of the task this is."""
    rules: dict[str, Any] = Field(default_factory=dict)
    """Kind of task, repeat consumption, sampled candidates: what differs from ranking the full catalogue."""
    audit: list[Finding] = Field(default_factory=list)
    """What the leak audit found."""
    profile: FoldProfile | None = None
    """What the data looks like; None in records of before this was written down."""


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


class RunRecord(_Part):
    """All that produced a result, and the result."""

    schema_version: Literal[2] = 2
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
    seeded: bool = True
    """Whether another seed could have given another result; true where it is not known."""
    dataset: DatasetRef
    fold: FoldRef
    final_fit: Literal["train", "train+validation"]
    primary_metric: str
    cutoff: int
    """Length of the recommended lists."""
    metrics: dict[str, MetricValue] = Field(default_factory=dict)
    by_cutoff: dict[str, list[float]] = Field(default_factory=dict)
    """By a metric's name without its cut-off, its value at cut-off 1, 2, … up to that: the last is the metric's own."""
    slices: dict[str, dict[str, SliceValue]] = Field(default_factory=dict)
    """By family ("activity") and group ("low"): its users and the metrics on them, or on their items."""
    n_masked: int = 0
    warnings: list[str] = Field(default_factory=list)
    curves: dict[str, list[tuple[int, float]]] = Field(default_factory=dict)
    details: dict[str, Any] = Field(default_factory=dict)
    timings: Timings = Timings()
    peak_bytes: int = 0
    environment: Environment
    code: Code
    tuning: TuningLedger | None = None
    tunable: list[str] | None = None
    """Fields of the configuration that have a search range; None in records of before this was written down."""
    published: dict[str, float] = Field(default_factory=dict)
    """By metric, what was published of this algorithm under this protocol."""
    published_in: str = ""
    command: str = ""
    started_at: str
    finished_at: str

    @field_validator("schema_version", mode="before")
    @classmethod
    def _readable(cls, version: object) -> object:
        if version != SCHEMA_VERSION:
            raise ValueError(f"should be in [1, {SCHEMA_VERSION}]; later ones are read by a newer recsys-bench")
        return version

    @property
    def kind(self) -> str:
        """What was predicted: "ranking" or "rating"."""
        return str(self.fold.rules.get("kind", "ranking"))


def parse_record(content: bytes | str) -> RunRecord:
    """A record of this schema version or of an older one. Raises pydantic's ValidationError if it is none."""
    try:
        values = json.loads(content)
    except ValueError:
        return RunRecord.model_validate_json(content)  # raises, and says where
    if isinstance(values, dict) and values.get("schema_version") == 1:
        values = _from_version_1(values)
    return RunRecord.model_validate_json(json.dumps(values))


def _from_version_1(values: dict[str, Any]) -> dict[str, Any]:
    """Version 1 had one fold a task, no leak audit and no slices; and a splitter that is called otherwise now."""
    fold = values.get("fold")
    if isinstance(fold, dict):
        splitter = "leave-last-n" if fold.get("splitter") == "next-item" else fold.get("splitter")
        fold = {**fold, "split": fold.get("fingerprint", ""), "splitter": splitter}
    return {**values, "schema_version": SCHEMA_VERSION, "fold": fold}
