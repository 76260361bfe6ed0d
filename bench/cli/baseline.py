"""`bench baseline save`: keep what a later check compares with, small enough to commit."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli import options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.plugins import Registries
    from bench.store import Stored
    from bench.suite import Suite

app = typer.Typer(
    help="The results that a check compares with.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Out = Annotated[
    Path | None, typer.Option("--out", help="Folder of the baseline.", show_default="reports/baselines/<suite>")
]
Results = Annotated[Path, typer.Option("--results", help="Folder of the results.", envvar="BENCH_OUT")]
Only = Annotated[list[str] | None, typer.Option("--only", help="Save just this algorithm of the suite; repeatable.")]
Tasks = Annotated[list[str] | None, typer.Option("--task", help="Save just this task of the suite; repeatable.")]
Metrics = Annotated[
    str | None,
    typer.Option(
        "--metrics", help="Such as ndcg@10,recall@10.", show_default="the policy's, else the suite's primary metric"
    ),
]
DEFAULT_FOLDER = Path("reports/baselines")


@app.callback()
def _group() -> None:
    """With a callback, `save` is a command of its own although it is the only one."""


@app.command("save")
def save(
    suite: options.SuiteName,
    out: Out = None,
    only: Only = None,
    task: Tasks = None,
    metrics: Metrics = None,
    results: Results = options.DEFAULT_OUT,
) -> None:
    """Save the results that the leaderboard shows as the baseline of `bench check`, in place of an older one.

    Algorithms that failed are named and left out. To check with five seeds, run the suite with five.
    """
    from bench.cli.leaderboard import labels_in
    from bench.errors import UsageError
    from bench.gate import baseline
    from bench.gate.measured import Measured
    from bench.plugins import load_registries
    from bench.policy import resolve_policy
    from bench.records import Status
    from bench.suite import load_suite
    from bench.values import some

    registries = load_registries()
    chosen = load_suite(suite, registries).select(only or [], task or [])
    runs = _runs(chosen, results)
    fine = [run for run in runs if run.record.status is Status.OK]
    if not fine:
        raise UsageError(
            f"there are no finished results of {chosen.label} in '{results}'. Run: bench run --suite {suite}"
        )
    given = labels_in(metrics) or resolve_policy(chosen.gate, {}).metrics
    wanted = given or list(dict.fromkeys(run.record.primary_metric for run in fine))
    measured = Measured.of(fine, wanted)
    folder = out or DEFAULT_FOLDER / chosen.name
    n_bytes = baseline.save(measured, folder)
    rows = {run.row for run in measured.contents.runs}
    print(f"{folder}: {len(rows)} algorithms, {len(fine)} runs, {', '.join(wanted)}, {n_bytes / 1000:.0f} kB")
    if other := _of_other_code(fine, registries):
        print(
            f"note: not made by the code as it is now: {some(other)}. --rerun of bench run makes them anew",
            file=sys.stderr,
        )
    failed = [run for run in runs if run.record.status is not Status.OK]
    for run in failed:
        print(f"not in it: {run.record.task} · {run.record.row}: {run.record.status}", file=sys.stderr)
    raise typer.Exit(int(any(run.record.status is not Status.UNMET_NEED for run in failed)))


def _of_other_code(runs: Sequence[Stored], registries: Registries) -> list[str]:
    """Rows whose newest result is of other code than is installed: of a branch that was tried since, for one."""
    from bench.running.identity import code_of

    known = {name: code_of(registries.algorithms.get(name)).content for name in {run.record.algorithm for run in runs}}
    return sorted({run.record.row for run in runs if run.record.code.content != known[run.record.algorithm]})


def _runs(suite: Suite, results: Path) -> list[Stored]:
    """What a leaderboard shows of the suite's rows and tasks."""
    from bench.store import Store
    from bench_reports.leaderboard import newest_runs

    runs = [run for run in Store(results).all(suite.label) if run.record.row in suite.algorithms]
    return newest_runs(run for run in runs if run.record.task in suite.tasks)
