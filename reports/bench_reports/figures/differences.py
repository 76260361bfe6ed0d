"""How two algorithms differ user by user: a mean can hide that each is better for half of the users."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np

from bench.interactions import Float64Array, Int64Array
from bench.store import Stored
from bench.values import matrices
from bench_reports.board import TaskBoard
from bench_reports.figures.drawing import PALETTE, choice, labels_of, rounded, spec_of, values_of, window
from bench_reports.figures.figure import Figure, key_of, share

BINS = 25
"""Of each side of zero."""
EQUAL = 1e-12
"""A smaller difference is rounding."""


@dataclass(frozen=True)
class Differences:
    """Of a − b over the users that both have a value for.

    counts: int64[2 · BINS], users by difference from the least to the greatest,
    without those in whom the two are equal.
    """

    a: str
    b: str
    counts: Int64Array
    n_equal: int
    mean: float

    @property
    def n_users(self) -> int:
        return int(self.counts.sum()) + self.n_equal

    def n_better(self, higher_is_better: bool) -> int:
        """Users for whom a is better than b."""
        side = self.counts[BINS:] if higher_is_better else self.counts[:BINS]
        return int(side.sum())


def differences(board: TaskBoard, runs: Sequence[Stored]) -> list[Figure]:
    """Of every two ranked algorithms by the metric that ranks; nothing without values a user of two, and nothing of
    several folds: what a user adds to a mean over folds is not what the user got.
    """
    if board.n_folds > 1:
        return []
    ranked = [row.algorithm for row in board.rows if row.rank is not None]
    values = matrices({name: [run for run in runs if run.record.row == name] for name in ranked}, board.sort)
    means = {name: one.mean(axis=1) for name, one in values.items()}
    width = bin_width(list(means.values()))
    pairs = [pair for pair in pairwise(means, width) if pair.n_users] if width else []
    if not pairs:
        return []
    higher = board.sort not in board.lower_is_better
    first = pairs[0]
    with_best = [pair for pair in pairs if pair.a == first.a]
    return [
        Figure(
            key=key_of(board, "differences"),
            title=f"Differences user by user: {board.task}",
            summary=_summary(first, board.sort, higher),
            spec=_spec(pairs, board.sort, higher, width),
            columns=("algorithm", "than", "better for", "equal for", "worse for", f"mean difference in {board.sort}"),
            rows=tuple(_line(pair, higher) for pair in with_best),
        )
    ]


def bin_width(means: Sequence[Float64Array]) -> float:
    """So that BINS of them hold any difference of two systems; 0 where no two differ.

    means: float64[n_users] each, NaN where undefined.
    """
    if len(means) < 2:
        return 0.0
    stacked = np.stack(means)
    stacked = stacked[:, ~np.isnan(stacked).all(axis=0)]
    if not stacked.size:
        return 0.0
    return float((np.nanmax(stacked, axis=0) - np.nanmin(stacked, axis=0)).max()) / BINS


def pairwise(means: Mapping[str, Float64Array], width: float) -> Iterator[Differences]:
    """Every two systems, in the order of itertools.combinations."""
    names = list(means)
    stacked = np.stack([means[name] for name in names])
    for place, name in enumerate(names):
        apart = means[name] - stacked[place + 1 :]
        for other, own in zip(names[place + 1 :], apart, strict=True):
            own = own[~np.isnan(own)]
            unequal = own[np.abs(own) > EQUAL]
            # away from zero, so that a bin holds its outer edge: the greatest difference lies on that of the last one
            outward = np.ceil(np.abs(unequal) / width * (1 - 1e-12)).astype(np.int64)
            places = np.where(unequal > 0, BINS - 1 + outward, BINS - outward)
            counts = np.bincount(places, minlength=2 * BINS)
            yield Differences(name, other, counts, len(own) - len(unequal), float(own.mean()) if len(own) else 0.0)


def _summary(pair: Differences, metric: str, higher: bool) -> str:
    better, n = pair.n_better(higher), pair.n_users
    worse = n - better - pair.n_equal
    return (
        f"{pair.a} has a better {metric} than {pair.b} for {share(better, n)} of {n:,} users, the same for "
        f"{share(pair.n_equal, n)} and a worse one for {share(worse, n)}; the mean difference is {pair.mean:+.4f}. "
        "Any two algorithms can be chosen."
    )


def _line(pair: Differences, higher: bool) -> tuple[str, ...]:
    better, n = pair.n_better(higher), pair.n_users
    worse = n - better - pair.n_equal
    return (pair.a, pair.b, share(better, n), share(pair.n_equal, n), share(worse, n), f"{pair.mean:+.4f}")


def _spec(pairs: Sequence[Differences], metric: str, higher: bool, width: float) -> dict[str, Any]:
    labels = labels_of(name for pair in pairs for name in (pair.a, pair.b))
    data = [
        {
            "a": labels[pair.a],
            "b": labels[pair.b],
            "h": pair.counts.tolist(),
            "l": int(pair.counts[:BINS].sum()),
            "e": pair.n_equal,
            "r": int(pair.counts[BINS:].sum()),
            "m": rounded(pair.mean),
        }
        for pair in pairs
    ]
    names = list(labels.values())
    params = [
        choice("one", "Algorithm", names),
        choice("two", "against", [labels[pairs[0].b], *(name for name in names if name != labels[pairs[0].b])]),
    ]
    pair = (
        alt.Chart()
        .transform_filter("(datum.a === one && datum.b === two) || (datum.a === two && datum.b === one)")
        .transform_calculate(turn="datum.a === one ? 1 : -1")
    )
    layers = [_bars(pair, metric, higher, width), *_words(pair, higher), _same()]
    return spec_of(alt.layer(*layers, data=values_of(data)).add_params(*params), 260)


def _bars(pair: alt.Chart, metric: str, higher: bool, width: float) -> alt.Chart:
    """A bin's edges are counted from its place among the flattened counts; the other order mirrors them."""
    bars = (
        pair.transform_flatten(["h"])
        .transform_window([window("row_number", "place")])
        .transform_calculate(
            left=f"datum.turn * (datum.place - {BINS + 1}) * {width!r}",
            right=f"datum.turn * (datum.place - {BINS}) * {width!r}",
            who=f"(datum.left + datum.right > 0) === {str(higher).lower()} ? 'one' : 'two'",
        )
        .transform_filter("datum.h > 0")
    )
    colour = alt.Scale(domain=["one", "two"], range=[PALETTE[0], PALETTE[1]])
    x = alt.X("left:Q", title=f"difference in {metric}", bin="binned", scale=alt.Scale(nice=False))
    edges = [alt.Tooltip(f"{name}:Q", title=name, format="+.4f") for name in ("left", "right")]
    drawn: alt.Chart = bars.mark_bar(binSpacing=1).encode(
        x.axis(format=".2~f", tickCount=5, grid=False),
        alt.Y("h:Q", title="users", axis=alt.Axis(tickMinStep=1, tickCount=5)),
        x2="right:Q",
        color=alt.Color("who:N", scale=colour, legend=None),
        tooltip=[*edges, alt.Tooltip("h:Q", title="users")],
    )
    return drawn


