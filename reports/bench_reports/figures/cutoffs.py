"""How a metric grows with the length of the list."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from bench.records import RunRecord, Status
from bench.store import Stored
from bench_reports.board import TaskBoard
from bench_reports.figures.figure import Figure, key_of
from bench_reports.figures.lines import Curve, lines
from bench_reports.rendering import number

ByCutoff = dict[str, list[float]]


def cutoffs(board: TaskBoard, runs: Sequence[Stored]) -> list[Figure]:
    """Each metric at every cut-off up to the length of the lists, a mean over seeds; the one that ranks first."""
    found = {row.algorithm: _means(_of(runs, row.algorithm)) for row in board.rows}
    first = board.sort.split("@")[0]
    metrics = sorted({metric for own in found.values() for metric in own}, key=lambda metric: (metric != first, metric))
    curves = [
        Curve(name, list(enumerate(own[metric], 1)), metric)
        for metric in metrics
        for name, own in found.items()
        if metric in own
    ]
    if not curves:
        return []
    metric, longest = metrics[0], max(len(curve.points) for curve in curves)
    own = [curve for curve in curves if curve.part == metric]
    best = own[0]
    summary = (
        f"{metric} of {len(own)} algorithms at every length of the list from 1 to {longest}: that of "
        f"{best.algorithm} goes from {number(best.points[0][1])} at 1 to {number(best.points[-1][1])} at {longest}."
    )
    spec = lines(board, curves, "k, the length of the list", "metric at k", "Metric")
    at = sorted({1, 2, 3, 5, 10, 20, 50, 100, longest})
    shown = [k for k in at if k <= longest]
    columns = ("metric", "algorithm", *(f"at {k}" for k in shown))
    rows = tuple((curve.part, curve.algorithm, *(_at(curve, k) for k in shown)) for curve in curves)
    title = f"Metric by cut-off: {board.task}"
    return [Figure(key_of(board, "by-cutoff"), title, summary, spec, columns, rows)]


def _at(curve: Curve, k: int) -> str:
    return number(curve.points[k - 1][1] if k <= len(curve.points) else None)


def _of(runs: Sequence[Stored], row: str) -> list[RunRecord]:
    return [run.record for run in runs if run.record.row == row and run.record.status is Status.OK]


def _means(records: Sequence[RunRecord]) -> ByCutoff:
    """Over the runs; of metrics that all of them have, at the cut-offs that all have."""
    owns: list[ByCutoff] = [record.by_cutoff for record in records]
    common = [metric for metric in owns[0] if all(metric in own for own in owns)] if owns else []
    means = {metric: [fmean(at) for at in zip(*(own[metric] for own in owns), strict=False)] for metric in common}
    return {metric: values for metric, values in means.items() if len(values) > 1 and all(v == v for v in values)}
