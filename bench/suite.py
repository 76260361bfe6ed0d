"""Suites: a data set, a protocol, tasks, metrics and algorithms with their parameters, pinned in one TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr, ValidationError, field_validator

from bench.algorithm import Algorithm
from bench.card import Strict
from bench.config import Config, describe_validation_error
from bench.errors import UnknownNameError, UsageError
from bench.interactions import content_hash
from bench.metrics.selection import parse_metrics
from bench.plugins import Registries
from bench.protocol.filters import Filters
from bench.protocol.splitters import Splitter

MAX_SUITE_BYTES = 2**20
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=80)]


class Task(Strict):
    """One way to split the data: a splitter's name and its options."""

    splitter: str
    options: dict[str, Any] = Field(default_factory=dict)


class Row(Strict):
    """One line of the leaderboard: an algorithm and its parameters. `algorithm` defaults to the row's name."""

    algorithm: str | None = None
    parameters: dict[str, Any] = Field(default_factory=dict)
    per_task: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Parameters that differ on a task, by the task's name."""


class Suite(Strict):
    """A benchmark that stays the same: what changes a score changes `version`."""

    name: Name
    version: int = Field(ge=1)
    description: str
    dataset: str
    seed: int = Field(ge=0)
    metrics: list[str] = Field(min_length=1)
    primary_metric: str
    """Sorts the leaderboard, and is what early stopping and tuning look at."""
    final_fit: Literal["train", "train+validation"] = "train+validation"
    """What the model that is tested was trained on."""
    filters: Filters = Filters()
    tasks: dict[Name, Task] = Field(min_length=1)
    algorithms: dict[Name, Row] = Field(min_length=1)
    _read: str = PrivateAttr(default="")
    """The fingerprint of the suite that this one was made from."""

    @field_validator("metrics")
    @classmethod
    def _metrics_once(cls, metrics: list[str]) -> list[str]:
        if len(set(metrics)) != len(metrics):
            raise ValueError("should name each metric once")
        return metrics

    @property
    def fingerprint(self) -> str:
        """Sha256 of the whole suite as it was read, whatever was selected or overridden since."""
        return self._read or content_hash(self.model_dump_json())

    def _copy(self, **changes: Any) -> Suite:
        copy = self.model_copy(update=changes)
        copy._read = self.fingerprint
        return copy

    @property
    def label(self) -> str:
        """Name and version: "movielens-v1"."""
        return f"{self.name}-v{self.version}"

    def splitter(self, task: str, registries: Registries) -> Splitter:
        """The task's splitter, with its options validated."""
        spec = self.tasks[task]
        splitter: type[Splitter] = registries.splitters.get(spec.splitter)
        return splitter.parse(f"the splitter '{spec.splitter}' of task '{task}'", spec.options)

    def algorithm(self, row: str, registries: Registries) -> type[Algorithm[Any]]:
        """The class behind a row."""
        algorithm: type[Algorithm[Any]] = registries.algorithms.get(self.algorithms[row].algorithm or row)
        return algorithm

    def config(self, row: str, task: str, registries: Registries) -> Config:
        """A row's validated parameters on a task."""
        spec = self.algorithms[row]
        values = {**spec.parameters, **spec.per_task.get(task, {})}
        return self.algorithm(row, registries).Config.parse(f"'{row}'", values)

    def check(self, registries: Registries) -> None:
        """Resolve every name and validate every parameter. Raises UsageError before any time is spent."""
        registries.datasets.get(self.dataset)
        labels = [metric.label for metric in parse_metrics(self.metrics, registries.metrics)]
        if self.primary_metric not in labels:
            raise UnknownNameError("primary metric", self.primary_metric, labels)
        for spec in self.algorithms.values():
            for task in spec.per_task:
                self._known("task", task, self.tasks)
        for task in self.tasks:
            self.splitter(task, registries)
            for row in self.algorithms:
                self.algorithm(row, registries)(self.config(row, task, registries))

    def select(self, only: list[str], tasks: list[str]) -> Suite:
        """The suite reduced to some rows and tasks; empty lists keep all."""
        for row in only:
            self._known("algorithm", row, self.algorithms)
        for task in tasks:
            self._known("task", task, self.tasks)
        rows = {name: row for name, row in self.algorithms.items() if not only or name in only}
        return self._copy(algorithms=rows, tasks={n: t for n, t in self.tasks.items() if not tasks or n in tasks})

    def override(self, assignments: list[str]) -> Suite:
        """Apply "row.field=value" assignments. A changed row is renamed, so that it is not mistaken for the
        suite's own: "ease" with l2=1 becomes "ease-l2-1".
        """
        changes: dict[str, dict[str, Any]] = {}
        for assignment in assignments:
            row, fieldname, value = self._parse_assignment(assignment)
            changes.setdefault(row, {})[fieldname] = value
        rows = dict(self.algorithms)
        for row, values in changes.items():
            rows = {_renamed(n, row, values): (_changed(n, s, values) if n == row else s) for n, s in rows.items()}
        return self._copy(algorithms=rows)

    def fixed(self, row: str, assignments: list[str]) -> dict[str, Any]:
        """The fields of one row that "row.field=value" assignments give."""
        parsed = [self._parse_assignment(assignment) for assignment in assignments]
        return {fieldname: value for owner, fieldname, value in parsed if owner == row}

    def _parse_assignment(self, assignment: str) -> tuple[str, str, Any]:
        target, equals, text = assignment.partition("=")
        row, dot, fieldname = target.strip().partition(".")
        if not (equals and dot and fieldname):
            raise UsageError(f"--set is written algorithm.field=value, such as ease.l2=300. Got '{assignment}'.")
        self._known("algorithm", row, self.algorithms)
        return row, fieldname, _literal(text.strip())

    def _known(self, kind: str, name: str, known: Mapping[str, Any]) -> None:
        if name not in known:
            raise UnknownNameError(f"{kind} in suite '{self.name}'", name, known)


