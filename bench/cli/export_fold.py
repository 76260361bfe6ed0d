"""`bench export-fold`: a task's train, validation and test files for outside tools."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli import options

if TYPE_CHECKING:
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
    print(export_fold(prepared, whole, task, to))
    counts = prepared.ref.interactions
    typer.echo(
        f"{whole.label} · {task}: {', '.join(f'{name} {number}' for name, number in counts.items())} interactions; "
        f"{len(prepared.fold.test)} users are evaluated.\n{advice(prepared, to)}",
        err=True,
    )


def advice(prepared: PreparedFold, folder: Path) -> str:
    """How to judge what another tool makes of the files."""
    fold = prepared.fold
    if prepared.ref.rules["kind"] == "rating":
        return "Judge a tool's ratings: bench evaluate --predictions FILE"
    stems = ["train", "validation", *(["test_history"] if len(fold.test_history) else [])]
    known = " ".join(f"--train {folder / stem}.csv" for stem in stems)
    only = "" if prepared.ref.rules["candidates"] is None else f" of {folder / 'candidates.csv'}"
    files = f"--truth {folder / 'test.csv'} {known} --n-items {fold.train.n_items}"
    return f"Judge a tool's lists{only}: bench evaluate {files} --recommendations FILE"
