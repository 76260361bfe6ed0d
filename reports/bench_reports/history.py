"""How a row's quality and cost moved over runs and commits: from records to timelines."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC
from enum import StrEnum
from json import dumps
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from bench.errors import UnknownNameError
from bench.records import RunRecord, Status
from bench.statistics import compare, holm
from bench.store import Stored
from bench.values import depends_on_one_seed, matrices
from bench_reports.certainty import ALPHA
from bench_reports.changes import Mark, comparable, marks
from bench_reports.leaderboard import parameters_of, started, suite_of


class Verdict(StrEnum):
    """What can be said of a change."""

    BETTER = "better"
    WORSE = "worse"
    SAME = "same"
    """Every user's value is what it was."""
    NOT_SEPARABLE = "not separable"
    LONE_SEED = "lone seed"
    """One of the two depends on its seed and has only one: another might have said the opposite."""
    UNTESTED = "untested"
    """There is nothing to compare with, or there are no values a user."""


@dataclass(frozen=True)
class Point:
    """The runs of one setup, all seeds and folds together.

    when: the first of them began, ISO 8601, UTC. suite: its label. commit: None where the code was no checkout; dirty:
    whether it had changes that are in no commit. n_failed: how many of its n_runs did not end well, status that of the
    first of them, or "ok". value: mean over the runs; None where one failed, is missing or lacks the metric, for the
    mean over what is left may flatter. fit_seconds: mean of all the training; peak_bytes: the maximum.

    The rest is since the newest point before it that has a value. marks: what changed. starts_segment: whether values
    from then cannot be compared with this one. difference: None there; verdict: what can be said of it. p_adjusted: of
    the paired t test after Holm's correction over all steps of the task; None where none was made.
    """

    when: str
    suite: str
    commit: str | None
    dirty: bool
    seeds: tuple[int, ...]
    status: Status
    n_runs: int
    n_failed: int
    value: float | None
    fit_seconds: float
    peak_bytes: int
    records: tuple[Path, ...]
    marks: tuple[Mark, ...] = ()
    starts_segment: bool = False
    difference: float | None = None
    p_adjusted: float | None = None
    verdict: Verdict = Verdict.UNTESTED

    @property
    def short_commit(self) -> str:
        """ "aaec29d", with a * if there were changes that are in no commit; "" without a commit."""
        return "" if self.commit is None else self.commit[:7] + "*" * self.dirty


@dataclass(frozen=True)
class Timeline:
    """One row of one task by one metric: its points, oldest first. suite: its name, without a version."""

    suite: str
    task: str
    row: str
    metric: str
    higher_is_better: bool
    points: tuple[Point, ...]

    @property
    def segments(self) -> list[list[Point]]:
        """The points in groups within which values can be compared."""
        found: list[list[Point]] = []
        for point in self.points:
            if point.starts_segment or not found:
                found.append([])
            found[-1].append(point)
        return found

    @property
    def latest(self) -> float | None:
        """The newest value."""
        return next((point.value for point in reversed(self.points) if point.value is not None), None)


def timelines(stored: Iterable[Stored], metric: str | None = None, rows: Sequence[str] = ()) -> list[Timeline]:
    """A timeline a suite (of all its versions), task and row; on each task those with the best newest value first.

    metric: by default each task's primary one; a task without it is left out. rows: by default all. Raises
    UnknownNameError for a metric or row that no record has.
    """
    runs = list(stored)
    labels = {label for run in runs for label in (*run.record.metrics, run.record.primary_metric)}
    if metric is not None and metric not in labels:
        raise UnknownNameError("metric", metric, labels)
    names = {run.record.row for run in runs}
    for row in rows:
        if row not in names:
            raise UnknownNameError("row among the results", row, names)
    tasks: dict[tuple[str, str], list[Stored]] = {}
    for run in sorted(runs, key=started):
        if run.record.row in (rows or names):
            tasks.setdefault((run.record.suite.name, run.record.task), []).append(run)
    return [timeline for key in sorted(tasks) for timeline in _of_task(tasks[key], metric)]


def _of_task(runs: Sequence[Stored], metric: str | None) -> list[Timeline]:
    """runs: oldest first."""
    newest = runs[-1].record
    label = metric or newest.primary_metric
    values = [run.record.metrics[label] for run in runs if label in run.record.metrics]
    if metric is not None and not values:
        return []
    higher = values[-1].higher_is_better if values else True
    drawn = [
        Timeline(newest.suite.name, newest.task, row, label, higher, _points(_setups(runs, row, label), label))
        for row in sorted({run.record.row for run in runs})
    ]
    judged = _judged(drawn, {run.path: run for run in runs})
    return sorted(judged, key=lambda one: (one.latest is None, (one.latest or 0) * (-1 if higher else 1), one.row))


def _setups(runs: Sequence[Stored], row: str, label: str) -> list[list[Stored]]:
    """The runs of a row in groups of one setup, in the order of their first runs; of each seed and fold the newest.

    A run without the metric goes with the others of its setup: failed runs have no version of it.
    """
    versions: dict[str, int] = {}
    groups: dict[tuple[str, int | None], dict[tuple[int, int], Stored]] = {}
    for run in runs:
        if run.record.row == row and label in run.record.metrics:
            versions[_setup(run.record)] = run.record.metrics[label].version
    for run in runs:
        if run.record.row == row:
            setup, value = _setup(run.record), run.record.metrics.get(label)
            version = versions.get(setup) if value is None else value.version
            groups.setdefault((setup, version), {})[run.record.seed, run.record.fold.index] = run
    return [[own[place] for place in sorted(own)] for own in groups.values()]


