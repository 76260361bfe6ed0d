"""A metric by groups of users or items: who is served well, and who is not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

from bench.records import Status
from bench.store import Stored
from bench_reports.board import TaskBoard
from bench_reports.figures.drawing import GREY, PALETTE, choice, labels_of, rounded, spec_of, values_of
from bench_reports.figures.figure import Figure, key_of
from bench_reports.rendering import number
from bench_reports.slices import SliceTable, slice_tables


def groups(board: TaskBoard, runs: Sequence[Stored]) -> list[Figure]:
    """The metric that ranks in every group of a family, a line an algorithm; nothing without slices."""
    sliced = [run for run in runs if run.record.status is Status.OK and run.record.slices]
    if not any(board.sort in run.record.metrics for run in sliced):
        return []
    tables = slice_tables(sliced, metric=board.sort)
    if not tables:
        return []
    rows = tuple(
        (table.family, row.algorithm, group, str(n), number(value))
        for table in tables
        for row in table.rows
        for group, n, value in zip(table.groups, table.n_users, row.values, strict=True)
    )
    return [
        Figure(
            key=key_of(board, "groups"),
            title=f"By groups of users and items: {board.task}",
            summary=_summary(tables[0], len(tables), board.sort in board.lower_is_better),
            spec=_spec(tables),
            columns=("family", "algorithm", "group", "users", board.sort),
            rows=rows,
        )
    ]


def _summary(table: SliceTable, n_families: int, lower: bool) -> str:
    best = next(row for row in table.rows if row.gap is not None)
    known = [(group, value) for group, value in zip(table.groups, best.values, strict=True) if value is not None]
    ordered = sorted(known, key=lambda pair: pair[1], reverse=not lower)
    return (
        f"{table.metric} of {len(table.rows)} algorithms in each group; {n_families} families to choose from. "
        f"By {table.family}, {best.algorithm} comes to {number(ordered[0][1])} in group {ordered[0][0]}, its best, "
        f"and to {number(ordered[-1][1])} in group {ordered[-1][0]}, its worst."
    )


def _spec(tables: Sequence[SliceTable]) -> dict[str, Any]:
    labels = labels_of(row.algorithm for table in tables for row in table.rows)
    named = labels_of(group for table in tables for group in table.groups)
    families = labels_of(table.family for table in tables)
    data = [
        {
            "f": families[table.family],
            "n": labels[row.algorithm],
            "g": [named[group] for group, value in zip(table.groups, row.values, strict=True) if value is not None],
            "i": [place for place, value in enumerate(row.values) if value is not None],
            "u": [n for n, value in zip(table.n_users, row.values, strict=True) if value is not None],
            "v": [rounded(value) for value in row.values if value is not None],
        }
        for table in tables
        for row in table.rows
    ]
    metric = tables[0].metric
    base = alt.Chart().transform_filter("datum.f === family").transform_flatten(["g", "i", "u", "v"])
    y = alt.Y("n:N", title=None, sort=list(labels.values()), axis=alt.Axis(labelLimit=120, grid=True, ticks=False))
    x = alt.X("v:Q", title=f"{metric} in the group", axis=alt.Axis(tickCount=alt.ExprRef("ceil(width / 80)")))
    by_place = alt.EncodingSortField("i", op="min")
    legend = alt.Legend(columns=3, symbolLimit=8)
    tips = [alt.Tooltip("n:N", title="algorithm"), alt.Tooltip("g:N", title="group"), alt.Tooltip("u:Q", title="users")]
    dots = base.mark_point(filled=True, size=55, opacity=0.95).encode(
        x,
        y,
        color=alt.Color("g:N", sort=by_place, scale=alt.Scale(range=list(PALETTE)), legend=legend),
        shape=alt.Shape("g:N", sort=by_place, legend=legend),
        tooltip=[*tips, alt.Tooltip("v:Q", title=metric, format=".4f")],
    )
    spans = base.mark_line(color=GREY, strokeWidth=1.5, opacity=0.6).encode(x, y, detail="n:N")
    chart = alt.layer(spans, dots, data=values_of(data)).add_params(choice("family", "Groups", list(families.values())))
    return spec_of(chart, 16 * len(labels) + 20)
