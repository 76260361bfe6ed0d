"""The figures of a report: pure functions of records, as Vega-Lite specifications and as static SVGs.

>>> figures_of(board, runs)  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Sequence

from bench.store import Stored
from bench_reports.board import TaskBoard
from bench_reports.figures.cutoffs import cutoffs
from bench_reports.figures.data import data
from bench_reports.figures.differences import differences
from bench_reports.figures.drawing import javascript, svg_of
from bench_reports.figures.figure import Figure
from bench_reports.figures.frontier import frontier
from bench_reports.figures.groups import groups
from bench_reports.figures.stability import stability
from bench_reports.figures.training import training
from bench_reports.figures.tuning import tuning

__all__ = ["Figure", "figures_of", "javascript", "overview_of", "svg_of"]


def figures_of(board: TaskBoard, runs: Sequence[Stored]) -> list[Figure]:
    """The figures of one task that have something to show. runs: those that its board shows, by
    `bench_reports.leaderboard.newest_runs`.
    """
    return [
        *frontier(board),
        *groups(board, runs),
        *differences(board, runs),
        *cutoffs(board, runs),
        *training(board, runs),
        *tuning(board),
        *data(board, runs),
    ]


def overview_of(boards: Sequence[TaskBoard], runs: Sequence[Stored]) -> list[Figure]:
    """The figures about all tasks of a suite together. runs: those that the boards show."""
    return stability(boards, runs)
