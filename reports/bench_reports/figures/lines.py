"""Many curves in one picture: the best few in colour, the others grey, and any one brought forward by the reader."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from bench_reports.board import TaskBoard
from bench_reports.figures.drawing import GREY, INK, PALETTE, choice, labels_of, rounded, spec_of, values_of

HEIGHT = 320
N_COLOURED = 5
MOST_POINTS = 60
"""Of a curve: more could not be seen."""


@dataclass(frozen=True)
class Curve:
    """One line of an algorithm; part: which picture it belongs to, where a reader can choose one."""

    algorithm: str
    points: Sequence[tuple[float, float]]
    part: str = ""


def finite(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Without those that no picture can show."""
    return [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)]


def thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """At most MOST_POINTS of them, evenly taken, the first and the last among them."""
    if len(points) <= MOST_POINTS:
        return list(points)
    step = (len(points) - 1) / (MOST_POINTS - 1)
    return [points[round(place * step)] for place in range(MOST_POINTS)]


def lines(board: TaskBoard, curves: Sequence[Curve], x_title: str, y_title: str, caption: str = "") -> dict[str, Any]:
    """The specification. caption: of the list that chooses a part; "" where there is one."""
    present = {curve.algorithm for curve in curves}
    order = [row.algorithm for row in board.rows if row.algorithm in present]
    labels = labels_of(order)
    coloured = [labels[name] for name in order[:N_COLOURED]]
    others = f"{len(order) - len(coloured)} others"
    domain = [*coloured, *([others] if len(order) > len(coloured) else [])]
    shown = [
        _row(curve, labels, order[:N_COLOURED], others) | {"k": place}
        for place, curve in enumerate(curves)
        if curve.algorithm in labels
    ]
    params: list[Any] = [choice("found", "Highlight", ["", *labels.values()], ["—", *labels.values()])]
    base = alt.Chart()
    parts = list(dict.fromkeys(curve.part for curve in curves))
    if caption:
        params.insert(0, choice("part", caption, parts))
        base = base.transform_filter("datum.p === part")
    base = base.transform_flatten(["x", "y"])
    x = alt.X(
        "x:Q",
        title=x_title,
        scale=alt.Scale(nice=False),
        axis=alt.Axis(grid=False, format="~s", tickMinStep=1, tickCount=8),
    )
    y = alt.Y("y:Q", title=y_title, scale=alt.Scale(zero=False))
    colour = alt.Color(
        "c:N",
        scale=alt.Scale(domain=domain, range=[*PALETTE[: len(coloured)], GREY]),
        legend=alt.Legend(columns=2, symbolType="stroke", symbolStrokeWidth=3, symbolOpacity=1),
    )
    tips = [alt.Tooltip("n:N", title="algorithm"), alt.Tooltip("x:Q", title=x_title)]
    tips.append(alt.Tooltip("y:Q", title=y_title, format=".4f"))
    plain = base.encode(x, y, detail="k:N", tooltip=tips)
    grey = plain.transform_filter("datum.o").mark_line(strokeWidth=1, opacity=0.5).encode(color=colour)
    front = plain.transform_filter("!datum.o").mark_line(strokeWidth=2).encode(color=colour)
    found = plain.transform_filter("datum.n === found").mark_line(strokeWidth=3, color=INK)
    chart = alt.layer(grey, front, found, data=values_of(shown)).add_params(*params)
    return spec_of(chart, HEIGHT)


def _row(curve: Curve, labels: Mapping[str, str], coloured: Sequence[str], others: str) -> dict[str, Any]:
    """n: label; c: entry of the legend; o: whether grey; k: what tells lines apart; p: part."""
    grey = curve.algorithm not in coloured
    points = thinned(curve.points)
    label = labels[curve.algorithm]
    found = {"n": label, "c": others if grey else label, "o": grey, "p": curve.part}
    return found | {"x": [x for x, _ in points], "y": [rounded(y) for _, y in points]}
