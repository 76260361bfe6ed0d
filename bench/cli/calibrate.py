"""`bench calibrate`: how far apart are two trainings of the same thing? Margins and seeds for the gate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli import options

if TYPE_CHECKING:
    from bench.gate.calibration import Rates
    from bench.store import Stored

Algorithms = Annotated[
    list[str] | None,
    typer.Option("--algorithm", help="Of the suite; repeatable.", show_default="all that depend on their seed"),
]
Tasks = Annotated[list[str] | None, typer.Option("--task", help="On this task alone; repeatable.", show_default="all")]
Seeds = Annotated[int, typer.Option("--seeds", min=4, help="Train each this often; half of them is the most proposed.")]


def command(
    suite: options.SuiteName,
    algorithm: Algorithms = None,
    task: Tasks = None,
    seeds: Seeds = 10,
    jobs: options.Jobs = None,
    threads: options.Threads = 1,
    device: options.Device = "auto",
    time_limit: options.TimeLimit = None,
    memory_limit: options.MemoryLimit = None,
    data_dir: options.DataDir = None,
    out: options.Out = options.DEFAULT_OUT,
) -> None:
    """Train algorithms with many seeds, compare each with itself, and propose the gate's margin and seeds.

    An algorithm that does not depend on its seed gives the same values for every user: it needs no margin for noise.
    """
    from bench.cli.check import display
    from bench.cli.folds import folds_of
    from bench.cli.progress import interrupt_on_sigterm
    from bench.gate.calibration import rates
    from bench.gate.jobs import Running, results_of
    from bench.plugins import load_registries
    from bench.policy import resolve_policy
    from bench.records import Status
    from bench.running.plan import Request
    from bench.running.process import Limits
    from bench.running.settings import Settings, resolve_device
    from bench.suite import load_suite
    from bench.values import matrices

    registries = load_registries()
    chosen = load_suite(suite, registries).select(algorithm or [], task or [])
    chosen.check(registries)
    policy = resolve_policy(chosen.gate, {})
    limits = Limits(jobs or options.default_jobs(threads), time_limit, options.parse_bytes(memory_limit))
    interrupt_on_sigterm()
    running = Running(out, limits, Settings(resolve_device(device), threads=threads), display=display)
    request = Request(seeds, running.settings, command=running.command)
    folds = folds_of(chosen, registries, data_dir)
    results = results_of(chosen, folds, registries, request, running, lambda job: job.seeded)
    groups: dict[tuple[str, str], list[Stored]] = {}
    for run in results:
        groups.setdefault((run.record.task, run.record.row), []).append(run)
    found: list[Rates] = []
    for (task_, row), runs in groups.items():
        if any(run.record.status is not Status.OK for run in runs):
            print(f"left out: {task_} · {row}: a job failed")
            continue
        for metric in policy.metrics or [runs[0].record.primary_metric]:
            values = matrices({row: runs}, metric)
            found += rates(task_, row, metric, values[row], policy.alpha) if row in values else []
    _print(found)


def _print(found: list[Rates]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from bench.gate.calibration import PASSES, propose

    console = Console(highlight=False)
    if not found:
        console.print("nothing here depends on its seed: what is unchanged gives the same values, and passes.")
        return
    headers = ("task", "algorithm", "metric", "seeds", "margin", "passes", "false alarms", "caught")
    table = Table(*headers, box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for one in found:
        shares = ["—"] * 3
        if one.margin is not None:
            shares = [f"{100 * share:.0f} %" for share in (one.passes, one.false_alarms, one.caught)]
        margin = "—" if one.margin is None else f"{100 * one.margin:g} %"
        table.add_row(*map(Text, (one.task, one.row, one.metric, str(one.n_seeds), margin, *shares)))
    console.print(table)
    console.print(
        f"margin: the smallest with which {100 * PASSES:.0f} % of unchanged ones pass. caught: of drops of twice the "
        "margin. A single comparison; a check corrects false alarms over all that it gates.",
        style="dim",
    )
    proposal = propose(found)
    if proposal is None:
        console.print("no margin does for all of them: measure with more --seeds, or gate fewer algorithms.")
    else:
        console.print(f"\n{proposal.toml()}", markup=False)
