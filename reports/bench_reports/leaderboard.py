"""From records to a leaderboard. Pure functions of records: no model is loaded to draw a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby
from statistics import fmean

from bench.errors import UnknownNameError
from bench.protocol.audit import Finding, folds_in_brief, folds_in_words
from bench.records import MetricValue, RunRecord, Status, Timings
from bench.store import Stored
from bench_reports.board import Board, BoardRow, TaskBoard
from bench_reports.budgets import allowed_by, budget_notes, origin_of
from bench_reports.certainty import judged
from bench_reports.rendering import number, render_csv, render_json, render_markdown

__all__ = ["leaderboard", "render_csv", "render_json", "render_markdown"]


def leaderboard(stored: Iterable[Stored], sort: str | None = None, metrics: Sequence[str] = ()) -> Board:
    """The board of every suite and task among the records, in the order in which they first appear.

    sort: the metric that ranks; by default each suite's primary metric. A task that lacks it is ranked by its
    primary metric, and says so. metrics: the columns; by default all. Raises UnknownNameError if no record has
    one of them.
    """
    groups: dict[tuple[str, str], list[Stored]] = {}
    for run in stored:
        groups.setdefault((suite_of(run), run.record.task), []).append(run)
    runs = [run for group in groups.values() for run in group]
    known = {label for run in runs for label in (*run.record.metrics, run.record.primary_metric)}
    for label in (*metrics, *([] if sort is None else [sort])):
        if label not in known:
            raise UnknownNameError("metric", label, known)
    return Board(tuple(_task_board(group, sort, metrics) for group in groups.values()))


def suite_of(run: Stored) -> str:
    """The label of its suite: "movielens-v1"."""
    return f"{run.record.suite.name}-v{run.record.suite.version}"


def started(run: Stored) -> datetime:
    """When it began. Records of other programs may lack a time zone; they are taken to be in UTC."""
    moment = datetime.fromisoformat(run.record.started_at)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _task_board(runs: Sequence[Stored], sort: str | None, chosen: Sequence[str]) -> TaskBoard:
    newest = max(runs, key=started).record
    notes: list[str] = []
    runs = _current(_on_split(runs, newest.fold.split, notes), notes)
    values = _comparable_values(runs, notes)
    metrics = tuple(dict.fromkeys(label for own in values for label in own)) or (newest.primary_metric,)
    by = sort if sort in metrics else newest.primary_metric
    if sort not in (by, None):
        notes.append(f"no run of this task has {sort}; ranked by {by}.")
    lower = frozenset(label for own in values for label, metric in own.items() if not metric.higher_is_better)
    if chosen:
        metrics = tuple(dict.fromkeys([by, *(label for label in chosen if label in metrics)]))
    grouped = _by_algorithm(list(zip(runs, values, strict=True)))
    rows = [_row([run for run, _ in pairs], [own for _, own in pairs], metrics) for pairs in grouped]
    ranked, certainty = judged(_ranked(rows, by, by in lower), runs, by, by in lower)
    notes += [
        *certainty,
        *_training_notes(runs),
        *_seed_notes(runs),
        *budget_notes(rows),
        *_published_notes(runs, rows),
        *_warnings(runs),
    ]
    audit = audit_notes(runs)
    sizes = {run.record.fold.users.get("test", 0) for run in runs}
    return TaskBoard(
        suite=suite_of(runs[0]),
        task=newest.task,
        n_users=min(sizes),
        metrics=metrics,
        sort=by,
        lower_is_better=lower,
        rows=ranked,
        notes=(*notes, *audit),
        n_folds=newest.fold.count,
        most_users=max(sizes),
        candidates=candidates_of(newest),
        audit=tuple(audit),
        leaks=folds_in_brief(_audits(runs)),
    )


def audit_notes(runs: Sequence[Stored]) -> list[str]:
    """What the leak audit found in the folds of these runs, a sentence a line."""
    audits = _audits(runs)
    return folds_in_words(audits) if audits else []


def _audits(runs: Sequence[Stored]) -> list[list[Finding]]:
    """Of every fold; records of the first schema version have no audit."""
    audits = {run.record.fold.index: run.record.fold.audit for run in runs if run.record.fold.audit}
    return [audits[index] for index in sorted(audits)]


def newest_runs(stored: Iterable[Stored]) -> list[Stored]:
    """What a leaderboard would show of the records: on each task's newest split, each row's newest runs."""
    groups: dict[tuple[str, str], list[Stored]] = {}
    for run in stored:
        groups.setdefault((suite_of(run), run.record.task), []).append(run)
    splits = {key: max(group, key=started).record.fold.split for key, group in groups.items()}
    return [run for key, group in groups.items() for run in _current(_on_split(group, splits[key], []), [])]


def candidates_of(record: RunRecord) -> str:
    """What was ranked, in words; "" for the full catalogue without the user's history."""
    sampling = record.fold.rules.get("candidates")
    if sampling:
        return f"{sampling['n']} sampled candidates ({sampling['strategy']})"
    return "items of the history may be repeated" if record.fold.rules.get("repeats") else ""


def _on_split(runs: Sequence[Stored], fingerprint: str, notes: list[str]) -> list[Stored]:
    """The runs on the newest split: numbers from different splits of the data cannot be compared."""
    same = [run for run in runs if run.record.fold.split == fingerprint]
    others = sorted({run.record.row for run in runs if run.record.fold.split != fingerprint})
    if others:
        number = len(runs) - len(same)
        notes.append(
            f"{_count(number, 'older run')} on another split of the data not shown ({', '.join(others)}); "
            f"the fold of this table is {fingerprint[:12]}."
        )
    return same


