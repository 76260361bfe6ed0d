"""All that a report says, as values: what the templates only have to write down."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.store import Stored
from bench_reports.board import BoardRow, TaskBoard
from bench_reports.figures import Figure, figures_of, overview_of, svg_of
from bench_reports.figures.history import history
from bench_reports.history import timelines
from bench_reports.leaderboard import audit_notes, leaderboard, newest_runs, suite_of
from bench_reports.page.account import Account, account_of
from bench_reports.page.examples import UserExample, examples_of_task
from bench_reports.page.reproduction import Reproduction, reproduction_of
from bench_reports.page.table import Table, table_of
from bench_reports.rendering import failures, number

LEVEL = 95


@dataclass(frozen=True)
class Drawn:
    """A figure of one section. anchor: unique in the page. svg: as it is without JavaScript and in print."""

    anchor: str
    figure: Figure
    svg: str


@dataclass(frozen=True)
class Leader:
    """The best of a task, in what a summary needs. tied: what cannot be told from it."""

    name: str
    value: str
    interval: str
    tied: tuple[str, ...]


@dataclass(frozen=True)
class Section:
    """One task of one suite. anchor: unique in the page. failed: sentences on rows that failed or are incomplete.

    audit: what is worth knowing of it, in words. leader: None where nothing could be ranked.
    """

    anchor: str
    board: TaskBoard
    leader: Leader | None
    table: Table
    failed: tuple[str, ...]
    notes: tuple[str, ...]
    audit: tuple[str, ...]
    figures: tuple[Drawn, ...]
    examples: tuple[UserExample, ...]
    account: Account
    reproduction: Reproduction

    @property
    def n_unranked(self) -> int:
        return sum(not line.ranked for line in self.table.lines)


@dataclass(frozen=True)
class Content:
    """The report. across: figures about all tasks of a suite. first and last: days of its oldest and newest result."""

    suites: tuple[str, ...]
    sections: tuple[Section, ...]
    across: tuple[Drawn, ...]
    n_runs: int
    first: str
    last: str

    @property
    def title(self) -> str:
        """Also the title of the browser's window: of many suites only the first is named."""
        more = len(self.suites) - 1
        return f"{self.suites[0]}{f' and {more} more' if more else ''}"


def content_of(stored: Sequence[Stored], root: Path, links: Mapping[Path, str] | None = None) -> Content:
    """The report on the records, at least one, with a section a suite and task in the order in which they appear.

    root: the results folder. links: by a record's folder, where MLflow shows its run.
    """
    shown: dict[tuple[str, str], list[Stored]] = {}
    for run in newest_runs(stored):
        shown.setdefault((suite_of(run), run.record.task), []).append(run)
    boards = leaderboard(stored).tasks
    sections = tuple(
        _section(f"task-{at}", board, shown[board.suite, board.task], _all_of(board, stored), root, links or {})
        for at, board in enumerate(boards, start=1)
    )
    suites = tuple(dict.fromkeys(board.suite for board in boards))
    across = tuple(
        _drawn(f"suite-{at}", figure)
        for at, suite in enumerate(suites, start=1)
        for figure in overview_of(
            [board for board in boards if board.suite == suite],
            [run for (of, _), runs in shown.items() if of == suite for run in runs],
        )
    )
    days = sorted(run.record.finished_at[:10] for runs in shown.values() for run in runs)
    return Content(
        suites=suites,
        sections=sections,
        across=across,
        n_runs=len(days),
        first=days[0],
        last=days[-1],
    )


def _all_of(board: TaskBoard, stored: Sequence[Stored]) -> list[Stored]:
    """The runs of a board's task on its version of the suite, also those that it doesn't show."""
    return [run for run in stored if (suite_of(run), run.record.task) == (board.suite, board.task)]


def _section(
    anchor: str,
    board: TaskBoard,
    runs: Sequence[Stored],
    all_runs: Sequence[Stored],
    root: Path,
    links: Mapping[Path, str],
) -> Section:
    """runs: those that the board shows. all_runs: also the older ones, of which the history is made."""
    audit = audit_notes(runs)
    figures = [*figures_of(board, runs), *history(timelines(all_runs, board.sort))]
    return Section(
        anchor=anchor,
        board=board,
        leader=_leader(board),
        table=table_of(board, links),
        failed=tuple(failures(board)),
        notes=tuple(note for note in board.notes if note not in audit),
        audit=tuple(line.removeprefix("audit: ") for line in audit),
        figures=tuple(_drawn(anchor, figure) for figure in figures),
        examples=examples_of_task(board, runs),
        account=account_of(runs, board.candidates),
        reproduction=reproduction_of(runs, root),
    )


def _leader(board: TaskBoard) -> Leader | None:
    best: BoardRow | None = next((row for row in board.rows if row.rank == 1), None)
    if best is None:
        return None
    known = best.estimate is not None and best.estimate.low == best.estimate.low
    interval = f"{number(best.estimate.low)}–{number(best.estimate.high)}" if known and best.estimate else ""
    tied = tuple(row.algorithm for row in board.rows if row.tied)
    return Leader(best.algorithm, number(best.metrics[board.sort]), interval, tied)


_SHARED_ID = re.compile(r"""(\bid="|url\(#|href="#)""")
"""Where an SVG names its own parts; many of them share a page."""


def _drawn(section: str, figure: Figure) -> Drawn:
    anchor = f"{section}-{figure.key}"
    return Drawn(anchor, figure, _SHARED_ID.sub(rf"\g<1>{anchor}-", svg_of(figure)))
