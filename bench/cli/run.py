"""`bench run`: train and evaluate every algorithm of a suite, and print the leaderboard."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli import options

if TYPE_CHECKING:
    from bench.plugins import Registries
    from bench.running.folds import PreparedFold
    from bench.running.plan import Request
    from bench.running.process import Limits
    from bench.store import Stored
    from bench.suite import Suite
    from bench_reports.board import Board

Only = Annotated[list[str] | None, typer.Option("--only", help="Run just this algorithm of the suite; repeatable.")]
Tasks = Annotated[list[str] | None, typer.Option("--task", help="Run just this task of the suite; repeatable.")]
Set = Annotated[list[str] | None, typer.Option("--set", help="algorithm.field=value, such as ease.l2=300; repeatable.")]
Seeds = Annotated[int, typer.Option("--seeds", min=1, help="Train this often, each time with another seed.")]
Rerun = Annotated[bool, typer.Option("--rerun", help="Run jobs again that are finished.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check data, metrics, needs, disk and time, and stop.")]
Tune = Annotated[
    int | None, typer.Option("--tune", min=1, help="First give every algorithm this many tuning trials a task.")
]
After = Annotated[
    list[int] | None,
    typer.Option("--after-trials", min=1, help="Also run what so many tuning trials would have found; repeatable."),
]
UseTuned = Annotated[bool, typer.Option("--tuned", help="Use the configurations that bench tune found in --out.")]


def command(
    suite: options.SuiteName,
    only: Only = None,
    task: Tasks = None,
    set_: Set = None,
    seeds: Seeds = 1,
    rerun: Rerun = False,
    dry_run: DryRun = False,
    tune: Tune = None,
    tuned: UseTuned = False,
    after_trials: After = None,
    jobs: options.Jobs = None,
    threads: options.Threads = 1,
    device: options.Device = "auto",
    precision: options.Precision = "32-true",
    time_limit: options.TimeLimit = None,
    memory_limit: options.MemoryLimit = None,
    data_dir: options.DataDir = None,
    skip_bad_rows: options.SkipBadRows = False,
    out: options.Out = options.DEFAULT_OUT,
    tracking_uri: options.TrackingUri = None,
    json: options.Json = False,
) -> None:
    """Train and evaluate every algorithm of a suite on the same folds, and print the leaderboard.

    Finished jobs are kept: a second run does only what is missing. Before it spends time it checks that the metric
    can tell, needs are met, and users and disk are enough.
    """
    from bench.cli.preflight import print_checks
    from bench.invocation import this_command
    from bench.plugins import load_registries
    from bench.running.plan import Request
    from bench.running.process import Limits
    from bench.running.settings import Settings, checked_precision, resolve_device
    from bench.suite import load_suite

    registries = load_registries()
    chosen = load_suite(suite, registries).select(only or [], task or []).override(set_ or [])
    chosen.check(registries)
    limits = Limits(jobs or options.default_jobs(threads), time_limit, options.parse_bytes(memory_limit))
    here = resolve_device(device)
    settings = Settings(here, checked_precision(precision, here), threads)
    request = Request(seeds, settings, command=this_command())
    wanted = _Tuning(tune, tuned, tuple(after_trials or []))
    if dry_run:
        wanted.refuse_dry_run()
        print_checks(*wanted.apply(chosen, request, out), limits, rerun, data_dir, skip_bad_rows, out)
        return
    results = _run(chosen, request, wanted, limits, rerun, data_dir, skip_bad_rows, out, tracking_uri, json)
    raise typer.Exit(exit_code(results))


def _run(
    suite: Suite,
    request: Request,
    tuning: _Tuning,
    limits: Limits,
    rerun: bool,
    data_dir: Path | None,
    skip_bad_rows: bool,
    out: Path,
    tracking_uri: str | None,
    json: bool,
) -> list[Stored]:
    """Run the missing jobs, mirror and print all; returns the results in the order of the plan."""
    from rich.markup import escape

    from bench.cli.folds import folds_of
    from bench.cli.preflight import check_before
    from bench.cli.progress import RunDisplay, interrupt_on_sigterm
    from bench.cli.sync import leaderboard_notes
    from bench.plugins import load_registries
    from bench.running.lock import exclusive, work_folder
    from bench.running.preflight import require_no_problem
    from bench.running.session import prepare
    from bench.running.worker import now
    from bench.store import Store
    from bench.tracking import Mirror
    from bench_reports.leaderboard import leaderboard

    registries, store = load_registries(), Store(out)
    interrupt_on_sigterm()
    with ExitStack() as stack:
        stack.enter_context(exclusive(out, request.command, now()))
        store.sweep()
        work = stack.enter_context(work_folder(out))
        mirror = stack.enter_context(Mirror(out, tracking_uri, command=request.command))
        folds = folds_of(suite, registries, data_dir, skip_bad_rows)
        tuning.spend(suite, folds, registries, out, work, request, limits)
        suite, request = tuning.apply(suite, request, out)
        session = prepare(suite, folds, registries, store, work, request, rerun)
        results = dict(session.done)
        checks = check_before(suite, folds, session, store, limits)
        require_no_problem(checks)
        if session.missing:
            mirror.start()
        for stored in session.done.values():
            mirror.submit(stored)
        display = stack.enter_context(RunDisplay(suite.label, len(session.jobs), len(session.done)))
        display.say(escape(f"data: {next(iter(folds.values()))[0].dataset.source}"))
        for check in checks:
            if check.state == "warning":
                display.say(escape(f"warning: {check.what}: {check.text}"))
        finished = stack.enter_context(closing(session.execute(store, work, limits, display)))
        for stored in finished:
            results[stored.record.key] = stored
            mirror.submit(stored)
        display.close()
        ordered = [results[job.key] for job in session.jobs]
        board = leaderboard(ordered)
        print_results(ordered, board, out, json)
        everything = list(store.all(suite.label))
        for line in passed_over(ordered, everything):
            print(f"note: {line}", file=sys.stderr)
        summary = mirror.finish(lambda: leaderboard_notes(everything, board))
        if summary.warning:
            print(f"warning: {summary.warning}", file=sys.stderr)
    return ordered


@dataclass(frozen=True)
class _Tuning:
    """What was asked for: to tune first, to use what is there, and to run what earlier budgets would have found."""

    trials: int | None
    use: bool
    after: tuple[int, ...]

    def refuse_dry_run(self) -> None:
        """Raises UsageError if trials were asked for."""
        from bench.errors import UsageError

        if self.trials is not None:
            raise UsageError("--dry-run spends no time, so it does not go with --tune.")

    def spend(
        self,
        suite: Suite,
        folds: Mapping[str, Sequence[PreparedFold]],
        registries: Registries,
        out: Path,
        work: Path,
        request: Request,
        limits: Limits,
    ) -> None:
        """Tune all rows on all tasks, if that was asked for."""
        from bench.cli.progress import TuneDisplay
        from bench.tuning.budget import Budget
        from bench.tuning.session import TuningSession

        if self.trials is None:
            return
        budget = Budget(self.trials, workers=limits.n_jobs)
        session = TuningSession(suite, folds, registries, out, work, request, limits, budget)
        for problem in session.run(TuneDisplay).problems:
            print(f"warning: {problem}", file=sys.stderr)

    def apply(self, suite: Suite, request: Request, out: Path) -> tuple[Suite, Request]:
        """With the tuned configurations, where they are to be used."""
        from bench.tuning.found import at_budgets, load_found, requested

        if not (self.use or self.after or self.trials is not None):
            return suite, request
        found = load_found(out, suite)
        suite, earlier = at_budgets(suite, found, self.after)
        return suite, replace(request, tuned=requested([*found, *earlier]))


def passed_over(results: Sequence[Stored], everything: Sequence[Stored]) -> list[str]:
    """Kept results that `bench leaderboard` does not show, for it goes by the newest: in words, a line if any."""
    from bench_reports.leaderboard import newest_runs

    places = {_place(run): run.path for run in newest_runs(everything)}
    rows = dict.fromkeys(run.record.row for run in results if places.get(_place(run), run.path) != run.path)
    if not rows:
        return []
    return [f"kept, and older than what bench leaderboard shows of them: {', '.join(rows)}. --rerun makes them newest."]


def _place(run: Stored) -> tuple[str, str, int, int]:
    return run.record.task, run.record.row, run.record.fold.index, run.record.seed


def print_results(results: list[Stored], board: Board, out: Path, json: bool) -> None:
    """The leaderboard on stdout: JSON for programs, tables for people."""
    from rich.console import Console

    from bench.cli.board import print_board
    from bench_reports.leaderboard import render_json

    if json:
        print(render_json(board))
    else:
        data = results[0].record.dataset
        print(f"{data.name}, version {data.version} ({data.source})\n")
        print_board(board, Console(), options.folder_to_name(out))


def exit_code(results: list[Stored]) -> int:
    """1 if a job failed. An unmet need is a row that says so, not a failure."""
    from bench.records import Status

    fine = {Status.OK, Status.UNMET_NEED}
    return int(any(stored.record.status not in fine for stored in results))
