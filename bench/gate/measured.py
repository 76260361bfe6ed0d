"""What the gate compares: the runs of a suite without what a comparison does not need, and their values per user.

A baseline is one that was saved, a candidate one that was just made; both come from the same records.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import Field

from bench.card import Strict
from bench.errors import UsageError
from bench.records import DatasetRef, Environment, FoldRef, RunRecord
from bench.store import Stored, read_per_user
from bench.values import OfRun

if TYPE_CHECKING:
    import pyarrow as pa


class Protocol(Strict):
    """How a task's numbers come about: what must be the same for two of them to be compared."""

    dataset: str
    data: str
    """Fingerprint of its content."""
    split: str
    """Fingerprint of all folds together."""
    n_folds: int
    filters: dict[str, Any]
    splitter: str
    options: dict[str, Any]
    rules: dict[str, Any]
    final_fit: str
    primary_metric: str
    """Early stopping looks at it."""

    @classmethod
    def of(cls, dataset: DatasetRef, fold: FoldRef, final_fit: str, primary_metric: str) -> Protocol:
        """That of a record, or of a fold that is about to be run on."""
        return cls(
            dataset=f"{dataset.name} v{dataset.version}",
            data=dataset.fingerprint,
            split=fold.split,
            n_folds=fold.count,
            filters=fold.filters,
            splitter=fold.splitter,
            options=fold.options,
            rules=fold.rules,
            final_fit=final_fit,
            primary_metric=primary_metric,
        )

    def change(self, now: Protocol) -> str | None:
        """What is not the same any more, in words; None if all is."""
        names = {
            "dataset": "the data set",
            "data": "the content of the data set",
            "filters": "the filters",
            "splitter": "the splitter",
            "options": "the splitter's options",
            "rules": "how users are judged",
            "final_fit": "what the tested model is trained on",
            "primary_metric": "the primary metric",
            "n_folds": "the number of folds",
            "split": "the split of the same data",
        }
        for field, what in names.items():
            was, is_ = getattr(self, field), getattr(now, field)
            if was != is_:
                return f"{what} changed: {_short(was)} in the baseline, {_short(is_)} now"
        return None


def _short(value: object) -> str:
    """A fingerprint is cut; what is in a table of few words is not."""
    if isinstance(value, dict):
        return ", ".join(f"{name} = {own}" for name, own in value.items() if own is not None) or "none"
    return value[:12] if isinstance(value, str) and len(value) == 64 else str(value)


class Value(Strict):
    """A metric of a run."""

    value: float | None
    version: int
    higher_is_better: bool


class Run(Strict):
    """One finished job. environment: which of `Contents.environments` it ran on."""

    task: str
    row: str
    seed: int
    fold: int
    algorithm: str
    key: str
    seeded: bool
    config: dict[str, Any]
    code: str
    commit: str | None
    environment: int
    metrics: dict[str, Value]


class Contents(Strict):
    """All but the values per user."""

    suite: str
    """Its label, "movielens-v4"."""
    gated: list[str] = Field(min_length=1)
    """Metrics with values per user."""
    protocols: dict[str, Protocol]
    """By task."""
    environments: list[Environment]
    runs: list[Run]


@dataclass(frozen=True, eq=False)
class Measured:
    """Runs and their values per user.

    per_user: a row a run and user: run (int32, the position in `contents.runs`), user (string) and a float64 column a
    gated metric, null where the run has none and NaN where it is undefined.
    """

    contents: Contents
    per_user: pa.Table

    @classmethod
    def of(cls, stored: Iterable[Stored], metrics: Sequence[str]) -> Measured:
        """From finished runs of one suite. metrics: those whose values per user are kept.

        Raises UsageError if the runs of a task do not share one protocol, or a metric has no values per user.
        """
        runs = sorted(stored, key=lambda run: _place(run.record))
        table = _table(runs, metrics)
        without = [one for one in metrics if table[one].null_count == len(table)]
        if without:
            raise UsageError(f"only a metric with values per user can be gated. Got {', '.join(without)}.")
        environments = list(dict.fromkeys(_comparable(run.record.environment) for run in runs))
        contents = Contents(
            suite=f"{runs[0].record.suite.name}-v{runs[0].record.suite.version}",
            gated=list(metrics),
            protocols=_protocols(runs),
            environments=[Environment.model_validate_json(one) for one in environments],
            runs=[_run(run.record, environments.index(_comparable(run.record.environment))) for run in runs],
        )
        return cls(contents, table)

    def runs(self, task: str, row: str) -> dict[int, Run]:
        """The runs of a row on a task, by their position."""
        return {at: run for at, run in enumerate(self.contents.runs) if (run.task, run.row) == (task, row)}

    def rows(self) -> dict[tuple[str, str], None]:
        """Every (task, row), in order."""
        return dict.fromkeys((run.task, run.row) for run in self.contents.runs)

    def values(self, runs: Mapping[int, Run], metric: str) -> list[OfRun] | None:
        """The metric of each of the runs; None if one has no values per user."""
        if metric not in self.contents.gated:
            return None
        found = [self._one(at, run, metric) for at, run in runs.items()]
        return None if any(one is None for one in found) else [one for one in found if one]

    def _one(self, at: int, run: Run, metric: str) -> OfRun | None:
        import pyarrow.compute as pc

        own = self.per_user.filter(pc.equal(self.per_user["run"], at))
        column = own[metric]
        if column.null_count:
            return None
        return OfRun(run.seed, own["user"], column.to_numpy())

    def environment(self, run: Run) -> Environment:
        return self.contents.environments[run.environment]


def _place(record: RunRecord) -> tuple[str, str, int, int]:
    return record.task, record.row, record.seed, record.fold.index


def _comparable(environment: Environment) -> str:
    """Without what changes from one moment to the next and no result: the memory of the machine."""
    return environment.model_copy(update={"memory_bytes": 0}).model_dump_json()


def _run(record: RunRecord, environment: int) -> Run:
    values = {
        label: Value(value=one.value, version=one.version, higher_is_better=one.higher_is_better)
        for label, one in record.metrics.items()
    }
    return Run(
        task=record.task,
        row=record.row,
        seed=record.seed,
        fold=record.fold.index,
        algorithm=record.algorithm,
        key=record.key,
        seeded=record.seeded,
        config=record.config_effective,
        code=record.code.content,
        commit=record.code.commit,
        environment=environment,
        metrics=values,
    )


def protocol_of(record: RunRecord) -> Protocol:
    """That of a run."""
    return Protocol.of(record.dataset, record.fold, record.final_fit, record.primary_metric)


def _protocols(runs: Sequence[Stored]) -> dict[str, Protocol]:
    found: dict[str, Protocol] = {}
    for run in runs:
        record = run.record
        change = found.setdefault(record.task, protocol_of(record)).change(protocol_of(record))
        if change:
            raise UsageError(f"the runs of '{record.task}' must share one protocol. Of '{record.row}' {change}.")
    return found


def _table(runs: Sequence[Stored], metrics: Sequence[str]) -> pa.Table:
    import pyarrow as pa

    schema = pa.schema([("run", pa.int32()), ("user", pa.string()), *((metric, pa.float64()) for metric in metrics)])
    parts = []
    for at, run in enumerate(runs):
        users, values = read_per_user(run.path, metrics) or (pa.chunked_array([[]], pa.string()), {})
        own = [pa.array(values[one]) if one in values else pa.nulls(len(users), pa.float64()) for one in metrics]
        parts.append(pa.table([pa.repeat(pa.scalar(at, pa.int32()), len(users)), users, *own], schema=schema))
    return pa.concat_tables(parts)
