"""Quality against cost: which algorithms are worth their price, by any metric and any cost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from bench.records import Status
from bench_reports.board import BoardRow, TaskBoard
from bench_reports.figures.drawing import GREY, INK, PALETTE, choice, labels_of, rounded, spec_of, values_of, window
from bench_reports.figures.figure import Figure, key_of, listed
from bench_reports.rendering import number, seconds, size

HEIGHT = 340
_SHORTEST_FIT = 1e-4
"""Seconds: a logarithm needs more than zero, and the clock tells no less."""
_CHEAPEST_FIRST: list[alt.SortField | dict[str, str]] = [
    alt.SortField("price"),
    alt.SortField("gain", order="descending"),
]


@dataclass(frozen=True)
class _Axis:
    """One thing to put on an axis: its value by algorithm."""

    title: str
    values: Mapping[str, float]
    higher_is_better: bool = False
    log: bool = True


def frontier(board: TaskBoard) -> list[Figure]:
    """Every row as a point; those that no other row beats in both are joined. Nothing with fewer than two rows."""
    rows = [row for row in board.rows if row.status is Status.OK and row.metrics.get(board.sort) is not None]
    qualities, costs = _qualities(board, rows), _costs(board, rows)
    if len(rows) < 2 or not costs:
        return []
    labels = labels_of(row.algorithm for row in rows)
    best = pareto(qualities[0], costs[0])
    n = len(best)
    summary = (
        f"{board.sort} against {costs[0].title} of {len(rows)} algorithms; "
        f"{n} of them {'is' if n == 1 else 'are'} on the frontier, where no other is at least as good for less: "
        f"{listed([labels[name] for name in best])}."
    )
    return [
        Figure(
            key=key_of(board, "frontier"),
            title=f"Quality and cost: {board.task}",
            summary=summary,
            spec=_spec(qualities, costs, labels),
            columns=("algorithm", board.sort, "fit", "recommend, ms a user", "memory", "on the frontier"),
            rows=tuple(_line(row, board.sort, row.algorithm in best) for row in rows),
        )
    ]


def pareto(quality: _Axis, cost: _Axis) -> list[str]:
    """The algorithms that no other one beats: better in quality than all that cost no more, cheapest first."""
    sign, price = (1 if quality.higher_is_better else -1), (-1 if cost.higher_is_better else 1)
    both = [name for name in quality.values if name in cost.values]
    found: list[str] = []
    reached = -math.inf
    for name in sorted(both, key=lambda name: (price * cost.values[name], -sign * quality.values[name])):
        if sign * quality.values[name] > reached:
            found.append(name)
            reached = sign * quality.values[name]
    return found


def _qualities(board: TaskBoard, rows: Sequence[BoardRow]) -> list[_Axis]:
    """The metrics, the one that ranks first."""
    found = []
    for label in dict.fromkeys([board.sort, *board.metrics]):
        values = {row.algorithm: value for row in rows if (value := row.metrics.get(label)) is not None}
        lower = label in board.lower_is_better
        title = f"{label} (lower is better)" if lower else label
        found.append(_Axis(title, values, higher_is_better=not lower, log=False))
    return [axis for axis in found if axis.values]


def _costs(board: TaskBoard, rows: Sequence[BoardRow]) -> list[_Axis]:
    fit = {row.algorithm: max(row.fit_seconds, _SHORTEST_FIT) for row in rows}
    speed = {row.algorithm: 1000 / row.users_per_second for row in rows if row.users_per_second}
    memory = {row.algorithm: row.peak_bytes / 2**20 for row in rows if row.peak_bytes}
    found = [
        _Axis("fit time (seconds, log scale)", fit),
        _Axis("time to recommend (ms a user, log scale)", speed),
        _Axis("peak memory (MiB, log scale)", memory),
    ]
    for label in board.metrics:
        if label.startswith("coverage@"):
            values = {row.algorithm: value for row in rows if (value := row.metrics.get(label)) is not None}
            found.append(_Axis(f"{label} (share of the catalogue)", values, higher_is_better=True, log=False))
    return [axis for axis in found if axis.values]


def _line(row: BoardRow, metric: str, on_it: bool) -> tuple[str, ...]:
    latency = f"{1000 / row.users_per_second:.3g}" if row.users_per_second else "—"
    marks = (number(row.metrics[metric]), seconds(row.fit_seconds), latency, size(row.peak_bytes))
    return (row.algorithm, *marks, "yes" if on_it else "")


def ticks(axis: _Axis) -> list[float]:
    """Where to draw ticks, in the axis's unit: decades if there are three, or finer."""
    low, high = min(axis.values.values()), max(axis.values.values())
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1) if low > 0 and axis.log else range(0)
    for steps in ((1,), (1, 3), (1, 2, 5)):
        found = [rounded(step * 10.0**decade) for decade in decades for step in steps]
        inside = [value for value in found if low <= value <= high]
        if len(inside) >= 3:
            return inside[:: math.ceil(len(inside) / 7)]
    step = _nice_step((high - low) / 5)
    first = math.ceil(low / step)
    return [rounded(step * place) for place in range(first, math.floor(high / step) + 1)] or [low]


def _nice_step(width: float) -> float:
    """The smallest of 1, 2 or 5 times a power of ten that is not below the width."""
    if width <= 0:
        return 1.0
    decade = 10.0 ** math.floor(math.log10(width))
    return min(step * decade for step in (1, 2, 5, 10) if step * decade >= width * (1 - 1e-9))


