"""`bench export-fold`: a task's train, validation and test files for outside tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.cli import options

Task = Annotated[str, typer.Option("--task", help="The task of the suite.")]
Target = Annotated[Path, typer.Option("--to", help="Folder to write; new or empty.")]


def command(suite: options.SuiteName, task: Task, to: Target, data_dir: options.DataDir = None) -> None:
    """Write a task's train.csv, validation.csv, test.csv and fold.json, split by the suite's own seed."""
    from bench.cli.folds import folds_of
    from bench.fold_export import check_target, export_fold
    from bench.plugins import load_registries
    from bench.suite import load_suite

    check_target(to)
    registries = load_registries()
    whole = load_suite(suite, registries)
    prepared = folds_of(whole.select([], [task]), registries, data_dir)[task]
    print(export_fold(prepared, whole, task, to))
    counts = prepared.ref.interactions
    typer.echo(
        f"{whole.label} · {task}: {', '.join(f'{name} {number}' for name, number in counts.items())} interactions; "
        f"{len(prepared.fold.test)} users are evaluated.\n"
        f"Judge a tool's lists: bench evaluate --truth {to / 'test.csv'} --train {to / 'train.csv'} "
        f"--train {to / 'validation.csv'} --n-items {prepared.fold.train.n_items} --recommendations FILE",
        err=True,
    )
