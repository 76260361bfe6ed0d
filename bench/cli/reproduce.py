"""`bench reproduce`: run a job again from its record, and say whether its result came out again."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli import options

if TYPE_CHECKING:
    from rich.console import Console

    from bench.running.process import Limits
    from bench.running.verdict import Verdict
    from bench.store import Stored

Run = Annotated[
    str, typer.Argument(help="A record's folder, the beginning of its key, or suite/task/row for the newest.")
]
Device = Annotated[str | None, typer.Option("--device", help="cpu, cuda, …; the record's if not given.")]


def command(
    run: Run,
    device: Device = None,
    time_limit: options.TimeLimit = None,
    memory_limit: options.MemoryLimit = None,
    data_dir: options.DataDir = None,
    out: options.Out = options.DEFAULT_OUT,
    as_json: options.Json = False,
) -> None:
    """Run a job again from its record, and judge: identical, within tolerance, or different; and what differs.

    The suite's file is not needed, and no result is changed. Ends with 0 if the result came out again, 1 if another
    one did, 3 if the two cannot be compared.
    """
    from bench.cli.progress import interrupt_on_sigterm
    from bench.running.process import Limits
    from bench.running.verdict import Outcome

    stored = find_run(out, run)
    limits = Limits(1, time_limit, options.parse_bytes(memory_limit))
    interrupt_on_sigterm()
    verdict = _judge(stored, device, limits, data_dir)
    if as_json:
        print(render(stored, verdict))
    else:
        _print(stored, verdict)
    raise typer.Exit(int(verdict.outcome is Outcome.DIFFERENT))


def _judge(stored: Stored, device: str | None, limits: Limits, data_dir: Path | None) -> Verdict:
    from bench.cli.folds import folds_of
    from bench.cli.progress import RunDisplay
    from bench.plugins import load_registries
    from bench.running.folds import BAD_ROWS
    from bench.running.identity import environment
    from bench.running.reproduce import fold_of, job_of, run_again, suite_of
    from bench.running.settings import Settings
    from bench.running.verdict import judge, split_otherwise

    registries, record = load_registries(), stored.record
    skipped = any(step["step"] == BAD_ROWS for step in record.fold.dropped)
    folds = folds_of(suite_of(record, registries), registries, data_dir, skipped)[record.task]
    fold = fold_of(record, folds)
    if fold is None:
        now = folds[min(record.fold.index, len(folds) - 1)].ref
        return split_otherwise(record, now, environment(Settings()))
    with tempfile.TemporaryDirectory(prefix="bench-reproduce-") as work:
        job = job_of(record, fold, registries, Path(work), device)
        with RunDisplay(_name(stored), 1, 0) as display:
            again = run_again(job, Path(work), limits, display)
        return judge(stored, again)


def find_run(out: Path, given: str) -> Stored:
    """The run that was meant: by its folder, also relative to `out`; by the beginning of its key; or the newest of
    "suite/task/row", where the suite may have its version ("movielens-v1").

    Raises UsageError if there is none, or several keys begin so.
    """
    from bench.cli.leaderboard import stored_runs
    from bench.errors import UnknownNameError, UsageError
    from bench.store import RECORD_FILE, Stored, read_record

    path = Path(given).parent if Path(given).name == RECORD_FILE else Path(given)
    for folder in (path, out / path):
        if (folder / RECORD_FILE).is_file():
            return Stored(folder, read_record(folder))
    runs = stored_runs(out, None, [])
    named = [run for run in runs if given in _names(run)]
    if named:
        return max(named, key=lambda run: run.record.started_at)
    keyed = [run for run in runs if given and run.record.key.startswith(given)]
    if len(keyed) > 1:
        keys = ", ".join(sorted(run.record.key[:16] for run in keyed))
        raise UsageError(f"the key of one run must begin with '{given}'. Those of {len(keyed)} do: {keys}.")
    if not keyed:
        raise UnknownNameError("run", given, {_names(run)[0] for run in runs})
    return keyed[0]


def _names(run: Stored) -> tuple[str, str]:
    suite, row = run.record.suite, f"{run.record.task}/{run.record.row}"
    return f"{suite.name}/{row}", f"{suite.name}-v{suite.version}/{row}"


def _name(run: Stored) -> str:
    """ "smoke-v1 · k-fold · ease · fold 2 of 5 · seed 2026"."""
    record = run.record
    fold = f" · fold {record.fold.index + 1} of {record.fold.count}" if record.fold.count > 1 else ""
    return f"{record.suite.name}-v{record.suite.version} · {record.task} · {record.row}{fold} · seed {record.seed}"


def render(stored: Stored, verdict: Verdict) -> str:
    """The verdict as JSON."""
    content = {"run": _name(stored), "record": str(stored.path.resolve()), "key": stored.record.key, **asdict(verdict)}
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)


def _print(stored: Stored, verdict: Verdict) -> None:
    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

    console = Console(highlight=False)
    console.print(Text(f"{_name(stored)}: {verdict.outcome}", style="bold"))
    for reason in verdict.reasons:
        console.print(Padding(Text(reason), (0, 0, 0, 2), expand=False))
    _print_metrics(verdict, console)
    if verdict.differences:
        console.print("\nWhat is not as it was:")
    for one in verdict.differences:
        console.print(Padding(Text(f"{one.kind}: {one.what} {one.stored} → {one.now}"), (0, 0, 0, 2), expand=False))


def _print_metrics(verdict: Verdict, console: Console) -> None:
    """Only where a metric changed or could not be compared."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from bench_reports.rendering import number

    shown = [one for one in verdict.metrics if one.problem or not one.same]
    if not shown:
        return
    table = Table("metric", box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for header in ("stored", "now", "differs by", "tolerated"):
        table.add_column(header, justify="right", no_wrap=True)
    for one in shown:
        if one.problem:
            gap, allowed = "—", "—"
        else:
            gap = "—" if one.gap is None else f"{one.gap:.2g}"
            allowed = f"{one.tolerance:.2g}"
        table.add_row(one.label, number(one.stored), number(one.now), gap, allowed)
    console.print()
    console.print(table)
    for one in shown:
        if one.problem:
            console.print(f"  {one.label} is not compared: {one.problem}.", markup=False)
