"""`bench tune`: find good hyperparameters on validation, within a budget that is written down."""

from __future__ import annotations

import shlex
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bench.cli import options
from bench.errors import UsageError

if TYPE_CHECKING:
    from bench.running.tune import TunedFile

Algorithm = Annotated[str, typer.Option("--algorithm", help="The algorithm of the suite to tune.")]
Tasks = Annotated[list[str] | None, typer.Option("--task", help="Tune on just this task; repeatable.")]
Trials = Annotated[int, typer.Option("--trials", min=1, help="Trials a task, those of earlier runs included.")]
Seconds = Annotated[float | None, typer.Option("--seconds", min=1, help="Start no trial after this many seconds.")]
Sampler = Annotated[str, typer.Option("--sampler", help="tpe or random.")]
Set = Annotated[list[str] | None, typer.Option("--set", help="Keep a field fixed: algorithm.field=value; repeatable.")]


def command(
    suite: options.SuiteName,
    algorithm: Algorithm,
    trials: Trials = 20,
    task: Tasks = None,
    seconds: Seconds = None,
    sampler: Sampler = "tpe",
    set_: Set = None,
    threads: options.Threads = 1,
    device: options.Device = "auto",
    precision: options.Precision = "32-true",
    time_limit: options.TimeLimit = None,
    memory_limit: options.MemoryLimit = None,
    data_dir: options.DataDir = None,
    out: options.Out = options.DEFAULT_OUT,
    json: options.Json = False,
) -> None:
    """Tune an algorithm on the validation part of a suite's tasks; bench run --tuned then uses what was found.

    Test is never looked at. Interrupt it and start it again: it goes on where it was.
    """
    from bench.cli.folds import folds_of
    from bench.cli.progress import TuneDisplay, interrupt_on_sigterm
    from bench.plugins import load_registries
    from bench.running.lock import exclusive, work_folder
    from bench.running.plan import Request
    from bench.running.process import Limits
    from bench.running.settings import Settings, checked_precision, resolve_device
    from bench.running.tune import Budget, make_tuner
    from bench.running.worker import now
    from bench.suite import load_suite

    if sampler not in ("tpe", "random"):
        raise UsageError(f"--sampler must be 'tpe' or 'random'. Got '{sampler}'.")
    registries = load_registries()
    chosen = load_suite(suite, registries).select([algorithm], task or [])
    fixed = chosen.fixed(algorithm, set_ or [])
    here = resolve_device(device)
    settings = Settings(here, checked_precision(precision, here), threads)
    request = Request(settings=settings, command=shlex.join(["bench", *sys.argv[1:]]))
    limits = Limits(1, time_limit, options.parse_bytes(memory_limit))
    found: dict[str, TunedFile] = {}
    interrupt_on_sigterm()
    with ExitStack() as stack:
        stack.enter_context(exclusive(out, request.command, now()))
        work = stack.enter_context(work_folder(out))
        folds = folds_of(chosen, registries, data_dir)
        for name, prepared in folds.items():
            tuner = make_tuner(chosen, algorithm, name, prepared, registries, out, work, request, limits, fixed)
            with TuneDisplay(f"{name} · {algorithm}", trials) as display:
                found[name] = tuner.run(Budget(trials, seconds, sampler), display.trial_done)  # type: ignore[arg-type]
    _print(found, suite, json)


def _print(found: dict[str, TunedFile], suite: str, json: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    if json:
        from json import dumps

        print(dumps({task: tuned.model_dump(mode="json") for task, tuned in found.items()}, indent=2))
        return
    console = Console()
    for task, tuned in found.items():
        ledger = tuned.ledger
        table = Table("field", "value", title=f"{task} · {tuned.algorithm}", title_justify="left")
        for field, value in tuned.parameters.items():
            table.add_row(field, _show(value))
        console.print(table)
        console.print(
            f"validation {ledger.metric} {ledger.best_value:.4f} in trial {ledger.best_trial}; {ledger.trials} trials "
            f"({ledger.completed} completed, {ledger.pruned} pruned, {ledger.failed} failed), {ledger.seconds:.0f} s, "
            f"{ledger.sampler}",
            highlight=False,
        )
    console.print(f"\nUse them: bench run --suite {suite} --tuned", highlight=False)


def _show(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
