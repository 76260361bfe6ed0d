"""`bench report`: the leaderboards, figures and records of a results folder as one HTML file to look at and send."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli import options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.store import Stored

Suite = Annotated[str | None, typer.Option("--suite", help="Of this suite, such as movielens or movielens-v2.")]
Tasks = Annotated[list[str] | None, typer.Option("--task", help="On this task alone; repeatable.", show_default="all")]
File = Annotated[Path, typer.Option("--out", help="The file to write; one that is there is replaced.")]
Runs = Annotated[
    Path, typer.Option("--runs", help="Folder of the results (--out of the other commands).", envvar="BENCH_OUT")
]

UI = "http://127.0.0.1:5000"
"""Where `bench ui` answers unless told otherwise."""


def command(
    suite: Suite = None,
    task: Tasks = None,
    out: File = Path("report.html"),
    runs: Runs = options.DEFAULT_OUT,
    tracking_uri: options.TrackingUri = None,
) -> None:
    """Write a report: one HTML file that opens from disk, needs no network, and can be sent to a colleague.

    It is made of the stored records alone. Links to MLflow runs work while `bench ui` runs.
    """
    from bench.cli.leaderboard import stored_runs
    from bench.errors import UsageError
    from bench.store import write_text
    from bench_reports.page import content_of, render
    from bench_reports.rendering import size

    if out.is_dir():
        raise UsageError(f"--out is the file of the report, such as report.html. Got the folder '{out}'; see --runs.")
    if not out.absolute().parent.is_dir():
        raise UsageError(f"the folder of --out must exist. Got '{out}'.")
    found = stored_runs(runs, suite, task or [])
    content = content_of(found, runs.absolute(), links(found, runs, tracking_uri))
    write_text(out, render(content))
    n_tasks = len(content.sections)
    typer.echo(
        f"{out.absolute()}: {n_tasks} task{'' if n_tasks == 1 else 's'}, {content.n_runs} runs, "
        f"{size(out.stat().st_size)}. Open it in a browser."
    )


def links(stored: Sequence[Stored], root: Path, tracking_uri: str | None) -> dict[Path, str]:
    """By a record's folder, where MLflow shows its run; of those that are noted to be in that store."""
    from bench.tracking.markers import marked_run
    from bench.tracking.places import place

    store = place(root, tracking_uri)
    base = re.sub("//[^/@]*@", "//", store.uri).rstrip("/") if store.uri.startswith("http") else UI
    marked = {run.path: marked_run(run.path, store.shown, run.record.attempt) for run in stored}
    return {path: f"{base}/#/runs/{run_id}" for path, run_id in marked.items() if run_id}