def _renamed(name: str, row: str, values: Mapping[str, Any]) -> str:
    return "-".join([name, *(f"{key}-{value}" for key, value in values.items())]) if name == row else name


def _changed(name: str, row: Row, values: Mapping[str, Any]) -> Row:
    per_task = {task: {k: v for k, v in own.items() if k not in values} for task, own in row.per_task.items()}
    return Row(algorithm=row.algorithm or name, parameters={**row.parameters, **values}, per_task=per_task)


def _literal(text: str) -> Any:
    """A TOML value; what is not one is a string, so that quotes are optional."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (tomllib.TOMLDecodeError, RecursionError):
        return text


def load_suite(name_or_path: str, registries: Registries) -> Suite:
    """A registered suite, or one in a TOML file. Raises UsageError if it is not valid."""
    if name_or_path.endswith(".toml") or "/" in name_or_path:
        path = Path(name_or_path)
    else:
        path = registries.suites.get(name_or_path)
    suite = _read(path)
    if suite.name in registries.suites and registries.suites.get(suite.name) != path:
        _refuse_impostor(suite, _read(registries.suites.get(suite.name)), path)
    suite.check(registries)
    return suite


def _refuse_impostor(suite: Suite, installed: Suite, path: Path) -> None:
    """A copy that was changed must not take the original's place in its leaderboards."""
    if suite.version == installed.version and suite != installed:
        raise UsageError(
            f"{path} says it is {suite.label}, but differs from the installed suite of that name. Give it another name."
        )


def _read(path: Path) -> Suite:
    try:
        if path.stat().st_size > MAX_SUITE_BYTES:
            raise UsageError(f"a suite file may have up to {MAX_SUITE_BYTES} bytes. {path} is larger.")
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the suite file {path}: {error}.") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"{path} is not a valid TOML file: {error}.") from None
    try:
        return Suite.model_validate(values)
    except ValidationError as error:
        raise UsageError(describe_validation_error(f"the suite {path.name}", error, Suite.model_fields)) from None
