"""`bench tune`: find good hyperparameters on validation, within a budget that is written down."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bench.cli import options

if TYPE_CHECKING:
    from bench.ledger import TunedRow
    from bench.tuning.session import Tuning

Algorithms = Annotated[
    list[str] | None, typer.Option("--algorithm", help="Tune just this algorithm of the suite; repeatable.")
]
Tasks = Annotated[list[str] | None, typer.Option("--task", help="Tune on just this task; repeatable.")]
Trials = Annotated[int, typer.Option("--trials", min=1, help="Trials a row and task, those of earlier runs included.")]
Seconds = Annotated[
    float | None, typer.Option("--seconds", min=1, help="Start no trial of a row on a task after this many seconds.")
]
Sampler = Annotated[str, typer.Option("--sampler", help="tpe, random or grid.")]
Pruner = Annotated[str, typer.Option("--pruner", help="median, hyperband or none: what ends hopeless trials early.")]
Folds = Annotated[
    int, typer.Option("--folds", min=1, help="Cross-validate each trial on so many parts of train and validation.")
]
Workers = Annotated[int, typer.Option("--workers", min=1, help="Trials at a time.")]
Storage = Annotated[
    str | None,
    typer.Option("--storage", help="A study database that several machines share, as postgresql+psycopg://…"),
]
Set = Annotated[list[str] | None, typer.Option("--set", help="Keep a field fixed: algorithm.field=value; repeatable.")]
Export = Annotated[
    Path | None, typer.Option("--export", help="Also write all that was found into this file, for a suite's `tuned`.")
]


def command(
    suite: options.SuiteName,
    algorithm: Algorithms = None,
    trials: Trials = 40,
    task: Tasks = None,
    seconds: Seconds = None,
    sampler: Sampler = "tpe",
    pruner: Pruner = "median",
    folds: Folds = 1,
    workers: Workers = 1,
    storage: Storage = None,
    set_: Set = None,
    export: Export = None,
    threads: options.Threads = 1,
    device: options.Device = "auto",
    precision: options.Precision = "32-true",
    time_limit: options.TimeLimit = None,
    memory_limit: options.MemoryLimit = None,
    data_dir: options.DataDir = None,
    skip_bad_rows: options.SkipBadRows = False,
    out: options.Out = options.DEFAULT_OUT,
    json: options.Json = False,
) -> None:
    """Tune algorithms on the validation part of a suite's tasks; bench run --tuned then uses what was found.

    Every row and task gets the same budget, which goes on record. Test is never looked at. Interrupt it and start it
    again: it goes on where it was.
    """
    from bench.cli.folds import folds_of
    from bench.cli.progress import TuneDisplay, interrupt_on_sigterm
    from bench.invocation import this_command
    from bench.plugins import load_registries
    from bench.running.lock import exclusive, work_folder
    from bench.running.plan import Request
    from bench.running.process import Limits
    from bench.running.settings import Settings, checked_precision, resolve_device
    from bench.running.worker import now
    from bench.suite import load_suite
    from bench.tuning.budget import Budget
    from bench.tuning.found import export as write_all
    from bench.tuning.session import TuningSession

    budget = Budget(trials, seconds, sampler, pruner, folds, workers)  # type: ignore[arg-type]  # it checks the names
    registries = load_registries()
    chosen = load_suite(suite, registries).select(algorithm or [], task or [])
    fixed = {row: chosen.fixed(row, set_ or []) for row in chosen.algorithms}
    here = resolve_device(device)
    settings = Settings(here, checked_precision(precision, here), threads)
    request = Request(settings=settings, command=this_command())
    limits = Limits(workers, time_limit, options.parse_bytes(memory_limit))
    interrupt_on_sigterm()
    with ExitStack() as stack:
        stack.enter_context(exclusive(out, request.command, now()))
        work = stack.enter_context(work_folder(out))
        prepared = folds_of(chosen, registries, data_dir, skip_bad_rows)
        session = TuningSession(chosen, prepared, registries, out, work, request, limits, budget, fixed, storage)
        tuning = session.run(TuneDisplay)
        if export is not None and tuning.found:
            write_all(tuning.found, export)
    _print(tuning, suite, json)
    raise typer.Exit(int(bool(tuning.problems)))


def _print(tuning: Tuning, suite: str, json: bool) -> None:
    from rich.console import Console

    for problem in tuning.problems:
        print(problem, file=sys.stderr)
    if json:
        from json import dumps

        print(dumps([tuned.model_dump(mode="json") for tuned in tuning.found], indent=2))
        return
    console = Console()
    for tuned in tuning.found:
        _print_one(tuned, console)
    if tuning.found:
        console.print(f"\nUse them: bench run --suite {suite} --tuned", highlight=False)


def _print_one(tuned: TunedRow, console: Any) -> None:
    from rich.table import Table

    ledger = tuned.ledger
    fold = f" · fold {tuned.fold_index + 1}" if tuned.fold_index else ""
    table = Table("field", "value", title=f"{tuned.task} · {tuned.row}{fold}", title_justify="left")
    for field, value in tuned.parameters.items():
        table.add_row(field, _show(value))
    console.print(table)
    console.print(
        f"validation {ledger.metric} {ledger.best_value:.4f} in trial {ledger.best_trial}; {ledger.trials} trials "
        f"({ledger.completed} completed, {ledger.pruned} pruned, {ledger.failed} failed), {ledger.seconds:.0f} s, "
        f"{ledger.sampler}",
        highlight=False,
    )


def _show(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
