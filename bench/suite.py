"""Suites: a data set, a protocol, tasks, metrics and algorithms with their parameters, pinned in one TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import Field, PrivateAttr, ValidationError, ValidationInfo, field_validator

from bench.algorithm import Algorithm, RatingPredictor
from bench.card import Strict
from bench.config import Config, describe_validation_error
from bench.dataset_source import DatasetLoader
from bench.errors import UnknownNameError, UsageError
from bench.interactions import content_hash
from bench.ledger import TunedRow, read_all_tuned
from bench.metrics import Metric, parse_metrics
from bench.plugins import Registries
from bench.policy import Policy
from bench.protocol.audit import check_leaks
from bench.protocol.filters import Filters
from bench.protocol.rules import Rules, Sampling
from bench.protocol.splitters import Splitter

MAX_SUITE_BYTES = 2**20
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=80)]


class Task(Strict):
    """One way to split the data, and how the algorithms are judged on it."""

    splitter: str
    options: dict[str, Any] = Field(default_factory=dict)
    """The splitter's own."""
    kind: Literal["ranking", "rating"] = "ranking"
    """Whether items are ranked or ratings predicted. Only algorithms that predict ratings take part in the latter."""
    repeats: bool = False
    """Whether items of the history may be recommended again, and count. See also the filter `duplicates`."""
    candidates: Sampling | None = None
    """By default the full catalogue is ranked. Not for ratings."""
    allow_leaks: list[str] = Field(default_factory=list)
    """Leaks that the audit may find, by their names."""
    primary_metric: str | None = None
    """In place of the suite's."""

    @field_validator("candidates")
    @classmethod
    def _are_ranked(cls, candidates: Sampling | None, info: ValidationInfo) -> Sampling | None:
        if candidates and info.data.get("kind") == "rating":
            raise ValueError("are for ranking, and this task predicts ratings")
        return candidates

    @property
    def rules(self) -> Rules:
        """How users are judged."""
        return Rules(self.kind, self.repeats, self.candidates)


class Row(Strict):
    """One line of the leaderboard: an algorithm and its parameters. `algorithm` defaults to the row's name."""

    algorithm: str | None = None
    parameters: dict[str, Any] = Field(default_factory=dict)
    per_task: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Parameters that differ on a task, by the task's name."""
    tune: bool = True
    """Whether tuning may change it; not a control, whose parameters are what it is there for."""
    published: dict[str, dict[str, float]] = Field(default_factory=dict)
    """By task and metric, what was published of this algorithm under this protocol; shown below the leaderboard."""


_NO_RESULTS: Any = {"gate": True, "tuned": True, "published_in": True, "algorithms": {"__all__": {"published", "tune"}}}
"""What cannot change a result is in no fingerprint; the content of `tuned` is added to it."""
BY_TASK = ("per_task", "published")
"""Fields of a row that are by task."""


