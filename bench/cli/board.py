"""The leaderboard in a terminal: what fits the width, best values bold, and what a reader must know below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bench_reports.board import Board, TaskBoard
from bench_reports.rendering import Column, columns, failures

GAP = 2
"""Blanks between two columns."""
MIN_NAME = 4
"""Characters of an algorithm's name that are left where the width is hopeless."""


def print_board(board: Board, console: Console) -> None:
    """Print the table of every task, and what to do next."""
    hidden = dict.fromkeys(header for task in board.tasks for header in _print_task(task, console))
    if hidden:
        ways = "widen the terminal, choose with --metrics, or use --format markdown"
        console.print(f"Too narrow for {', '.join(hidden)}: {ways}.", style="dim")
    console.print("Compare the runs: [bold]bench ui[/]", highlight=False)


def _print_task(board: TaskBoard, console: Console) -> list[str]:
    """Print one table and its notes; returns the headers of the columns that did not fit."""
    shown, hidden = fitting(columns(board), console.width)
    console.print(Text(board.title, style="bold"))
    console.print(_table(shown, console.width))
    for note in (*failures(board), *board.notes):
        console.print(Padding(Text(note, style="dim"), (0, 0, 0, 2)))
    console.print()
    return hidden


def fitting(wanted: Sequence[Column], width: int) -> tuple[list[Column], list[str]]:
    """The columns that fit `width` characters, and the headers of the others.

    What is too wide first gets headers of two lines; then the least important columns go.
    """
    if _width(wanted) <= width:
        return list(wanted), []
    kept = list(wanted)
    while _width(_broken(kept)) > width and any(column.priority for column in kept):
        kept.remove(max(kept, key=lambda column: column.priority))
    return _broken(kept), [column.header for column in wanted if column not in kept]


def _broken(shown: Sequence[Column]) -> list[Column]:
    """The columns with headers of two lines: "ndcg" above "@10"."""
    return [replace(column, header=column.header.replace("@", "\n@").replace(" ", "\n")) for column in shown]


def _width(shown: Sequence[Column]) -> int:
    return sum(_column_width(column) for column in shown) + GAP * (len(shown) - 1)


def _column_width(column: Column) -> int:
    return max(len(text) for text in (*column.header.split("\n"), *column.cells))


def _table(shown: Sequence[Column], width: int) -> Table:
    """A divider is a blank too, so the padding is one less than the gap. Numbers are never cut: where nothing
    else helps, names are.
    """
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, GAP - 1, 0, 0))
    excess = max(0, _width(shown) - width)
    for column in shown:
        own = _column_width(column)
        own = max(MIN_NAME, own - excess) if column.header == "algorithm" else own
        justify: Literal["left", "right"] = "left" if column.is_text else "right"
        table.add_column(
            column.header, justify=justify, no_wrap=True, overflow="ellipsis", min_width=own, max_width=own
        )
    for index in range(len(shown[0].cells)):
        table.add_row(*(Text(c.cells[index], style="bold" if index in c.best else "") for c in shown))
    return table
