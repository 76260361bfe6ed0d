"""Quality over time: the setups of a row in order, with what changed at each and where values start anew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

from bench_reports.figures.drawing import GREY, INK, PALETTE, choice, labels_of, rounded, spec_of, values_of
from bench_reports.figures.figure import Figure, listed, slug
from bench_reports.history import Point, Timeline, Verdict
from bench_reports.rendering import MISSING, number, seconds, size

HEIGHT = 300
CHANGED = {"unchanged": GREY, "first": PALETTE[5], "better": PALETTE[2], "worse": PALETTE[3], "unclear": PALETTE[1]}
"""Colours of the points, by what can be said of them; the words stand in the legend and in the tooltip."""


def history(timelines: Sequence[Timeline]) -> list[Figure]:
    """A figure a suite, task and metric of which a row has two values or more; the others are in its table alone."""
    tasks: dict[tuple[str, str, str], list[Timeline]] = {}
    for timeline in timelines:
        tasks.setdefault((timeline.suite, timeline.task, timeline.metric), []).append(timeline)
    return [_figure(own) for own in tasks.values() if any(map(_moved, own))]


def _moved(timeline: Timeline) -> bool:
    return sum(point.value is not None for point in timeline.points) > 1


def _figure(timelines: Sequence[Timeline]) -> Figure:
    first = timelines[0]
    rows = [(timeline.row, point) for timeline in timelines for point in timeline.points]
    return Figure(
        key=slug(f"{first.suite}-{first.task}-{first.metric}-history"),
        title=f"History: {first.task}",
        summary=_summary(timelines),
        spec=_spec([timeline for timeline in timelines if _moved(timeline)]),
        columns=(
            "algorithm",
            "when (UTC)",
            "commit",
            first.metric,
            "change",
            "verdict",
            "fit",
            "memory",
            "what changed",
        ),
        rows=tuple((name, *_line(point)) for name, point in rows),
    )


def _line(point: Point) -> tuple[str, ...]:
    change = MISSING if point.difference is None else f"{point.difference:+.4f}"
    return (
        point.when[:16].replace("T", " "),
        point.short_commit or MISSING,
        number(point.value),
        change,
        _verdict(point),
        seconds(point.fit_seconds),
        size(point.peak_bytes),
        _changes(point),
    )


def _verdict(point: Point) -> str:
    if point.value is None:
        return point.status.value if point.n_failed else "incomplete"
    return "starts anew" if point.starts_segment else "" if point.difference is None else point.verdict.value


def _changes(point: Point) -> str:
    return ", ".join(mark.text for mark in point.marks)


def _summary(timelines: Sequence[Timeline]) -> str:
    """Which rows got better or worse, by their newest verdict."""
    moved = [timeline for timeline in timelines if _moved(timeline)]
    newest = {timeline.row: _newest(timeline).verdict for timeline in moved}
    parts = [
        f"{verdict.value}: {listed([row for row, one in newest.items() if one is verdict])}"
        for verdict in (Verdict.BETTER, Verdict.WORSE)
        if verdict in newest.values()
    ]
    said = "; ".join(parts) or "none is known to be better or worse"
    n = len(moved)
    return (
        f"{moved[0].metric} of {n} algorithm{'' if n == 1 else 's'} over {'its' if n == 1 else 'their'} setups on "
        f"{moved[0].task}, oldest first. Newest change: {said}. A line joins values that can be compared."
    )


def _newest(timeline: Timeline) -> Point:
    """The newest that has a value: a failure after it does not undo what was found."""
    return next(point for point in reversed(timeline.points) if point.value is not None)


def _spec(timelines: Sequence[Timeline]) -> dict[str, Any]:
    """One row at a time, for the reader to choose: rows move at different times, and by different amounts."""
    labels = labels_of(timeline.row for timeline in timelines)
    data = [row for timeline in timelines for row in _data(timeline, labels[timeline.row])]
    base = alt.Chart(values_of(data)).transform_filter("datum.n === row")
    x = alt.X("t:T", title=None, scale=alt.Scale(padding=45), axis=alt.Axis(grid=False, labelOverlap=True))
    y = alt.Y("v:Q", title=timelines[0].metric, scale=alt.Scale(zero=False, padding=12))
    present = [name for name in CHANGED if any(row["s"] == name for row in data)]
    colour = alt.Color("s:N", scale=alt.Scale(domain=present, range=[CHANGED[name] for name in present]))
    tips = [
        alt.Tooltip(f"{field}:N", title=title)
        for field, title in (("w", "when"), ("c", "commit"), ("l", "value"), ("d", "change"), ("m", "what changed"))
    ]
    line = base.mark_line(color=INK, opacity=0.5, strokeWidth=1.5).encode(x, y, detail="g:N")
    anew = base.transform_filter("datum.a").mark_rule(color=INK, opacity=0.5, strokeDash=[4, 4]).encode(x)
    points = base.mark_point(filled=True, size=90, opacity=1).encode(x, y, color=colour, tooltip=tips)
    marks = base.mark_text(dy=-14, fontSize=10, limit=110).encode(x, y, text="k:N")
    chart = alt.layer(line, anew, points, marks).add_params(choice("row", "Algorithm", list(labels.values())))
    return spec_of(chart, HEIGHT)


def _data(timeline: Timeline, label: str) -> list[dict[str, Any]]:
    found = []
    for group, segment in enumerate(timeline.segments):
        for point in segment:
            if point.value is not None:
                found.append(
                    {
                        "n": label,
                        "t": point.when,
                        "v": rounded(point.value),
                        "g": group,
                        "a": point.starts_segment,
                        "s": _state(point),
                        "k": ", ".join(mark.kind for mark in point.marks),
                        "w": point.when[:16].replace("T", " "),
                        "c": point.short_commit or MISSING,
                        "l": number(point.value),
                        "d": MISSING if point.difference is None else f"{point.difference:+.4f}, {point.verdict.value}",
                        "m": _changes(point) or MISSING,
                    }
                )
    return found


def _state(point: Point) -> str:
    if point.difference is None:
        return "first"
    return {Verdict.BETTER: "better", Verdict.WORSE: "worse", Verdict.SAME: "unchanged"}.get(point.verdict, "unclear")