class Suite(Strict):
    """A benchmark that stays the same: what changes a score changes `version`."""

    name: Name
    version: int = Field(ge=1)
    description: str
    dataset: str
    """A registered name, or the path of a file or folder: a .csv, a .parquet, or anything with a "/"."""
    seed: int = Field(ge=0)
    metrics: list[str] = Field(min_length=1)
    primary_metric: str
    """Sorts the leaderboard, and is what early stopping and tuning look at."""
    smallest_difference: float | None = Field(default=None, gt=0)
    """In the primary metric, that is of interest: a warning says where test users are too few to find it."""
    final_fit: Literal["train", "train+validation"] = "train+validation"
    """What the model that is tested was trained on."""
    filters: Filters = Filters()
    slices: list[str] = Field(default_factory=list)
    """User features whose groups are reported on, beside those by activity and popularity."""
    tasks: dict[Name, Task] = Field(min_length=1)
    algorithms: dict[Name, Row] = Field(min_length=1)
    published_in: str = ""
    """Where the published values of the rows are from."""
    gate: Policy | None = None
    """When `bench check` fails; a `bench.toml` in the working folder and the command line go before it."""
    tuned: str | None = None
    """A file of tuned rows beside this one, as `bench tune --export` writes it: their parameters win, and their
    ledgers go on record."""
    _tuned: dict[tuple[str, str], TunedRow] = PrivateAttr(default_factory=dict)
    """What that file has for this suite, by (task, row)."""
    _read: str = PrivateAttr(default="")
    """The fingerprint of the suite that this one was made from."""
    _folder: Path = PrivateAttr(default=Path())
    """Where its file lies; relative paths in it start there."""

    @field_validator("metrics")
    @classmethod
    def _metrics_once(cls, metrics: list[str]) -> list[str]:
        if len(set(metrics)) != len(metrics):
            raise ValueError("should name each metric once")
        return metrics

    @property
    def fingerprint(self) -> str:
        """Sha256 of the whole suite as it was read, whatever was selected or overridden since."""
        tuned = [row.model_dump_json() for row in self._tuned.values()]
        return self._read or content_hash(self.model_dump_json(exclude=_NO_RESULTS), *tuned)

    def _copy(self, **changes: Any) -> Suite:
        copy = self.model_copy(update=changes)
        copy._read, copy._folder, copy._tuned = self.fingerprint, self._folder, dict(self._tuned)
        return copy

    @property
    def label(self) -> str:
        """Name and version: "movielens-v1"."""
        return f"{self.name}-v{self.version}"

    def splitter(self, task: str, registries: Registries) -> Splitter:
        """The task's splitter, with its options validated."""
        spec = self.tasks[task]
        splitter: type[Splitter] = registries.splitters.get(spec.splitter)
        options = splitter.parse(f"the splitter '{spec.splitter}' of task '{task}'", spec.options)
        return options.located(self._folder)

    def loader(self, registries: Registries) -> DatasetLoader:
        """The data set: a registered one, or files. Raises UnknownNameError or DataError if there is none."""
        return loader_of(self.dataset, registries, self._folder)

    def metrics_of(self, task: str, registries: Registries) -> list[Metric]:
        """The metrics that judge this kind of task."""
        spec = self.tasks[task]
        found = parse_metrics(self.metrics, registries.metrics, sampled=spec.candidates is not None)
        return [metric for metric in found if metric.judges == spec.kind]

    def primary_of(self, task: str, registries: Registries) -> Metric:
        """What sorts the task's leaderboard. Raises UnknownNameError if it is not among the task's metrics."""
        spec = self.tasks[task]
        wanted = spec.primary_metric or self.primary_metric
        metric = parse_metrics([wanted], registries.metrics, sampled=spec.candidates is not None)[0]
        known = [one.label for one in self.metrics_of(task, registries)]
        if metric.label not in known:
            raise UnknownNameError(f"primary metric of the {spec.kind} task '{task}'", metric.label, known)
        return metric

    def rows_of(self, task: str, registries: Registries) -> list[str]:
        """The rows that take part in a task: whoever does what it asks for."""
        if self.tasks[task].kind == "ranking":
            return list(self.algorithms)
        return [row for row in self.algorithms if issubclass(self.algorithm(row, registries), RatingPredictor)]

    def algorithm(self, row: str, registries: Registries) -> type[Algorithm[Any]]:
        """The class behind a row."""
        algorithm: type[Algorithm[Any]] = registries.algorithms.get(self.algorithms[row].algorithm or row)
        return algorithm

    def config(self, row: str, task: str, registries: Registries) -> Config:
        """A row's validated parameters on a task."""
        return self.algorithm(row, registries).Config.parse(f"'{row}'", self.passed(row, task))

    def passed(self, row: str, task: str) -> dict[str, Any]:
        """The parameters that a row is given on a task: its own, those of the task, and tuned ones."""
        spec, tuned = self.algorithms[row], self.tuned_row(row, task)
        return {**spec.parameters, **spec.per_task.get(task, {}), **(tuned.parameters if tuned else {})}

    def tuned_row(self, row: str, task: str) -> TunedRow | None:
        """What the suite's file of tuned rows has of a row on a task."""
        return self._tuned.get((task, row))

    def untuned(self) -> Suite:
        """The suite without its file of tuned rows: what tuning starts from."""
        copy = self._copy()
        copy._tuned = {}
        return copy

    def check(self, registries: Registries) -> None:
        """Resolve every name and validate every parameter. Raises UsageError before any time is spent."""
        self.loader(registries)
        parse_metrics(self.metrics, registries.metrics)
        for spec in self.algorithms.values():
            for task in (*spec.per_task, *spec.published):
                self._known("task", task, self.tasks)
        for task in self.tasks:
            self.splitter(task, registries)
            self.primary_of(task, registries)
            check_leaks([], self.tasks[task].allow_leaks, f"the task '{task}'")
            for row in self.rows_of(task, registries):
                self.algorithm(row, registries)(self.config(row, task, registries))
        if not any(self.rows_of(task, registries) for task in self.tasks):
            rows, tasks = ", ".join(self.algorithms), ", ".join(self.tasks)
            raise UsageError(f"no algorithm predicts ratings, which the tasks ask for ({tasks}). Got {rows}.")

    def select(self, only: list[str], tasks: list[str]) -> Suite:
        """The suite reduced to some rows and tasks; empty lists keep all."""
        for row in only:
            self._known("algorithm", row, self.algorithms)
        for task in tasks:
            self._known("task", task, self.tasks)
        kept = {name: task for name, task in self.tasks.items() if not tasks or name in tasks}
        rows = {name: _within(row, kept) for name, row in self.algorithms.items() if not only or name in only}
        return self._copy(algorithms=rows, tasks=kept)

    def with_copies(self, copies: Mapping[str, str]) -> Suite:
        """The suite with copies of rows, given by (copy, row), after all others."""
        added = {
            copy: self.algorithms[row].model_copy(update={"algorithm": self.algorithms[row].algorithm or row})
            for copy, row in copies.items()
        }
        return self._copy(algorithms={**self.algorithms, **added})

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
            own = {task: self.passed(row, task) for task in self.tasks}
            rows = {_renamed(n, row, values): (_changed(n, s, own, values) if n == row else s) for n, s in rows.items()}
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


