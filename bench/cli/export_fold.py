"""`bench export-fold`: a task's train, validation and test files for outside tools."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli import options

if TYPE_CHECKING:
    from bench.metrics import Metric
    from bench.protocol.rules import Rules
    from bench.running.folds import PreparedFold

Task = Annotated[str, typer.Option("--task", help="The task of the suite.")]
Number = Annotated[int, typer.Option("--fold", min=1, help="Which fold, where the task has several.")]
Target = Annotated[Path, typer.Option("--to", help="Folder to write; new or empty.")]


def command(
    suite: options.SuiteName, task: Task, to: Target, fold: Number = 1, data_dir: options.DataDir = None
) -> None:
    """Write a task's train.csv, validation.csv, test.csv and fold.json, split by the suite's own seed."""
    from bench.cli.folds import folds_of
    from bench.errors import UsageError
    from bench.fold_export import check_target, export_fold
    from bench.plugins import load_registries
    from bench.suite import load_suite

    check_target(to)
    registries = load_registries()
    whole = load_suite(suite, registries)
    folds = folds_of(whole.select([], [task]), registries, data_dir)[task]
    if fold > len(folds):
        raise UsageError(f"--fold must be in [1, {len(folds)}] for the task '{task}'. Got {fold}.")
    prepared = folds[fold - 1]
    print(export_fold(prepared, whole, registries, task, to))
    counts = prepared.ref.interactions
    typer.echo(
        f"{whole.label} · {task}: {', '.join(f'{name} {number}' for name, number in counts.items())} interactions; "
        f"{len(prepared.fold.test)} users are evaluated.\n"
        f"{advice(prepared, whole.tasks[task].rules, whole.metrics_of(task, registries), to)}",
        err=True,
    )


def advice(prepared: PreparedFold, rules: Rules, metrics: list[Metric], folder: Path) -> str:
    """How to judge what another tool makes of the files."""
    from bench.fold_export import how_to_judge

    what = "ratings" if rules.kind == "rating" else "lists"
    only = f" of {folder / 'candidates.csv'}" if rules.sampling else ""
    command = shlex.join(["bench", "evaluate", *how_to_judge(prepared.fold, rules, metrics, folder)])
    return f"Judge a tool's {what}{only}: {command}"