def _spec(qualities: Sequence[_Axis], costs: Sequence[_Axis], labels: Mapping[str, str]) -> dict[str, Any]:
    q, c = [f"q{index}" for index in range(len(qualities))], [f"c{index}" for index in range(len(costs))]
    named = dict(zip([*q, *c], [*qualities, *costs], strict=True))
    rows = [
        {"n": label} | {key: rounded(axis.values[name]) for key, axis in named.items() if name in axis.values}
        for name, label in labels.items()
    ]
    params = [
        choice("quality", "Quality", q, [axis.title for axis in qualities]),
        choice("cost", "Cost", c, [axis.title for axis in costs]),
        choice("found", "Find", ["", *labels.values()], ["—", *labels.values()]),
        alt.param(name="logs", value={key: axis.log for key, axis in named.items()}),
        alt.param(name="signs", value={key: 1 if axis.higher_is_better else -1 for key, axis in named.items()}),
        alt.param(name="titles", value={key: axis.title for key, axis in named.items()}),
        alt.param(name="marks", value={key: _positions(axis) for key, axis in zip(c, costs, strict=True)}),
    ]
    points = alt.layer(_joined(), _points(), _numbers(), _key(), *_found(), data=values_of(rows))
    points = (
        points.transform_filter("isValid(datum[quality]) && isValid(datum[cost])")
        .transform_calculate(
            x="logs[cost] ? log(datum[cost]) / LN10 : datum[cost]",
            y="datum[quality]",
            gain="signs[quality] * datum[quality]",
            price="-signs[cost] * datum[cost]",
        )
        .transform_window([window("max", "reached", "gain")], sort=_CHEAPEST_FIRST, frame=[None, 0], ignorePeers=True)
        .transform_window([window("lag", "before", "reached")], sort=_CHEAPEST_FIRST)
        .transform_calculate(front="!isValid(datum.before) || datum.gain > datum.before")
        .transform_window([window("sum", "place", "front")], sort=_CHEAPEST_FIRST, frame=[None, 0], ignorePeers=True)
    )
    return spec_of(alt.layer(points, *_titles()).add_params(*params), HEIGHT)


def _positions(axis: _Axis) -> list[float]:
    return [rounded(math.log10(value), 8) if axis.log else value for value in ticks(axis)]


def _x() -> alt.X:
    axis = alt.Axis(
        title=" ",
        values=alt.ExprRef("marks[cost]"),
        labelExpr="format(logs[cost] ? pow(10, datum.value) : datum.value, ',.4~g')",
    )
    return alt.X("x:Q", axis=axis, scale=alt.Scale(zero=False, nice=False, padding=24))


def _y() -> alt.Y:
    return alt.Y("y:Q", axis=alt.Axis(title=None, tickCount=6), scale=alt.Scale(zero=False, nice=True, padding=12))


def _joined() -> alt.Chart:
    base = alt.Chart().transform_filter("datum.front")
    line = base.mark_line(color=PALETTE[0], opacity=0.9, strokeWidth=1.5, interpolate="step-after")
    drawn: alt.Chart = line.encode(_x(), _y(), order="price:Q")
    return drawn


def _points() -> alt.Chart:
    tips = [alt.Tooltip("n:N", title="algorithm"), alt.Tooltip("y:Q", title="quality", format=".4f")]
    shown = alt.Chart().transform_calculate(spent="format(datum[cost], ',.4~g')")
    drawn: alt.Chart = shown.mark_point(filled=True, opacity=0.9).encode(
        _x(),
        _y(),
        color=alt.condition("datum.front", alt.value(PALETTE[0]), alt.value(GREY)),
        size=alt.condition("datum.front", alt.value(190), alt.value(48)),
        tooltip=[*tips, alt.Tooltip("spent:N", title="cost")],
    )
    return drawn


def _numbers() -> alt.Chart:
    """On the points of the frontier, from the cheapest."""
    marks = alt.Chart().transform_filter("datum.front").mark_text(fontSize=9, fontWeight="bold", color="white")
    drawn: alt.Chart = marks.encode(_x(), _y(), text="place:Q")
    return drawn


def _key() -> alt.Chart:
    """What the numbers mean, below: names beside the points would lie on each other where points are close."""
    column = "min(240, width / 2)"
    marks = alt.Chart().transform_filter("datum.front").transform_calculate(entry="datum.place + '  ' + datum.n")
    drawn: alt.Chart = marks.mark_text(
        align="left",
        x=alt.ExprRef(f"(datum.place - 1) % 2 * {column}"),
        y=alt.ExprRef("height + 58 + 16 * floor((datum.place - 1) / 2)"),
        limit=alt.ExprRef(f"{column} - 8"),
    ).encode(text="entry:N")
    return drawn


def _found() -> list[alt.Chart]:
    """The algorithm that a reader looks for."""
    base = alt.Chart().transform_filter("datum.n === found")
    ring = base.mark_point(size=260, color=INK, strokeWidth=2)
    name = base.mark_text(
        align=alt.ExprRef("scale('x', datum.x) < width / 2 ? 'left' : 'right'"), dy=-16, fontWeight="bold"
    )
    return [ring.encode(_x(), _y()), name.encode(_x(), _y(), text="n:N")]


def _titles() -> list[alt.Chart]:
    """The axes' titles, which change with what is chosen: Vega-Lite's own cannot."""
    across = alt.Chart(values_of([{}])).mark_text(
        x=alt.ExprRef("width / 2"),
        y=alt.ExprRef("height + 34"),
        text=alt.ExprRef("titles[cost]"),
        fontSize=12,
        color=INK,
    )
    up = alt.Chart(values_of([{}])).mark_text(
        x=0,
        y=-8,
        align="left",
        text=alt.ExprRef("(signs[quality] > 0 ? '↑ ' : '↓ ') + titles[quality]"),
        fontSize=12,
        color=INK,
    )
    return [across, up]
