"""`bench leaderboard`: which algorithm is better on each task, from the stored records."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli import options

if TYPE_CHECKING:
    from pathlib import Path

    from bench.store import Stored
    from bench_reports.board import Board


class Format(StrEnum):
    """How a leaderboard is printed."""

    TABLE = "table"
    MARKDOWN = "markdown"
    CSV = "csv"
    JSON = "json"
    LATEX = "latex"
    HTML = "html"


Suite = Annotated[str | None, typer.Option("--suite", help="Show this suite alone, such as movielens or movielens-v1.")]
Tasks = Annotated[list[str] | None, typer.Option("--task", help="Show this task alone; repeatable.")]
Sort = Annotated[
    str | None, typer.Option("--sort", help="Rank by this metric.", show_default="the suite's primary metric")
]
Metrics = Annotated[
    str | None, typer.Option("--metrics", help="Show only these, such as ndcg@10,coverage@10.", show_default="all")
]
Formats = Annotated[Format, typer.Option("--format", help="How to print it.")]


def command(
    suite: Suite = None,
    task: Tasks = None,
    sort: Sort = None,
    metrics: Metrics = None,
    format_: Formats = Format.TABLE,
    out: options.Out = options.DEFAULT_OUT,
) -> None:
    """Show the leaderboard of every suite and task that was run."""
    from bench_reports.leaderboard import leaderboard

    print_as(leaderboard(stored_runs(out, suite, task or []), sort, labels_in(metrics)), format_, out)


def labels_in(text: str | None) -> list[str]:
    """The labels of "ndcg@10, coverage@10", each once."""
    return list(dict.fromkeys(label for part in (text or "").split(",") if (label := part.strip())))


def stored_runs(out: Path, suite: str | None, tasks: list[str]) -> list[Stored]:
    """The runs under `out` that `selected` selects. Raises UsageError if there are none."""
    from bench.errors import UsageError
    from bench.store import Store

    runs = list(Store(out).all())
    if not runs:
        raise UsageError(f"there are no results in '{out}' yet. Run: bench run --suite movielens")
    return selected(runs, suite, tasks)


def selected(runs: list[Stored], suite: str | None, tasks: list[str]) -> list[Stored]:
    """The runs of one suite (any version, or the labelled one) and some tasks, or of all.

    Raises UnknownNameError if the suite or a task has none.
    """
    from bench.errors import UnknownNameError

    labels = {name for run in runs for name in (run.record.suite.name, _label(run))}
    if suite is not None and suite not in labels:
        raise UnknownNameError("suite among the results", suite, labels)
    runs = [run for run in runs if suite in (None, run.record.suite.name, _label(run))]
    known = {run.record.task for run in runs}
    for name in tasks:
        if name not in known:
            raise UnknownNameError("task among the results", name, known)
    return [run for run in runs if not tasks or run.record.task in tasks]


def _label(run: Stored) -> str:
    return f"{run.record.suite.name}-v{run.record.suite.version}"


def print_as(board: Board, format_: Format, out: Path) -> None:
    """Print a board of the results in `out` to stdout."""
    from bench_reports.html import render_html
    from bench_reports.latex import render_latex
    from bench_reports.leaderboard import render_csv, render_json, render_markdown

    if format_ is Format.TABLE:
        from rich.console import Console

        from bench.cli.board import print_board

        print_board(board, Console(), options.folder_to_name(out))
    else:
        render = {
            Format.MARKDOWN: render_markdown,
            Format.CSV: render_csv,
            Format.JSON: render_json,
            Format.LATEX: render_latex,
            Format.HTML: render_html,
        }
        print(render[format_](board))
