"""A metric by groups of users or items: a table a task and family, a line an algorithm, with the gap between groups."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import fmean
from typing import Any

from bench.errors import UnknownNameError, UsageError
from bench.records import RunRecord, Status
from bench.slices import SliceValue, gap
from bench.store import Stored
from bench_reports.leaderboard import newest_runs


@dataclass(frozen=True)
class SliceRow:
    """One algorithm: the metric in each group, a mean over seeds and folds; None where undefined. gap: greatest minus
    least; None with fewer than two values.
    """

    algorithm: str
    values: tuple[float | None, ...]
    gap: float | None


@dataclass(frozen=True)
class SliceTable:
    """One family on one task. n_users: of each group, all folds of one seed together."""

    suite: str
    task: str
    family: str
    metric: str
    groups: tuple[str, ...]
    n_users: tuple[int, ...]
    rows: tuple[SliceRow, ...]


def slice_tables(stored: Iterable[Stored], metric: str | None = None, families: Sequence[str] = ()) -> list[SliceTable]:
    """A table for each task and family that divides anything, best algorithm of the whole first.

    metric: by default each suite's primary metric. families: by default all. Raises UnknownNameError for a family
    or metric that no record has, UsageError if no record has any.
    """
    runs = [run for run in newest_runs(stored) if run.record.status is Status.OK and run.record.slices]
    if not runs:
        raise UsageError("no result here has slices: they are in records since version 2. Run the suite again.")
    known = {family for run in runs for family in run.record.slices}
    for family in families:
        if family not in known:
            raise UnknownNameError("family of slices", family, known)
    labels = {label for run in runs for label in run.record.metrics}
    if metric is not None and metric not in labels:
        raise UnknownNameError("metric", metric, labels)
    found = []
    for _, group in groupby(runs, key=lambda run: (run.record.suite.name, run.record.suite.version, run.record.task)):
        own = list(group)
        wanted = metric or own[0].record.primary_metric
        for family in own[0].record.slices:
            if family in (families or known):
                found.append(_table(own, family, wanted))
    return [table for table in found if len(table.groups) > 1 and any(row.gap is not None for row in table.rows)]


def _table(runs: Sequence[Stored], family: str, metric: str) -> SliceTable:
    first = runs[0].record
    groups = tuple(dict.fromkeys(name for run in runs for name in run.record.slices.get(family, {})))
    higher = all(run.record.metrics[metric].higher_is_better for run in runs if metric in run.record.metrics)
    by_row = {name: list(own) for name, own in groupby(sorted(runs, key=_row), key=_row)}
    best_first = sorted(by_row, key=lambda name: _whole(by_row[name], metric), reverse=higher)
    rows = [_line(name, by_row[name], family, groups, metric) for name in best_first]
    folds = [run.record for run in runs if (run.record.row, run.record.seed) == (first.row, first.seed)]
    return SliceTable(
        suite=f"{first.suite.name}-v{first.suite.version}",
        task=first.task,
        family=family,
        metric=metric,
        groups=groups,
        n_users=tuple(sum(_size(record, family, name) for record in folds) for name in groups),
        rows=tuple(rows),
    )


def _size(record: RunRecord, family: str, group: str) -> int:
    found = record.slices.get(family, {}).get(group)
    return 0 if found is None else found.n_users


def _row(run: Stored) -> str:
    return run.record.row


def _whole(runs: Sequence[Stored], metric: str) -> float:
    values = [run.record.metrics[metric].value for run in runs if metric in run.record.metrics]
    return fmean([value for value in values if value is not None] or [0.0])


def _line(name: str, runs: Sequence[Stored], family: str, groups: Sequence[str], metric: str) -> SliceRow:
    values = tuple(_mean([run.record.slices.get(family, {}).get(group) for run in runs], metric) for group in groups)
    distance = gap(values)
    return SliceRow(name, values, None if distance != distance else distance)


def _mean(found: Sequence[SliceValue | None], metric: str) -> float | None:
    values = [None if one is None else one.metrics.get(metric) for one in found]
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def json_tables(tables: Sequence[SliceTable]) -> list[dict[str, Any]]:
    """One JSON-ready object a task, family and algorithm."""
    return [
        {
            "suite": table.suite,
            "task": table.task,
            "family": table.family,
            "metric": table.metric,
            "algorithm": row.algorithm,
            "groups": dict(zip(table.groups, row.values, strict=True)),
            "n_users": dict(zip(table.groups, table.n_users, strict=True)),
            "gap": row.gap,
        }
        for table in tables
        for row in table.rows
    ]