def loader_of(dataset: str, registries: Registries, folder: Path = Path()) -> DatasetLoader:
    """The data set of a name, or of a path, which starts at `folder`."""
    if "/" in dataset or dataset.endswith((".csv", ".parquet")):
        files: type[Any] = registries.readers.get("files")
        return cast(DatasetLoader, files(folder / dataset))
    return cast(DatasetLoader, registries.datasets.get(dataset))


def _within(row: Row, tasks: Mapping[str, Task]) -> Row:
    own = {name: {task: of for task, of in getattr(row, name).items() if task in tasks} for name in BY_TASK}
    return row.model_copy(update=own)


def _renamed(name: str, row: str, values: Mapping[str, Any]) -> str:
    return "-".join([name, *(f"{key}-{value}" for key, value in values.items())]) if name == row else name


def _changed(name: str, row: Row, passed: Mapping[str, Mapping[str, Any]], values: Mapping[str, Any]) -> Row:
    """The row with other values. passed: what it is given by task; what was tuned stays, without its ledger."""
    parameters = {**row.parameters, **values}
    per_task = {
        task: {k: v for k, v in own.items() if k not in values and (k not in parameters or parameters[k] != v)}
        for task, own in passed.items()
    }
    per_task = {task: own for task, own in per_task.items() if own}
    return Row(algorithm=row.algorithm or name, parameters=parameters, per_task=per_task)


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
    suite = _read(path, registries)
    if suite.name in registries.suites and registries.suites.get(suite.name) != path:
        _refuse_impostor(suite, _read(registries.suites.get(suite.name), registries), path)
    suite.check(registries)
    return suite


