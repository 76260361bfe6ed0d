"""A board as one plain HTML page: tables and notes, no script. The whole story is in `bench_reports.page`."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from bench_reports.board import Board, TaskBoard
from bench_reports.rendering import Column, columns, failures


def render_html(board: Board) -> str:
    """A page with a table a task; best values are bold, rows that are tied with the best have a ≈ and are pale."""
    tasks = [_task(task) for task in board.tasks]
    return _environment().get_template("board.html").render(tasks=tasks, classes=_classes)


def _task(board: TaskBoard) -> dict[str, Any]:
    return {
        "title": board.title,
        "columns": columns(board),
        "rows": [{"index": index, "tied": row.tied} for index, row in enumerate(board.rows)],
        "notes": [*failures(board), *board.notes],
    }


def _classes(column: Column, index: int) -> str:
    return " ".join(name for name, holds in (("text", column.is_text), ("best", index in column.best)) if holds)


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("bench_reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
