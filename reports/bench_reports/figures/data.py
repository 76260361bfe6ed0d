"""What the data of a task looks like: how few items have most interactions, how active users are, and when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import altair as alt

from bench.profile import Activity, LongTail, Timeline
from bench.records import FoldRef
from bench.store import Stored
from bench_reports.board import TaskBoard
from bench_reports.figures.drawing import GREY, INK, PALETTE, spec_of, values_of
from bench_reports.figures.figure import Figure, key_of, share

HEIGHT = 220
_SPLIT = {"train": GREY, "validation": PALETTE[1], "test": PALETTE[0]}
_ELSE = PALETTE[2]


def data(board: TaskBoard, runs: Sequence[Stored]) -> list[Figure]:
    """The long tail, the activity of users and the timeline of the first fold whose record has a profile."""
    folds = [run.record.fold for run in runs if run.record.fold.profile is not None]
    if not folds:
        return []
    fold = min(folds, key=lambda fold: fold.index)
    assert fold.profile is not None
    found = [_long_tail(board, fold, fold.profile.long_tail), _activity(board, fold.profile.activity)]
    return [*found, *([] if fold.profile.timeline is None else [_timeline(board, fold.profile.timeline)])]


def _long_tail(board: TaskBoard, fold: FoldRef, tail: LongTail) -> Figure:
    tops = (("1 %", tail.top_1_percent), ("5 %", tail.top_5_percent), ("20 %", tail.top_20_percent))
    n_items = f"{fold.items['all']:,} items" if "all" in fold.items else "the items"
    summary = (
        f"The most popular 20 % of {n_items} have {share(tail.top_20_percent, 1)} of the interactions, the most "
        f"popular 1 % have {share(tail.top_1_percent, 1)}; the Gini index is {tail.gini:.2f}. On the dashed line "
        "all items would be equally popular."
    )
    rows = [{"x": x, "y": y} for x, y in zip(tail.item_shares, tail.interaction_shares, strict=True)]
    marked = {"x": 0.2, "y": tail.top_20_percent, "t": f"20 % of the items: {share(tail.top_20_percent, 1)}"}
    x, y = _share_of("x", "items, the most popular first"), _share_of("y", "interactions")
    tips = [alt.Tooltip("x:Q", title="of the items", format=".1%")]
    tips.append(alt.Tooltip("y:Q", title="of the interactions", format=".1%"))
    even = alt.Chart(values_of([{"x": 0, "y": 0}, {"x": 1, "y": 1}]))
    chosen = alt.Chart(values_of([marked]))
    chart = alt.layer(
        even.mark_line(strokeDash=[4, 4], color=INK, opacity=0.4).encode(alt.X("x:Q"), alt.Y("y:Q")),
        alt.Chart(values_of(rows)).mark_area(color=PALETTE[0], opacity=0.15).encode(x, y, tooltip=tips),
        alt.Chart(values_of(rows)).mark_line(color=PALETTE[0], strokeWidth=2).encode(x, y),
        chosen.mark_point(filled=True, size=50, color=PALETTE[0], opacity=1).encode(x, y),
        chosen.mark_text(align="left", dx=8, dy=10).encode(x, y, text="t:N"),
    )
    columns = ("most popular items", "their share of the interactions")
    table = tuple((name, share(value, 1)) for name, value in tops)
    title = f"The long tail: {board.task}"
    return Figure(key_of(board, "data-long-tail"), title, summary, spec_of(chart, HEIGHT), columns, table)


def _share_of(name: str, what: str) -> Any:
    channel = alt.X if name == "x" else alt.Y
    axis = alt.Axis(format="%", tickCount=5)
    return channel(f"{name}:Q", title=f"share of {what}", axis=axis, scale=alt.Scale(domain=[0, 1]))


def _activity(board: TaskBoard, activity: Activity) -> Figure:
    at = {level: f"{value:,.0f}" for level, value in zip(activity.levels, activity.quantiles, strict=True)}
    summary = (
        f"Half of the users have {at[0.5]} interactions or fewer; the least active has {at[0.0]}, "
        f"the most active {at[1.0]}."
    )
    rows = [
        {"a": low, "b": high, "u": n, "t": f"{low:,}" if high - low == 1 else f"{low:,} to {high - 1:,}"}
        for low, high, n in zip(activity.edges, activity.edges[1:], activity.users, strict=False)
    ]
    x = alt.X("a:Q", title="interactions of a user (log scale)", axis=alt.Axis(grid=False, format="~s", tickCount=5))
    tips = [alt.Tooltip("t:N", title="interactions"), alt.Tooltip("u:Q", title="users", format=",")]
    chart = (
        alt.Chart(values_of(rows))
        .mark_rect(color=PALETTE[0], stroke="white", strokeWidth=0.5, strokeOpacity=0.6)
        .encode(
            x.scale(type="log", nice=False),
            alt.Y("u:Q", title="users", axis=alt.Axis(tickCount=5), scale=alt.Scale(zero=True)),
            x2="b:Q",
            y2=alt.datum(0),
            tooltip=tips,
        )
    )
    columns = ("interactions of a user", "users")
    table = tuple((str(row["t"]), f"{row['u']:,}") for row in rows)
    title = f"How active the users are: {board.task}"
    return Figure(key_of(board, "data-activity"), title, summary, spec_of(chart, HEIGHT), columns, table)


def _timeline(board: TaskBoard, timeline: Timeline) -> Figure:
    n_bins = len(next(iter(timeline.counts.values())))
    step = (timeline.last - timeline.first + 1) / n_bins
    rows = [
        {
            "p": part,
            "a": _milliseconds(timeline.first + step * place),
            "b": _milliseconds(timeline.first + step * (place + 1)),
            "u": n,
        }
        for part, counts in timeline.counts.items()
        for place, n in enumerate(counts)
        if n
    ]
    cuts = [{"a": _milliseconds(second), "t": f"{part} from {_day(second)}"} for part, second in timeline.cuts.items()]
    parts = list(timeline.counts)
    colours = alt.Scale(domain=parts, range=[_SPLIT.get(part, _ELSE) for part in parts])
    x = alt.X("a:T", title=None, axis=alt.Axis(grid=False, tickCount=alt.ExprRef("ceil(width / 90)"))).scale(type="utc")
    tips = [alt.Tooltip("p:N", title="part"), alt.Tooltip("u:Q", title="interactions", format=",")]
    tips += [alt.Tooltip("utcyearmonthdate(a):T", title="from"), alt.Tooltip("utcyearmonthdate(b):T", title="to")]
    bars = alt.Chart(values_of(rows)).mark_bar(binSpacing=0)
    cut = alt.Chart(values_of(cuts))
    chart = alt.layer(
        bars.encode(
            x.bin("binned"),
            alt.Y("u:Q", title="interactions", stack="zero", axis=alt.Axis(tickCount=5, format="~s")),
            x2="b:T",
            color=alt.Color("p:N", scale=colours, legend=alt.Legend(columns=2)),
            tooltip=tips,
        ),
        cut.mark_rule(color=INK, strokeDash=[4, 3]).encode(alt.X("a:T"), tooltip=alt.Tooltip("t:N", title="cut")),
    )
    totals = {part: sum(counts) for part, counts in timeline.counts.items()}
    in_words = ", ".join(f"{n:,} of {part}" for part, n in totals.items())
    where = "; ".join(f"{part} begins on {_day(second)}" for part, second in timeline.cuts.items())
    summary = (
        f"Interactions from {_day(timeline.first)} to {_day(timeline.last)}: {in_words}. "
        f"{where[:1].upper() + where[1:] if where else 'The parts overlap in time'}."
    )
    table = tuple(
        (_day(timeline.first + step * place), *(f"{counts[place]:,}" for counts in timeline.counts.values()))
        for place in range(n_bins)
    )
    title = f"When the interactions took place: {board.task}"
    return Figure(key_of(board, "data-timeline"), title, summary, spec_of(chart, HEIGHT), ("from", *parts), table)


def _milliseconds(seconds: float) -> int:
    """As Vega counts time."""
    return round(1000 * seconds)


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")