def _setup(record: RunRecord) -> str:
    """All but seed and fold that may have changed the result, as in the key of its job."""
    environment = record.environment
    packages = {name: version for name, version in environment.packages.items() if name != "recsys-bench"}
    what = (record.suite.name, record.suite.version, record.algorithm, parameters_of(record), record.final_fit)
    on = (record.dataset.fingerprint, record.fold.split, record.fold.rules)
    how = (record.code.content, packages, environment.device, environment.precision, environment.threads)
    return dumps([what, on, how], sort_keys=True)


def _points(setups: Sequence[Sequence[Stored]], label: str) -> tuple[Point, ...]:
    points: list[Point] = []
    before: RunRecord | None = None
    for runs in setups:
        point, newest = _point(runs, label), max(runs, key=started).record
        if before is not None:
            apart = point.value is not None and not comparable(before, newest, label)
            point = replace(point, marks=marks(before, newest, label), starts_segment=apart)
        if before is None or point.value is not None:
            before = newest
        points.append(point)
    return tuple(points)


def _point(runs: Sequence[Stored], label: str) -> Point:
    records = [run.record for run in runs]
    bad = [record for record in records if record.status is not Status.OK]
    values = [record.metrics[label].value if label in record.metrics else None for record in records]
    known = [value for value in values if value is not None]
    seeds = sorted({record.seed for record in records})
    whole = not bad and len(known) == len(seeds) * records[0].fold.count
    code = next((record.code for record in records if record.code.dirty is False), records[0].code)
    return Point(
        when=min(started(run) for run in runs).astimezone(UTC).isoformat(timespec="seconds"),
        suite=suite_of(runs[0]),
        commit=code.commit,
        dirty=bool(code.dirty),
        seeds=tuple(seeds),
        status=bad[0].status if bad else Status.OK,
        n_runs=len(runs),
        n_failed=len(bad),
        value=fmean(known) if whole else None,
        fit_seconds=fmean(one.timings.fit_seconds + one.timings.final_fit_seconds for one in records),
        peak_bytes=max(record.peak_bytes for record in records),
        records=tuple(run.path for run in runs),
    )


def _judged(drawn: Sequence[Timeline], runs: Mapping[Path, Stored]) -> list[Timeline]:
    """The timelines of a task with differences and verdicts; Holm's correction is over all of their steps."""
    steps = [[_step(timeline, point, before, runs) for point, before in _steps(timeline)] for timeline in drawn]
    adjusted = iter(holm([p for own in steps for _, p in own if p is not None]).tolist())
    return [
        replace(
            timeline,
            points=tuple(
                point if p is None else _tested(point, next(adjusted), timeline.higher_is_better) for point, p in own
            ),
        )
        for timeline, own in zip(drawn, steps, strict=True)
    ]


def _steps(timeline: Timeline) -> Iterator[tuple[Point, Point | None]]:
    """Every point with the one that its value is compared with."""
    before: Point | None = None
    for point in timeline.points:
        yield point, None if point.starts_segment or point.value is None else before
        before = before if point.value is None else point


def _step(
    timeline: Timeline, point: Point, before: Point | None, runs: Mapping[Path, Stored]
) -> tuple[Point, float | None]:
    """A point with its difference, and the p of that before any correction; None where it was not tested."""
    if before is None or before.value is None or point.value is None:
        return point, None
    point = replace(point, difference=point.value - before.value)
    systems = {name: [runs[path] for path in of.records] for name, of in (("after", point), ("before", before))}
    values = matrices(systems, timeline.metric)
    if len(values) < 2:
        return point, None
    after, earlier = values["after"], values["before"]
    if after.shape == earlier.shape and np.array_equal(after, earlier, equal_nan=True):
        return replace(point, verdict=Verdict.SAME), None
    if any(depends_on_one_seed(own) for own in systems.values()):
        return replace(point, verdict=Verdict.LONE_SEED), None
    p = compare(after, earlier, draws=1, permutations=1).p_t  # neither an interval nor a randomisation test is shown
    return point, None if p != p else p


def _tested(point: Point, p_adjusted: float, higher_is_better: bool) -> Point:
    verdict = Verdict.NOT_SEPARABLE
    if p_adjusted < ALPHA and point.difference:
        verdict = Verdict.BETTER if (point.difference > 0) == higher_is_better else Verdict.WORSE
    return replace(point, p_adjusted=p_adjusted, verdict=verdict)


def json_timelines(drawn: Sequence[Timeline]) -> list[dict[str, Any]]:
    """One JSON-ready object a timeline, with a list of its points; seconds, bytes and values are unrounded."""
    heads = ("suite", "task", "row", "metric", "higher_is_better")
    return [
        {**{name: getattr(one, name) for name in heads}, "points": [_json_point(point) for point in one.points]}
        for one in drawn
    ]


def _json_point(point: Point) -> dict[str, Any]:
    found = asdict(point)
    return (
        found
        | {"seeds": list(point.seeds), "marks": [asdict(mark) for mark in point.marks]}
        | {"records": [str(path.absolute()) for path in point.records]}
    )


def render_csv(drawn: Sequence[Timeline]) -> str:
    """One line a point, unrounded; an empty cell is a missing value."""
    rows = [
        {name: value for name, value in timeline.items() if name != "points"}
        | point
        | {
            "seeds": " ".join(map(str, point["seeds"])),
            "marks": "; ".join(mark["text"] for mark in point["marks"]),
            "records": " ".join(point["records"]),
        }
        for timeline in json_timelines(drawn)
        for point in timeline["points"]
    ]
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().removesuffix("\n")
