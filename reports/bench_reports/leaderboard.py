"""From records to a leaderboard. Pure functions of records: no model is loaded to draw a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby
from statistics import fmean

from bench.errors import UnknownNameError
from bench.records import MetricValue, RunRecord, Status, Stored, Timings
from bench_reports.board import Board, BoardRow, TaskBoard
from bench_reports.rendering import render_csv, render_json, render_markdown

__all__ = ["leaderboard", "render_csv", "render_json", "render_markdown"]


def leaderboard(stored: Iterable[Stored], sort: str | None = None) -> Board:
    """The board of every suite and task among the records, in the order in which they first appear.

    sort: the metric that ranks; by default each suite's primary metric. Raises UnknownNameError if no record
    has it; a task that lacks it is ranked by its primary metric, and says so.
    """
    groups: dict[tuple[str, str], list[Stored]] = {}
    for run in stored:
        groups.setdefault((_suite(run), run.record.task), []).append(run)
    runs = [run for group in groups.values() for run in group]
    known = {label for run in runs for label in (*run.record.metrics, run.record.primary_metric)}
    if sort is not None and sort not in known:
        raise UnknownNameError("metric", sort, known)
    return Board(tuple(_task_board(group, sort) for group in groups.values()))


def _suite(run: Stored) -> str:
    return f"{run.record.suite.name}-v{run.record.suite.version}"


def _started(run: Stored) -> datetime:
    moment = datetime.fromisoformat(run.record.started_at)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _task_board(runs: Sequence[Stored], sort: str | None) -> TaskBoard:
    newest = max(runs, key=_started).record
    notes: list[str] = []
    runs = _current(_on_fold(runs, newest.fold.fingerprint, notes), notes)
    values = _comparable_values(runs, notes)
    metrics = tuple(dict.fromkeys(label for own in values for label in own)) or (newest.primary_metric,)
    by = sort if sort in metrics else newest.primary_metric
    if sort not in (by, None):
        notes.append(f"no run of this task has {sort}; ranked by {by}.")
    lower = frozenset(label for own in values for label, metric in own.items() if not metric.higher_is_better)
    rows = [
        _row([run for run, _ in pairs], [own for _, own in pairs], metrics)
        for pairs in _by_algorithm(list(zip(runs, values, strict=True)))
    ]
    notes += [*_training_notes(runs), *_seed_notes(rows), *_tuning_notes(rows), *_warnings(runs)]
    ranked = _ranked(rows, by, by in lower)
    users = newest.fold.users.get("test", 0)
    return TaskBoard(_suite(runs[0]), newest.task, users, metrics, by, lower, ranked, tuple(notes))


def _on_fold(runs: Sequence[Stored], fingerprint: str, notes: list[str]) -> list[Stored]:
    """The runs on the newest fold: numbers from different splits of the data cannot be compared."""
    same = [run for run in runs if run.record.fold.fingerprint == fingerprint]
    others = sorted({run.record.row for run in runs if run.record.fold.fingerprint != fingerprint})
    if others:
        number = len(runs) - len(same)
        notes.append(
            f"{_count(number, 'older run')} on another split of the data not shown ({', '.join(others)}); "
            f"the fold of this table is {fingerprint[:12]}."
        )
    return same


def _current(runs: Sequence[Stored], notes: list[str]) -> list[Stored]:
    """The newest run of every row and seed, without those whose parameters or code are not the row's newest."""
    latest: dict[tuple[str, int], Stored] = {}
    for run in sorted(runs, key=_started):
        latest[run.record.row, run.record.seed] = run
    kept: list[Stored] = []
    for algorithm, group in groupby(sorted(latest.values(), key=_order), key=lambda run: run.record.row):
        own = list(group)
        wanted = _setup(max(own, key=_started).record)
        same = [run for run in own if _setup(run.record) == wanted]
        kept += same
        if len(same) < len(own):
            notes.append(
                f"{algorithm}: {_count(len(own) - len(same), 'older run')} with other parameters or code not shown."
            )
    return kept


def _order(run: Stored) -> tuple[str, int]:
    return run.record.row, run.record.seed


def _setup(record: RunRecord) -> tuple[object, ...]:
    return record.algorithm, record.config_passed, record.code.content, record.final_fit, record.cutoff


