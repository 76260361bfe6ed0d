"""How steady the ranking is over tasks and seeds, and which neighbours in it cannot be told apart.

It looks like Demšar's (2006) critical difference diagram, but what is joined comes from the paired tests of each
task, which know every user, and not from the Nemenyi test, which knows only a rank a task: with few tasks it could
tell nothing apart.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import altair as alt

from bench.interactions import Float64Array
from bench.records import Status
from bench.statistics import holm, pairwise_p
from bench.store import Stored
from bench.values import matrices
from bench_reports.board import TaskBoard
from bench_reports.certainty import ALPHA
from bench_reports.figures.drawing import GREY, INK, PALETTE, labels_of, rounded, spec_of, values_of
from bench_reports.figures.figure import Figure, listed, slug

Pair = tuple[str, str]
Span = tuple[int, int]
"""First and last place of neighbours in an order."""


@dataclass(frozen=True)
class Ranks:
    """Of one algorithm: on each task by the mean over its seeds, from 1, equal values share the mean of their places;
    and the least and greatest over seeds.
    """

    algorithm: str
    by_task: tuple[float, ...]
    spread: tuple[tuple[float, float], ...]

    @property
    def mean(self) -> float:
        return fmean(self.by_task)


def stability(boards: Sequence[TaskBoard], runs: Sequence[Stored]) -> list[Figure]:
    """The ranks of the algorithms that every task ranks, best first; nothing with fewer than two of them.

    boards: of one suite.
    """
    common = [name for name in _ranked(boards[0]) if all(name in _ranked(board) for board in boards)] if boards else []
    if len(common) < 2:
        return []
    of_task = {board.task: [run for run in runs if run.record.task == board.task] for board in boards}
    ranks = sorted(ranks_of(boards, of_task, common), key=lambda one: (one.mean, one.algorithm))
    order = [one.algorithm for one in ranks]
    joined = groups_of(order, told_apart(boards, of_task, common))
    n_left = len({row.algorithm for board in boards for row in board.rows}) - len(common)
    columns = ("algorithm", "mean rank", *(board.task for board in boards), "groups")
    return [
        Figure(
            key=slug(f"{boards[0].suite}-rank-stability"),
            title="How steady the ranking is",
            summary=_summary(boards, ranks, joined, n_left),
            spec=_spec(boards, ranks, joined),
            columns=columns,
            rows=tuple(_line(one, place, joined) for place, one in enumerate(ranks)),
        )
    ]


def _ranked(board: TaskBoard) -> list[str]:
    return [row.algorithm for row in board.rows if row.rank is not None]


def ranks_of(boards: Sequence[TaskBoard], of_task: Mapping[str, Sequence[Stored]], names: Sequence[str]) -> list[Ranks]:
    """Among these algorithms alone. An algorithm with fewer seeds than others counts with its mean for the rest."""
    by_task, spreads = [], []
    for board in boards:
        lower = board.sort in board.lower_is_better
        means = {row.algorithm: row.metrics[board.sort] or 0.0 for row in board.rows if row.algorithm in names}
        seeds = {name: _by_seed(of_task[board.task], name, board.sort) for name in names}
        by_task.append(places(means, lower))
        each = []
        for index in range(max(len(own) for own in seeds.values())):
            own = {name: seeds[name][index] if index < len(seeds[name]) else means[name] for name in names}
            each.append(places(own, lower))
        spreads.append({name: (min(one[name] for one in each), max(one[name] for one in each)) for name in names})
    return [
        Ranks(name, tuple(task[name] for task in by_task), tuple(spread[name] for spread in spreads)) for name in names
    ]


def places(values: Mapping[str, float], lower_is_better: bool) -> dict[str, float]:
    """Ranks from 1; equal values share the mean of their places."""
    sign = 1 if lower_is_better else -1
    own = {name: sign * value for name, value in values.items()}
    return {
        name: 1 + sum(other < value for other in own.values()) + (sum(other == value for other in own.values()) - 1) / 2
        for name, value in own.items()
    }


def _by_seed(runs: Sequence[Stored], name: str, metric: str) -> list[float]:
    """In the order of the seeds: the mean over folds."""
    found: dict[int, list[float]] = {}
    for run in runs:
        value = run.record.metrics.get(metric)
        if run.record.row == name and run.record.status is Status.OK and value is not None and value.value is not None:
            found.setdefault(run.record.seed, []).append(value.value)
    return [fmean(found[seed]) for seed in sorted(found)]


def told_apart(
    boards: Sequence[TaskBoard], of_task: Mapping[str, Sequence[Stored]], names: Sequence[str]
) -> frozenset[Pair]:
    """Which of two is the better one (better, worse): where a paired t test over users and seeds of some task says so,
    Holm's correction over all pairs and tasks, and that of no other task says the opposite.
    """
    found: list[tuple[Pair, float]] = []
    for board in boards:
        runs = of_task[board.task]
        values = matrices({name: [run for run in runs if run.record.row == name] for name in names}, board.sort)
        place = places({name: _mean(one) for name, one in values.items()}, board.sort in board.lower_is_better)
        for (a, b), p in pairwise_p(values).items():
            found.append(((a, b) if place[a] < place[b] else (b, a), p))
    adjusted = holm([p for _, p in found])
    separated = {pair for (pair, _), p in zip(found, adjusted, strict=True) if p < ALPHA}  # not so for NaN
    return frozenset((a, b) for a, b in separated if (b, a) not in separated)


def _mean(values: Float64Array) -> float:
    kept = values[~(values != values).any(axis=1)]
    return float(kept.mean()) if len(kept) else math.nan


def groups_of(order: Sequence[str], apart: frozenset[Pair]) -> list[Span]:
    """First and last place of every group: neighbours in the order of which no two are told apart; none lies in
    another.
    """
    found: list[Span] = []
    for first in range(len(order)):
        last = first
        while last + 1 < len(order) and not any(
            (one, order[last + 1]) in apart or (order[last + 1], one) in apart for one in order[first : last + 1]
        ):
            last += 1
        if last > first and (not found or last > found[-1][1]):
            found.append((first, last))
    return found


def _summary(boards: Sequence[TaskBoard], ranks: Sequence[Ranks], joined: Sequence[Span], n_left: int) -> str:
    best, n = ranks[0], len(boards)
    between = f" (between {min(best.by_task):g} and {max(best.by_task):g})" if n > 1 else ""
    with_best = [one.algorithm for one in ranks[1 : joined[0][1] + 1]] if joined and joined[0][0] == 0 else []
    apart = f"cannot be told from the next in order: {listed(with_best)}" if with_best else "is told from the next"
    return (
        f"Ranks of {len(ranks)} algorithms on {f'{n} tasks' if n > 1 else 'one task'}: {best.algorithm} has the best "
        f"mean rank, {best.mean:.1f}{between}; it {apart}. A bar joins neighbours of which none is shown to be better: "
        "by the paired t tests over users and seeds of every task, Holm's correction over all pairs and tasks, level "
        f"{100 * ALPHA:g} %, no two of them differ, or they differ one way on one task and the other way on another."
        f"{f' Not ranked on every task, and left out: {n_left}.' if n_left else ''}"
    )


def _line(ranks: Ranks, place: int, joined: Sequence[Span]) -> tuple[str, ...]:
    own = ", ".join(str(number) for number, (first, last) in enumerate(joined, 1) if first <= place <= last)
    return (ranks.algorithm, f"{ranks.mean:.1f}", *(f"{rank:g}" for rank in ranks.by_task), own)


def lanes_of(joined: Sequence[Span]) -> list[int]:
    """Beside each other what overlaps: the lane of every group, from 0."""
    ends: list[int] = []
    found = []
    for first, last in joined:
        lane = next((lane for lane, end in enumerate(ends) if end < first), len(ends))
        ends[lane:] = [last, *ends[lane + 1 :]]
        found.append(lane)
    return found


def _spec(boards: Sequence[TaskBoard], ranks: Sequence[Ranks], joined: Sequence[Span]) -> dict[str, Any]:
    labels = labels_of(one.algorithm for one in ranks)
    order = list(labels.values())
    tasks = labels_of(board.task for board in boards)
    points = [
        {"n": labels[one.algorithm], "t": tasks[board.task], "r": rounded(rank), "l": low, "h": high}
        for one in ranks
        for board, rank, (low, high) in zip(boards, one.by_task, one.spread, strict=True)
    ]
    means = [{"n": labels[one.algorithm], "m": rounded(one.mean)} for one in ranks]
    lanes = lanes_of(joined)
    bars = [
        {"n": order[first], "b": order[last], "x": 10 + 7 * lane, "s": f"{order[first]} to {order[last]}"}
        for (first, last), lane in zip(joined, lanes, strict=True)
    ]
    y = alt.Y("n:N", title=None, scale=alt.Scale(domain=order), axis=alt.Axis(labelLimit=120, grid=True, ticks=False))
    legend = alt.Legend(columns=3, symbolOpacity=1)
    colour = alt.Color("t:N", scale=_colours(list(tasks.values())), legend=legend)
    tips = [alt.Tooltip("n:N", title="algorithm"), alt.Tooltip("t:N", title="task"), alt.Tooltip("r:Q", title="rank")]
    tips += [alt.Tooltip("l:Q", title="best of a seed"), alt.Tooltip("h:Q", title="worst of a seed")]
    shape = alt.Shape("t:N", scale=alt.Scale(domain=list(tasks.values())), legend=legend)
    base = alt.Chart(values_of(points))
    layers = [
        base.mark_rule(strokeWidth=2, opacity=0.45).encode(_x("l", len(ranks)), y, x2="h:Q", color=colour),
        alt.Chart(values_of(means))
        .mark_tick(color=INK, thickness=3, height=13, opacity=1)
        .encode(_x("m", len(ranks)), y, tooltip=[tips[0], alt.Tooltip("m:Q", title="mean rank", format=".2f")]),
        base.mark_point(filled=True, size=40, opacity=0.9).encode(
            _x("r", len(ranks)),
            y,
            color=colour,
            shape=shape,
            tooltip=tips,
        ),
        alt.Chart(values_of(bars))
        .mark_rule(strokeWidth=3, strokeCap="round", color=INK, opacity=0.7, x=alt.ExprRef("width + datum.x"))
        .encode(y, y2="b:N", tooltip=alt.Tooltip("s:N", title="not told apart")),
    ]
    return spec_of(alt.layer(*layers), 16 * len(ranks) + 20)


def _x(name: str, n: int) -> alt.X:
    axis = alt.Axis(tickMinStep=1, tickCount=alt.ExprRef("ceil(width / 50)"), format="d")
    scale = alt.Scale(domain=[0.5, n + 0.5], nice=False, zero=False)
    return alt.X(f"{name}:Q", title="rank (1 is best)", scale=scale, axis=axis)


def _colours(tasks: Sequence[str]) -> alt.Scale:
    return alt.Scale(domain=list(tasks), range=[*PALETTE, *[GREY] * len(tasks)][: len(tasks)])
