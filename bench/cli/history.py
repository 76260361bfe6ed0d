"""`bench history`: how quality and cost moved over runs and commits."""

from __future__ import annotations

import json
from enum import StrEnum
from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli import options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from bench_reports.history import Point, Timeline
    from bench_reports.rendering import Column


class Format(StrEnum):
    """How a history is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


Suite = Annotated[str | None, typer.Option("--suite", help="Of this suite, such as movielens or movielens-v2.")]
Algorithms = Annotated[
    list[str] | None, typer.Option("--algorithm", help="Of this row alone; repeatable.", show_default="all")
]
Tasks = Annotated[list[str] | None, typer.Option("--task", help="On this task alone; repeatable.", show_default="all")]
Metric = Annotated[
    str | None, typer.Option("--metric", help="Such as ndcg@10.", show_default="the suite's primary metric")
]
Formats = Annotated[Format, typer.Option("--format", help="How to print it.")]

BARS = "▁▂▃▄▅▆▇█"
CHANGES = {True: 16, False: 10}
"""Characters in which what changed can be read, spelled out or named."""
ANEW = "anew"
SIGNS = {"same": "=", "not separable": "≈", "lone seed": "?", "untested": ""}
"""How verdicts are shown that are no words."""
LEGEND = {
    "=": "= the same for every user",
    "?": "? trained once: another seed might say the opposite, --seeds 5 tells",
    ANEW: f"{ANEW}: data, split or metric changed, so that it cannot be compared with those before",
}
NARROW = 72
"""Where the terminal is narrower, what changed is named and not spelled out."""


def command(
    suite: Suite = None,
    algorithm: Algorithms = None,
    task: Tasks = None,
    metric: Metric = None,
    format_: Formats = Format.TABLE,
    out: options.Out = options.DEFAULT_OUT,
) -> None:
    """Show how quality and cost moved over runs and commits, and what changed: code, parameters, data, metric, machine.

    A line is one setup, all its seeds together. Values that cannot be compared with those before start anew.
    """
    from bench.cli.leaderboard import stored_runs
    from bench_reports.history import json_timelines, render_csv, timelines

    drawn = timelines(stored_runs(out, suite, task or []), metric, algorithm or [])
    if format_ is Format.JSON:
        print(json.dumps(json_timelines(drawn), indent=2, ensure_ascii=False, allow_nan=False))
    elif format_ is Format.CSV:
        print(render_csv(drawn))
    else:
        from rich.console import Console

        print_history(drawn, Console(highlight=False))


def print_history(drawn: Sequence[Timeline], console: Console) -> None:
    """Print a table a task, a line a setup, and below how to read it."""
    from rich.padding import Padding
    from rich.text import Text

    for (suite, task, metric), group in groupby(drawn, key=lambda one: (one.suite, one.task, one.metric)):
        own = list(group)
        by = metric if own[0].higher_is_better else f"{metric} (lower is better)"
        console.print(Text(f"{suite} · {task} · {by}", style="bold"))
        _print_task(own, console)
        for note in meaning(own):
            console.print(Padding(Text(note, style="dim"), (0, 0, 0, 2)))
        console.print()


def _print_task(drawn: Sequence[Timeline], console: Console) -> None:
    from bench.cli.table import GAP, fitting, table

    points = [point for timeline in drawn for point in timeline.points]
    spelled_out = console.width >= NARROW
    changes = [", ".join(mark.text if spelled_out else mark.kind for mark in point.marks) for point in points]
    room = console.width - (CHANGES[spelled_out] + GAP if any(changes) else 0)
    shown, _ = fitting(_columns(drawn, points), room)
    console.print(table(shown, room, last=("what changed", changes) if any(changes) else None))


def _columns(drawn: Sequence[Timeline], points: Sequence[Point]) -> list[Column]:
    """A row's name and trend stand at its first point."""
    from bench_reports.rendering import MISSING, Column, number, seconds, size

    firsts = [timeline if at == 0 else None for timeline in drawn for at in range(len(timeline.points))]
    found = [
        Column("algorithm", tuple(one.row if one else "" for one in firsts), 0, is_text=True),
        Column("trend", tuple(sparkline(one) if one else "" for one in firsts), 4, is_text=True),
        Column("when (UTC)", tuple(_moments(drawn)), 3, is_text=True),
        Column("commit", tuple(point.short_commit or MISSING for point in points), 2, is_text=True),
        Column("seeds", tuple(str(len(point.seeds)) for point in points), 7),
        Column(drawn[0].metric, tuple(number(point.value) for point in points), 0),
        Column("change", tuple(_change(point) for point in points), 0),
        Column("", tuple(_verdict(point) for point in points), 0, is_text=True),
        Column("fit", tuple(seconds(point.fit_seconds) for point in points), 5),
        Column("memory", tuple(size(point.peak_bytes) for point in points), 6),
    ]
    return [column for column in found if column.header == "algorithm" or _says_something(column)]


def _moments(drawn: Sequence[Timeline]) -> list[str]:
    """The days of the points; with the time where a row has several on one day."""
    days = [[point.when[:10] for point in timeline.points] for timeline in drawn]
    if all(len(set(own)) == len(own) for own in days):
        return [day for own in days for day in own]
    return [point.when[:16].replace("T", " ") for timeline in drawn for point in timeline.points]


def _says_something(column: Column) -> bool:
    """Whether there is anything in it; a number of seeds is news only where it is not 1."""
    return any(cell not in ("", "1" if column.header == "seeds" else "") for cell in column.cells)


def sparkline(timeline: Timeline) -> str:
    """The values as bars, "▁▄█│▅": segments, which are drawn each to a scale of its own, stand apart. "" for one."""
    known = [[point.value for point in segment if point.value is not None] for segment in timeline.segments]
    if sum(map(len, known)) < 2:
        return ""
    return "│".join("".join(BARS[_height(value, values)] for value in values) for values in known if values)


def _height(value: float, values: Sequence[float]) -> int:
    low, high = min(values), max(values)
    return len(BARS) // 2 - 1 if low == high else round((value - low) / (high - low) * (len(BARS) - 1))


def _change(point: Point) -> str:
    return "" if point.difference is None else f"{point.difference:+.4f}"


def _verdict(point: Point) -> str:
    """In a word or a sign; how it ended where it did not end well."""
    from bench.records import Status

    if point.status is not Status.OK:
        return (
            point.status if point.n_failed == point.n_runs else f"{point.status} ({point.n_failed} of {point.n_runs})"
        )
    if point.starts_segment:
        return ANEW
    return SIGNS.get(point.verdict.value, point.verdict.value)


def meaning(drawn: Sequence[Timeline]) -> list[str]:
    """What the signs mean that are there, and what the words rest on."""
    points = [point for timeline in drawn for point in timeline.points]
    if len(points) == len(drawn):
        return ["one setup of every row so far: changes show from the second on."]
    found = {_verdict(point) for point in points}
    legend = [text for sign, text in LEGEND.items() if sign in found]
    if any(point.dirty for point in points):
        legend.append("* with changes that are in no commit")
    return [*_test(points), *([f"{'; '.join(legend)}."] if legend else [])]


def _test(points: Sequence[Point]) -> list[str]:
    from bench_reports.certainty import ALPHA

    tested = [point for point in points if point.p_adjusted is not None]
    if not tested:
        return []
    over = "users and seeds" if any(len(point.seeds) > 1 for point in tested) else "users"
    corrected = f", Holm's correction over {len(tested)} changes" if len(tested) > 1 else ""
    return [
        f"better, worse or ≈ (cannot be told apart): paired t test over {over}{corrected}, level {100 * ALPHA:g} %."
    ]
