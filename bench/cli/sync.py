"""`bench sync`: mirror the records that MLflow lacks, and close what dead processes left open."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from bench.cli import options

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bench.store import Stored
    from bench.tracking import Summary
    from bench_reports.board import Board, TaskBoard

PATIENCE_SECONDS = 30.0


def command(
    out: options.Out = options.DEFAULT_OUT, tracking_uri: options.TrackingUri = None, json: options.Json = False
) -> None:
    """Mirror the results that MLflow lacks; what it has is left alone."""
    from bench.cli.leaderboard import stored_runs
    from bench.errors import BenchError
    from bench.tracking import Mirror

    runs = stored_runs(out, None, [])
    with Mirror(out, tracking_uri, command="bench sync", verify=True) as mirror:
        for run in runs:
            mirror.submit(run)
        summary = mirror.finish(lambda: leaderboard_notes(runs), patience=PATIENCE_SECONDS, limit=None)
    _print(summary, json)
    if summary.warning:
        raise BenchError(summary.warning)


def leaderboard_notes(runs: Sequence[Stored], known: Board | None = None) -> dict[str, str]:
    """The Markdown leaderboards of all tasks among the runs, by the name of their MLflow experiment.

    known: a board of some of the runs; its tasks that show all there are of theirs are not computed again.
    """
    from bench.tracking.naming import experiment_name
    from bench_reports.leaderboard import leaderboard, suite_of

    paths: dict[tuple[str, str], set[Path]] = {}
    for run in runs:
        paths.setdefault((suite_of(run), run.record.task), set()).add(run.path)
    whole = [task for task in (known.tasks if known else ()) if paths.get((task.suite, task.task)) == _paths(task)]
    done = {(task.suite, task.task) for task in whole}
    boards = [*whole, *leaderboard(run for run in runs if (suite_of(run), run.record.task) not in done).tasks]
    return {experiment_name(board.suite, board.task): _note(board) for board in boards}


def _note(board: TaskBoard) -> str:
    """With the metrics that MLflow's own table shows first: with all of a large suite the note's columns are so narrow
    that numbers break.
    """
    from dataclasses import replace

    from bench.tracking.view import MAX_METRICS
    from bench_reports.board import Board
    from bench_reports.leaderboard import render_markdown

    shown = tuple(dict.fromkeys([board.sort, *board.metrics]))[:MAX_METRICS]
    narrow = render_markdown(Board((replace(board, metrics=shown),)))
    return narrow + ("" if len(shown) >= len(board.metrics) else "\n\nAll metrics: `bench leaderboard`.")


def _paths(board: TaskBoard) -> set[Path]:
    return {path for row in board.rows for path in row.records}


def _print(summary: Summary, json: bool) -> None:
    if json:
        import dataclasses
        from json import dumps

        print(dumps(dataclasses.asdict(summary), default=str, indent=2))
        return
    parts = [f"{summary.mirrored} mirrored", f"{summary.present} already there"]
    if summary.closed:
        parts.append(f"{summary.closed} runs of dead processes closed")
    if summary.failed or summary.pending:
        parts.append(f"{len(summary.failed) + summary.pending} not mirrored")
    typer.echo(f"MLflow ({summary.uri}): {', '.join(parts)}")