def _refuse_impostor(suite: Suite, installed: Suite, path: Path) -> None:
    """A copy that was changed must not take the original's place in its leaderboards."""
    if suite.version == installed.version and suite.fingerprint != installed.fingerprint:
        raise UsageError(
            f"{path} says it is {suite.label}, but differs from the installed suite of that name. Give it another name."
        )


def _read(path: Path, registries: Registries) -> Suite:
    values, folder = _toml(path), path.parent
    if "extends" in values:
        values, folder = _extended(values, path, registries)
    try:
        suite = Suite.model_validate(values)
    except ValidationError as error:
        raise UsageError(describe_validation_error(f"the suite {path.name}", error, Suite.model_fields)) from None
    suite._folder = folder.absolute()
    suite._tuned = _tuned_rows(suite)
    return suite


def _toml(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_SUITE_BYTES:
            raise UsageError(f"a suite file may have up to {MAX_SUITE_BYTES} bytes. {path} is larger.")
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the suite file {path}: {error}.") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"{path} is not a valid TOML file: {error}.") from None


OWN_OF_EXTENSION = ("name", "version", "description", "algorithms", "gate")
"""What a suite that extends another may say; all else is the other's, so that the rows can be compared."""


def _extended(values: Mapping[str, Any], path: Path, registries: Registries) -> tuple[dict[str, Any], Path]:
    """The content of an installed suite with the rows of one that `extends` it, and the folder its paths start at.

    Raises UsageError if the installed one has another version, itself extends one, or already has a row of the name.
    """
    name, _, version = str(values["extends"]).rpartition("-v")
    base_path = registries.suites.get(name or version)
    base = _toml(base_path)
    installed = f"{base.get('name')}-v{base.get('version')}"
    if values["extends"] != installed:
        raise UsageError(
            f"{path} extends '{values['extends']}', and what is installed is {installed}. See what changed, write "
            f'extends = "{installed}", and raise the version of this suite.'
        )
    if "extends" in base:
        raise UsageError(f"{path} must extend a suite that is whole. {installed} itself extends {base['extends']}.")
    own = {field: value for field, value in values.items() if field != "extends"}
    for field in own:
        if field not in OWN_OF_EXTENSION:
            known = ", ".join(OWN_OF_EXTENSION)
            raise UsageError(f"{path} extends {installed}, so '{field}' is that suite's. It may give {known}.")
    rows = own.get("algorithms", {})
    if not isinstance(rows, dict):
        raise UsageError(f"'algorithms' of {path} must be a table with a row each. Got {rows!r}.")
    for row in rows:
        if row in base["algorithms"]:
            raise UsageError(f"{path} has a row '{row}', and so has {installed}. Give it another name.")
    return {**base, **own, "algorithms": {**base["algorithms"], **rows}}, base_path.parent


def _tuned_rows(suite: Suite) -> dict[tuple[str, str], TunedRow]:
    """What the file of tuned rows has for this suite; it may hold rows and tasks of others on the same data too.

    Raises DataError if it cannot be read, UsageError if a row was tuned as another algorithm or on one of many folds.
    """
    if suite.tuned is None:
        return {}
    path, found = suite._folder / suite.tuned, {}
    for one in read_all_tuned(path):
        spec = suite.algorithms.get(one.row)
        if spec is None or one.task not in suite.tasks:
            continue
        if (spec.algorithm or one.row) != one.algorithm:
            now = spec.algorithm or one.row
            raise UsageError(f"{path.name} must have '{one.row}' tuned as '{now}'. Got '{one.algorithm}'.")
        if (one.task, one.row) in found:
            raise UsageError(f"{path.name} must have '{one.row}' on '{one.task}' once. Got it for several folds.")
        found[one.task, one.row] = one
    return found
