"""`bench check`: did my change make it worse? A suite's results now beside a baseline, with a verdict on each."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli import options

if TYPE_CHECKING:
    from bench.gate import Report
    from bench.plugins import Registries
    from bench.running.folds import PreparedFold
    from bench.running.local import Listener
    from bench.running.session import Session
    from bench.suite import Suite

Baseline = Annotated[Path, typer.Option("--baseline", help="A folder that `bench baseline save` wrote.")]
Only = Annotated[list[str] | None, typer.Option("--only", help="Check just this algorithm of the suite; repeatable.")]
Tasks = Annotated[list[str] | None, typer.Option("--task", help="Check just this task of the suite; repeatable.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", help="algorithm.field=value: what if? Compared under its own name; repeatable."),
]
Seeds = Annotated[
    int | None,
    typer.Option("--seeds", min=1, help="Train this often.", show_default="the policy's, else as in the baseline"),
]
Exact = Annotated[bool, typer.Option("--exact", help="One seed, and the same values for every user or a failure.")]
Metrics = Annotated[
    str | None, typer.Option("--metrics", help="Gate these.", show_default="the policy's, else the primary metric")
]
Margin = Annotated[
    str | None, typer.Option("--margin", help='How much worse is no regression: "2%" of the baseline, or a number.')
]
FailOn = Annotated[
    list[str] | None,
    typer.Option("--fail-on", help="Which verdicts fail, in place of the policy's; repeatable."),
]
JUnit = Annotated[Path | None, typer.Option("--junit", help="Write the verdicts as JUnit XML to this file.")]
Markdown = Annotated[
    Path | None, typer.Option("--markdown", help="Add the verdicts to this file, as for a job's summary.")
]


def command(
    suite: options.SuiteName,
    baseline: Baseline,
    only: Only = None,
    task: Tasks = None,
    set_: Set = None,
    seeds: Seeds = None,
    exact: Exact = False,
    metrics: Metrics = None,
    margin: Margin = None,
    fail_on: FailOn = None,
    jobs: options.Jobs = None,
    threads: options.Threads = 1,
    device: options.Device = "auto",
    precision: options.Precision = "32-true",
    time_limit: options.TimeLimit = None,
    memory_limit: options.MemoryLimit = None,
    data_dir: options.DataDir = None,
    out: options.Out = options.DEFAULT_OUT,
    junit: JUnit = None,
    markdown: Markdown = None,
    json: options.Json = False,
) -> None:
    """Run what is missing of a suite, and compare it with a baseline, paired by user and by seed.

    Ends with 0 if everything passes; 1 if something regressed, looks like a leak, or a job failed; 3 if it could not
    be told. The policy is the table [gate] of the suite's file or of bench.toml in the working folder.
    """
    from bench.cli.folds import folds_of
    from bench.cli.leaderboard import labels_in
    from bench.cli.progress import interrupt_on_sigterm
    from bench.gate import Running, check
    from bench.plugins import load_registries
    from bench.policy import resolve_policy
    from bench.running.process import Limits
    from bench.running.settings import Settings, checked_precision, resolve_device
    from bench.suite import load_suite

    loaded = load_suite(suite, load_registries())
    given = {"metrics": labels_in(metrics), "margin": margin, "fail_on": fail_on, "seeds": seeds}
    policy = resolve_policy(loaded.gate, {name: value for name, value in given.items() if value})
    here = resolve_device(device)
    limits = Limits(jobs or options.default_jobs(threads), time_limit, options.parse_bytes(memory_limit))

    def folds(chosen: Suite, registries: Registries) -> dict[str, list[PreparedFold]]:
        return folds_of(chosen, registries, data_dir)

    interrupt_on_sigterm()
    running = Running(out, limits, Settings(here, checked_precision(precision, here), threads), folds, display)
    report = check(
        loaded,
        baseline,
        only=only or [],
        tasks=task or [],
        changes=set_ or [],
        policy=policy,
        exact=exact,
        running=running,
    )
    _write(report, junit, markdown)
    _print(report, json)
    raise typer.Exit(report.exit_code)


@contextmanager
def display(session: Session) -> Iterator[Listener]:
    """Bars on stderr for the jobs of a session."""
    from bench.cli.progress import RunDisplay

    with RunDisplay("jobs", len(session.jobs), len(session.done)) as bars:
        yield bars


def _write(report: Report, junit: Path | None, markdown: Path | None) -> None:
    """The files for other programs. A job's summary may hold something already."""
    from bench_reports.gate import render_markdown
    from bench_reports.junit import render_junit

    if junit:
        junit.write_text(render_junit(report), encoding="utf-8")
    if markdown:
        with markdown.open("a", encoding="utf-8") as file:
            file.write(render_markdown(report))


def _print(report: Report, json: bool) -> None:
    """JSON for programs, a table for people; the summary last, where a log is looked at."""
    from rich.console import Console

    from bench.cli.verdicts import print_report
    from bench_reports.gate import render_json

    if json:
        print(render_json(report))
        print(report.summary(), file=sys.stderr)
    else:
        print_report(report, Console(highlight=False))