def _current(runs: Sequence[Stored], notes: list[str]) -> list[Stored]:
    """The newest run of every row, fold and seed, without those whose parameters or code are not the row's newest."""
    latest: dict[tuple[str, int, int], Stored] = {}
    for run in sorted(runs, key=started):
        latest[_order(run)] = run
    kept: list[Stored] = []
    for algorithm, group in groupby(sorted(latest.values(), key=_order), key=lambda run: run.record.row):
        own = list(group)
        newest_first = sorted(own, key=started, reverse=True)
        wanted = _setup(newest_first[0].record)
        passed = {run.record.fold.index: run.record.config_passed for run in reversed(newest_first)}
        same = [run for run in own if _setup(run.record) == wanted and _passed(run) == passed[run.record.fold.index]]
        kept += same
        if len(same) < len(own):
            notes.append(
                f"{algorithm}: {_count(len(own) - len(same), 'older run')} with other parameters or code not shown."
            )
    return kept


def _order(run: Stored) -> tuple[str, int, int]:
    return run.record.row, run.record.fold.index, run.record.seed


def _setup(record: RunRecord) -> tuple[object, ...]:
    return record.algorithm, parameters_of(record), record.code.content, record.final_fit, record.cutoff


def _passed(run: Stored) -> dict[str, object]:
    return run.record.config_passed


def parameters_of(record: RunRecord) -> Mapping[str, object]:
    """What the runs of one setup share: their parameters, or where each of several folds was tuned by itself, how."""
    ledger = record.tuning
    if ledger is None or record.fold.count == 1:
        return record.config_passed
    return {"budget": allowed_by(ledger), "sampler": ledger.sampler, "pruner": ledger.pruner, "seed": ledger.seed}


def _comparable_values(runs: Sequence[Stored], notes: list[str]) -> list[Mapping[str, MetricValue]]:
    """Each run's metrics without values of an older definition than the newest run's."""
    versions: dict[str, int] = {}
    for run in sorted(runs, key=started):
        versions.update({label: value.version for label, value in run.record.metrics.items()})
    outdated = {
        f"{run.record.row}: {label} of version {value.version} not shown; the others are of {versions[label]}."
        for run in runs
        for label, value in run.record.metrics.items()
        if value.version != versions[label]
    }
    notes += sorted(outdated)
    return [{k: v for k, v in run.record.metrics.items() if v.version == versions[k]} for run in runs]


def _by_algorithm(
    pairs: Sequence[tuple[Stored, Mapping[str, MetricValue]]],
) -> list[list[tuple[Stored, Mapping[str, MetricValue]]]]:
    return [list(group) for _, group in groupby(pairs, key=lambda pair: pair[0].record.row)]


def _row(runs: Sequence[Stored], values: Sequence[Mapping[str, MetricValue]], metrics: Sequence[str]) -> BoardRow:
    records, newest = [run.record for run in runs], max(runs, key=started).record
    good = [index for index, record in enumerate(records) if record.status is Status.OK]
    failed = [record for record in records if record.status is not Status.OK]
    shown = good or list(range(len(records)))
    timings = {name: fmean(getattr(records[i].timings, name) for i in shown) for name in Timings.model_fields}
    users, seconds = fmean(records[i].fold.users.get("test", 0) for i in shown), timings["recommend_seconds"]
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
        tuning=newest.tuning,
        parameters=origin_of(newest),
        n_missing=len({record.seed for record in records}) * records[0].fold.count - len(records),
    )


def _mean(values: Sequence[MetricValue | None]) -> float | None:
    """The mean over seeds; None if it is undefined or missing for any, for then the seeds are not alike."""
    numbers = [None if value is None else value.value for value in values]
    known = [number for number in numbers if number is not None]
    return fmean(known) if known and len(known) == len(numbers) else None


def _ranked(rows: Sequence[BoardRow], by: str, lower: bool) -> tuple[BoardRow, ...]:
    """Best first with ranks; then rows without a value; then failed ones. A row that lost a seed or lacks a fold is
    not ranked: the mean over what is left may flatter it.
    """

    def value(row: BoardRow) -> float:
        number = row.metrics[by]
        assert number is not None
        return number if lower else -number

    can = [row for row in rows if row.status is Status.OK and row.metrics.get(by) is not None and not row.n_missing]
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


def _seed_notes(runs: Sequence[Stored]) -> list[str]:
    """Of rows that depend on their seed; of the others one run says all."""
    seeds: dict[str, set[int]] = {}
    for run in runs:
        if run.record.status is Status.OK and run.record.seeded:
            seeds.setdefault(run.record.row, set()).add(run.record.seed)
    sets = {frozenset(own) for own in seeds.values()}
    return ["the rows have different seeds; a mean over more of them is steadier."] if len(sets) > 1 else []


def _published_notes(runs: Sequence[Stored], rows: Sequence[BoardRow]) -> list[str]:
    """What others published of a row under this protocol, beside what came out here."""
    records = {run.record.row: run.record for run in sorted(runs, key=started)}
    notes = []
    for row in rows:
        record = records[row.algorithm]
        pairs = [
            f"{label} {value:.4g} (here {number(row.metrics.get(label))})" for label, value in record.published.items()
        ]
        if pairs:
            notes.append(f"published of {row.algorithm} ({record.published_in}): {', '.join(pairs)}.")
    return notes


def _warnings(runs: Sequence[Stored]) -> list[str]:
    return list(dict.fromkeys(f"{run.record.row}: {text}" for run in runs for text in run.record.warnings))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
