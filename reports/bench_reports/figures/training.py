"""How training went: the validation score of all that train by epochs, and the losses of any one of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

from bench.records import RunRecord, Status
from bench.store import Stored
from bench_reports.board import TaskBoard
from bench_reports.figures.drawing import PALETTE, choice, labels_of, rounded, spec_of, values_of
from bench_reports.figures.figure import Figure, key_of
from bench_reports.figures.lines import Curve, finite, lines, thinned
from bench_reports.rendering import number

VALIDATION = "validation"


def training(board: TaskBoard, runs: Sequence[Stored]) -> list[Figure]:
    """The validation scores and the losses by epoch, a line a seed; what no record has is left out."""
    order = {row.algorithm: place for place, row in enumerate(board.rows)}
    records = [run.record for run in runs if run.record.status is Status.OK and run.record.row in order]
    records = sorted(records, key=lambda record: (order[record.row], record.seed, record.fold.index))
    return [*_validation(board, records), *_losses(board, records)]


def _validation(board: TaskBoard, records: Sequence[RunRecord]) -> list[Figure]:
    found = [(record, points) for record in records if (points := finite(record.curves.get(VALIDATION, [])))]
    if not found:
        return []
    metric = found[0][0].primary_metric
    lower = metric in board.lower_is_better
    pick = min if lower else max
    rows = []
    for record, points in found:
        at, best = pick(points, key=lambda point: point[1])
        rows.append((record.row, str(record.seed), str(len(points)), f"{at:g}", number(best)))
    longest = max(found, key=lambda pair: pair[1][-1][0])
    highest = pick(rows, key=lambda row: float(row[4]))
    summary = (
        f"{metric} on validation after each epoch of {len({record.row for record, _ in found})} algorithms that train "
        f"by epochs. {highest[0]} came to the best value, {highest[4]} at epoch {highest[3]}; "
        f"{longest[0].row} trained longest, to epoch {longest[1][-1][0]:g}."
    )
    curves = [Curve(record.row, points) for record, points in found]
    spec = lines(board, curves, "epoch", f"{metric} on validation")
    columns = ("algorithm", "seed", "values", "best at epoch", f"best {metric} on validation")
    key, title = key_of(board, "validation-curves"), f"Validation by epoch: {board.task}"
    return [Figure(key, title, summary, spec, columns, tuple(rows))]


def _losses(board: TaskBoard, records: Sequence[RunRecord]) -> list[Figure]:
    found = [
        (record, curve, points)
        for record in records
        for curve, all_points in record.curves.items()
        if curve != VALIDATION and (points := finite(all_points))
    ]
    if not found:
        return []
    labels = labels_of(record.row for record, *_ in found)
    rows = tuple(
        (record.row, str(record.seed), curve, str(len(points)), f"{points[0][1]:.4g}", f"{points[-1][1]:.4g}")
        for record, curve, points in found
    )
    first = rows[0]
    summary = (
        f"Training losses by epoch of {len(labels)} algorithms, one at a time: the {_words(first[2])} of {first[0]} "
        f"went from {first[4]} to {first[5]}. A final loss is of the fit on train and validation together."
    )
    data = [
        {
            "n": labels[record.row],
            "c": _words(curve),
            "k": f"{record.seed} {record.fold.index} {curve}",
            "s": record.seed,
            "x": [x for x, _ in thinned(points)],
            "y": [rounded(y) for _, y in thinned(points)],
        }
        for record, curve, points in found
    ]
    columns = ("algorithm", "seed", "curve", "values", "first", "last")
    title = f"Training loss: {board.task}"
    return [Figure(key_of(board, "training-losses"), title, summary, _losses_spec(data), columns, rows)]


def _words(curve: str) -> str:
    return curve.replace("_", " ")


def _losses_spec(data: Sequence[dict[str, Any]]) -> dict[str, Any]:
    names = list(dict.fromkeys(row["n"] for row in data))
    tips = [alt.Tooltip("c:N", title="curve"), alt.Tooltip("s:N", title="seed"), alt.Tooltip("x:Q", title="epoch")]
    chart = (
        alt.Chart(values_of(data))
        .transform_filter("datum.n === shown")
        .transform_flatten(["x", "y"])
        .mark_line(strokeWidth=2)
        .encode(
            alt.X(
                "x:Q", title="epoch", scale=alt.Scale(nice=False), axis=alt.Axis(grid=False, tickMinStep=1, tickCount=8)
            ),
            alt.Y("y:Q", title="loss", scale=alt.Scale(zero=False)),
            color=alt.Color("c:N", scale=alt.Scale(range=list(PALETTE)), legend=alt.Legend(columns=2)),
            strokeDash=alt.StrokeDash("c:N", legend=None),
            detail="k:N",
            tooltip=[*tips, alt.Tooltip("y:Q", title="loss", format=".4g")],
        )
        .add_params(choice("shown", "Algorithm", names))
    )
    return spec_of(chart, 260)
