"""The leaderboard in a terminal: what fits the width, best values bold, and what a reader must know below."""

from __future__ import annotations

import shlex
from collections.abc import Collection
from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from bench.cli.table import GAP, fitting, table
from bench.plugins import load_registries
from bench.values import some
from bench_reports.advice import Step, next_steps
from bench_reports.board import Board, TaskBoard
from bench_reports.rendering import columns, failures

LOOK = (Step(("report",), "one page to read and to send", takes_folder="--runs"), Step(("ui",), "all runs in MLflow"))


def print_board(board: Board, console: Console, folder: Path | None = None) -> None:
    """Print the table of every task, what holds for all of them, and what to do next.

    Rows that are tied with the best are dim. folder: of the results, where the commands of what to do next
    must be told.
    """
    shared = _shared(board)
    hidden = {header: None for task in board.tasks for header in _print_task(task, shared, console)}
    if shared:
        console.print(Text("on every task", style="bold"))
        _print_notes(shared, console)
        console.print()
    if hidden:
        ways = "--metrics chooses, --format csv has all."
        console.print(Text(f"Did not fit: {some(list(hidden))}. {ways}", style="dim"))
    _print_steps(board, folder, console)


def _shared(board: Board) -> list[str]:
    """What is said of several tasks, and of each of them."""
    if len(board.tasks) < 2:
        return []
    return [note for note in _notes(board.tasks[0]) if all(note in _notes(task) for task in board.tasks)]


def _notes(board: TaskBoard) -> list[str]:
    """The audit in brief: in full it is in the other formats and in the report."""
    said = [note for note in board.notes if note not in board.audit]
    return [*failures(board), *said, *([board.leaks] if board.leaks else [])]


def _print_task(board: TaskBoard, shared: Collection[str], console: Console) -> list[str]:
    """Print one table and its notes; returns the headers of the columns that did not fit."""
    shown, hidden = fitting(columns(board), console.width)
    console.print(Text(board.title, style="bold"))
    tied = [index for index, row in enumerate(board.rows) if row.tied]
    console.print(table(shown, console.width, dimmed=tied))
    _print_notes([note for note in _notes(board) if note not in shared], console)
    console.print()
    return hidden


def _print_notes(notes: Collection[str], console: Console) -> None:
    for note in notes:
        console.print(Padding(Text(note, style="dim"), (0, 0, 0, 2)))


def _print_steps(board: Board, folder: Path | None, console: Console) -> None:
    """A command is never broken over lines: it is there to be copied."""
    console.print(Text("Next", style="bold"))
    for step in [*next_steps(board, load_registries().suites), *LOOK]:
        place = [step.takes_folder, str(folder)] if folder else []
        command = Text(f"  {shlex.join(['bench', *step.arguments, *place])}", style="bold")
        if command.cell_len + len(step.why) + GAP <= console.width:
            console.print(Text.assemble(command, f"  {step.why}"))
        else:
            console.print(command, soft_wrap=True)
            console.print(Padding(Text(step.why), (0, 0, 0, 4)))