def _words(pair: alt.Chart, higher: bool) -> list[alt.Chart]:
    """Above the bars: for how many users which of them is better, and in how many nothing differs."""
    on_right, on_left = ("one", "two") if higher else ("two", "one")
    counted = pair.transform_calculate(
        n="datum.l + datum.e + datum.r",
        right=f"format((datum.turn > 0 ? datum.r : datum.l) / datum.n, '.1%') + ': ' + {on_right} + ' better →'",
        left=f"'← ' + format((datum.turn > 0 ? datum.l : datum.r) / datum.n, '.1%') + ': ' + {on_left} + ' better'",
        rest="format(datum.e / datum.n, '.1%') + ' equal, not drawn; mean ' + format(datum.turn * datum.m, '+.4f')",
    )
    half = alt.ExprRef("width / 2 - 8")
    bold: dict[str, Any] = {"fontWeight": "bold", "y": -8, "limit": half}
    return [
        counted.mark_text(align="left", x=0, **bold).encode(text="left:N"),
        counted.mark_text(align="right", x=alt.ExprRef("width"), **bold).encode(text="right:N"),
        counted.mark_text(align="center", x=alt.ExprRef("width / 2"), y=-26).encode(text="rest:N"),
    ]


def _same() -> alt.Chart:
    text = alt.Chart(values_of([{}])).transform_filter("one === two")
    drawn: alt.Chart = text.mark_text(
        text="Choose two different algorithms.", x=alt.ExprRef("width / 2"), y=alt.ExprRef("height / 2")
    )
    return drawn