def _comparable_values(runs: Sequence[Stored], notes: list[str]) -> list[Mapping[str, MetricValue]]:
    """Each run's metrics without values of an older definition than the newest run's."""
    versions: dict[str, int] = {}
    for run in sorted(runs, key=_started):
        versions.update({label: value.version for label, value in run.record.metrics.items()})
    outdated = {
        f"{run.record.row}: {label} of version {value.version} not shown; the others are of {versions[label]}."
        for run in runs
        for label, value in run.record.metrics.items()
        if value.version != versions[label]
    }
    notes += sorted(outdated)
    return [{k: v for k, v in run.record.metrics.items() if v.version == versions[k]} for run in runs]


Valued = tuple[Stored, Mapping[str, MetricValue]]


def _by_algorithm(pairs: Sequence[Valued]) -> list[list[Valued]]:
    return [list(group) for _, group in groupby(pairs, key=lambda pair: pair[0].record.row)]


def _row(runs: Sequence[Stored], values: Sequence[Mapping[str, MetricValue]], metrics: Sequence[str]) -> BoardRow:
    records = [run.record for run in runs]
    good = [index for index, record in enumerate(records) if record.status is Status.OK]
    failed = [record for record in records if record.status is not Status.OK]
    shown = good or list(range(len(records)))
    timings = {name: fmean(getattr(records[i].timings, name) for i in shown) for name in Timings.model_fields}
    users, seconds = records[0].fold.users.get("test", 0), timings["recommend_seconds"]
    return BoardRow(
        algorithm=records[0].row,
        rank=None,
        seeds=tuple(record.seed for record in records),
        statuses=tuple(record.status for record in records),
        records=tuple(run.path for run in runs),
        status=failed[0].status if failed else Status.OK,
        reason=failed[0].reason if failed else "",
        metrics={label: _mean([values[i].get(label) for i in good]) for label in metrics},
        timings=timings,
        users_per_second=users / seconds if good and users and seconds > 0 else None,
        peak_bytes=max(records[i].peak_bytes for i in shown),
        tuning=max(runs, key=_started).record.tuning,
    )


def _mean(values: Sequence[MetricValue | None]) -> float | None:
    """The mean over seeds; None if it is undefined or missing for any, for then the seeds are not alike."""
    numbers = [None if value is None else value.value for value in values]
    known = [number for number in numbers if number is not None]
    return fmean(known) if known and len(known) == len(numbers) else None


def _ranked(rows: Sequence[BoardRow], by: str, lower: bool) -> tuple[BoardRow, ...]:
    """Best first with ranks; then rows without a value; then failed ones. A row that lost a seed counts as
    failed: the mean over the seeds that survived flatters it.
    """

    def value(row: BoardRow) -> float:
        number = row.metrics[by]
        assert number is not None
        return number if lower else -number

    can = [row for row in rows if row.status is Status.OK and row.metrics.get(by) is not None]
    ordered = sorted(can, key=lambda row: (value(row), row.algorithm))
    ranked = [replace(row, rank=1 + sum(value(other) < value(row) for other in can)) for row in ordered]
    rest = sorted((row for row in rows if row not in can), key=lambda row: (row.status is not Status.OK, row.algorithm))
    return (*ranked, *rest)


def _training_notes(runs: Sequence[Stored]) -> list[str]:
    fits = {run.record.row: run.record.final_fit for run in runs if run.record.status is Status.OK}
    less = sorted(row for row, fit in fits.items() if fit == "train")
    if not less or len(less) == len(fits):
        return []
    return [f"trained on train alone, the others on train and validation: {', '.join(less)}."]


def _seed_notes(rows: Sequence[BoardRow]) -> list[str]:
    sets = {row.seeds for row in rows if row.status is Status.OK}
    return ["the rows have different seeds; a mean over more of them is steadier."] if len(sets) > 1 else []


def _tuning_notes(rows: Sequence[BoardRow]) -> list[str]:
    tuned = [row.tuning.trials for row in rows if row.tuning]
    if tuned and (len(tuned) < len(rows) or len(set(tuned)) > 1):
        return ["tuning budgets differ: see the column 'tuning trials'."]
    return [] if tuned else ["parameters are the suite's own; no row carries a tuning ledger."]


def _warnings(runs: Sequence[Stored]) -> list[str]:
    return list(dict.fromkeys(f"{run.record.row}: {text}" for run in runs for text in run.record.warnings))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
