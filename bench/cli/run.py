"""`bench run`: train and evaluate every algorithm of a suite, and print the leaderboard."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bench.cli import options
from bench.errors import UsageError

if TYPE_CHECKING:
    from bench.records import Stored
    from bench.running.process import Limits
    from bench.running.plan import Request
    from bench.suite import Suite

Only = Annotated[list[str] | None, typer.Option("--only", help="Run just this algorithm of the suite; repeatable.")]
Tasks = Annotated[list[str] | None, typer.Option("--task", help="Run just this task of the suite; repeatable.")]
Set = Annotated[list[str] | None, typer.Option("--set", help="algorithm.field=value, such as ease.l2=300; repeatable.")]
Seeds = Annotated[int, typer.Option("--seeds", min=1, help="Train this often, each time with another seed.")]
Rerun = Annotated[bool, typer.Option("--rerun", help="Run jobs again that are finished.")]
Tuned = Annotated[bool, typer.Option("--tuned", help="Use the configurations that bench tune found in --out.")]
TimeLimit = Annotated[float | None, typer.Option("--time-limit", min=0.001, help="Seconds one job may take.")]
MemoryLimit = Annotated[str | None, typer.Option("--memory-limit", help="Memory one job may use, such as 8GiB.")]


def command(
    suite: options.SuiteName,
    only: Only = None,
    task: Tasks = None,
    set_: Set = None,
    seeds: Seeds = 1,
    rerun: Rerun = False,
    tuned: Tuned = False,
    jobs: options.Jobs = None,
    threads: options.Threads = 1,
    device: options.Device = "auto",
    precision: options.Precision = "32-true",
    time_limit: TimeLimit = None,
    memory_limit: MemoryLimit = None,
    data_dir: options.DataDir = None,
    out: options.Out = options.DEFAULT_OUT,
    tracking_uri: options.TrackingUri = None,
    json: options.Json = False,
) -> None:
    """Train and evaluate every algorithm of a suite on the same folds, and print the leaderboard.

    Finished jobs are kept: a second run does only what is missing.
    """
    from bench.plugins import load_registries
    from bench.running.identity import resolve_device
    from bench.running.process import Limits
    from bench.running.plan import Request, Settings
    from bench.running.tune import load_tuned
    from bench.suite import load_suite

    registries = load_registries()
    chosen = load_suite(suite, registries).select(only or [], task or []).override(set_ or [])
    chosen.check(registries)
    limits = Limits(jobs or options.default_jobs(threads), time_limit, parse_bytes(memory_limit))
    settings = Settings(resolve_device(device), precision, threads)
    found = load_tuned(out, chosen, fixed=set_ or []) if tuned else {}
    request = Request(seeds, settings, found, shlex.join(["bench", *sys.argv[1:]]))
    results = _run(chosen, request, limits, rerun, data_dir, out, tracking_uri, json)
    raise typer.Exit(exit_code(results))


def _run(
    suite: Suite,
    request: Request,
    limits: Limits,
    rerun: bool,
    data_dir: Path | None,
    out: Path,
    tracking_uri: str | None,
    json: bool,
) -> list[Stored]:
    """Run the missing jobs, mirror and print all; returns the results in the order of the plan."""
    from bench.cli.progress import RunDisplay, acquire
    from bench.plugins import load_registries
    from bench.records import Store
    from bench.running.folds import build_folds
    from bench.running.lock import exclusive
    from bench.running.session import prepare
    from bench.running.worker import now

    registries, store = load_registries(), Store(out)
    _interrupt_on_sigterm()
    with ExitStack() as stack:
        stack.enter_context(exclusive(out, request.command, now()))
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-run-")))
        folds = build_folds(suite, registries, acquire(data_dir))
        session = prepare(suite, folds, registries, store, work, request, rerun)
        results = dict(session.done)
        source = next(iter(folds.values())).dataset.source
        with RunDisplay(suite.label, source, len(session.jobs), len(session.done)) as display:
            for stored in session.execute(store, work, limits, display):
                results[stored.record.key] = stored
        ordered = [results[job.key] for job in session.jobs]
        print_results(ordered, json)
    return ordered


def print_results(results: list[Stored], json: bool) -> None:
    """The leaderboard on stdout: JSON for programs, tables for people."""
    from rich.console import Console

    from bench.cli.board import print_board
    from bench_reports.leaderboard import leaderboard, render_json

    board = leaderboard(results)
    if json:
        print(render_json(board))
    else:
        print_board(board, Console())


def exit_code(results: list[Stored]) -> int:
    """1 if a job failed. An unmet need is a row that says so, not a failure."""
    from bench.records import Status

    fine = {Status.OK, Status.UNMET_NEED}
    return int(any(stored.record.status not in fine for stored in results))


def parse_bytes(text: str | None) -> int | None:
    """ "8GiB", "500 MB" or a number of bytes. Raises UsageError on anything else."""
    from pydantic import ByteSize, TypeAdapter, ValidationError

    try:
        size = None if text is None else int(TypeAdapter(ByteSize).validate_python(text))
    except ValidationError:
        size = 0
    if size is not None and size <= 0:
        raise UsageError(f"--memory-limit must be a positive size such as 8GiB or 500MB. Got '{text}'.")
    return size


def _interrupt_on_sigterm() -> None:
    """SIGTERM ends a run like Ctrl-C does: children ended, finished jobs kept."""

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
