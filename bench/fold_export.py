"""A fold as plain files, so that any outside tool can be compared on exactly the same data.

A folder with `train.csv`, `validation.csv` and `test.csv` (user,item,rating,timestamp, with the data set's
own ids; a cell is empty where the data set has no such value) and `fold.json`. Where users are not trained on, what is
known of them is in `validation_history.csv` and `test_history.csv`; where candidates were sampled, they are in
`candidates.csv`.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.errors import UsageError
from bench.interactions import Interactions, among, distinct
from bench.metrics import Evidence, Metric
from bench.plugins import Registries
from bench.protocol.fold import Fold
from bench.protocol.rules import Rules
from bench.running.folds import PreparedFold
from bench.suite import Suite

FORMAT_VERSION = 1
COLUMNS = ("user", "item", "rating", "timestamp")
CONTENT = {
    "train": "what a model may learn from",
    "validation": "all that is held out for validation; the final model may learn from it too, and it is known of "
    "its users when they are tested",
    "test": "the relevant items of every evaluated user, and nothing else",
    "validation_history": "what is known of the users that are validated and not trained on",
    "test_history": "what is known of the users that are tested and not trained on",
    "candidates": "the only items that may be recommended to each evaluated user",
}


def export_fold(prepared: PreparedFold, suite: Suite, registries: Registries, task: str, target: Path) -> Path:
    """Write the fold of a task; the folder appears whole or not at all.

    Raises UsageError if `target` exists and is not an empty folder, OSError if the disk is full.
    """
    check_target(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = target.parent / f".{target.name}-{os.getpid()}"
    staging.mkdir()
    try:
        files = {name: _write_part(staging / f"{name}.csv", part) for name, part in parts(prepared.fold).items()}
        description = json.dumps(describe(prepared, suite, registries, task, files), indent=2, ensure_ascii=False)
        (staging / "fold.json").write_text(description + "\n", encoding="utf-8")
        staging.replace(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return target


def check_target(target: Path) -> None:
    """Raises UsageError if a fold cannot be written there without losing something."""
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise UsageError(f"a fold is written to a new or empty folder. '{target}' exists and is not empty.")


def parts(fold: Fold) -> dict[str, Interactions]:
    """The rows of each file, by its stem."""
    histories = {"validation_history": fold.validation_history, "test_history": fold.test_history}
    parts = {"train": fold.train, "validation": fold.held_validation, "test": relevant(fold)}
    return parts | {name: rows for name, rows in (histories | sampled(fold)).items() if len(rows)}


def sampled(fold: Fold) -> dict[str, Interactions]:
    """The candidates of a fold that ranks only a sample of the catalogue."""
    restricted = fold.test.restricted
    if restricted is None or not restricted.only:
        return {}
    users, items = fold.test.users[restricted.listed.rows], restricted.listed.items
    return {"candidates": Interactions(users, items, fold.train.user_ids, fold.train.item_ids)}


def relevant(fold: Fold) -> Interactions:
    """The held-out test rows that an evaluated user has to find, each pair once."""
    held, truth = fold.held_test, fold.test.truth
    wanted = fold.test.users[truth.rows].astype(np.int64) * truth.n_items + truth.items
    pairs = held.user.astype(np.int64) * held.n_items + held.item
    first = np.zeros(len(pairs), np.bool_)
    first[np.unique(pairs, return_index=True)[1]] = True
    return held.select(first & among(pairs, distinct(wanted)))


def how_to_judge(fold: Fold, rules: Rules, metrics: Sequence[Metric], folder: Path) -> list[str]:
    """The arguments of `bench evaluate` that give the harness's own values for the exported files in `folder`.

    What another tool made is to be put in place of FILE. metrics: the task's; those that need item features are
    left out, since the files have none.
    """
    labels = [metric.label for metric in metrics if Evidence.ITEM_FEATURES not in metric.needs]
    chosen = ["--metrics", ",".join(labels)] if labels else []
    if rules.kind == "rating":
        return ["--predictions", "FILE", *chosen]
    trained = {"train": fold.train, "validation_history": fold.validation_history, "validation": fold.held_validation}
    given = [("--train", stem) for stem, rows in trained.items() if len(rows)]
    given += [("--history", "test_history")] if len(fold.test_history) else []
    given += [("--candidates", "candidates")] if rules.sampling else []
    repeats = ["--repeats"] if rules.repeats and not rules.sampling else []
    files = [part for option, stem in [("--truth", "test"), *given] for part in (option, str(folder / f"{stem}.csv"))]
    return ["--recommendations", "FILE", *files, *repeats, "--n-items", str(fold.train.n_items), *chosen]


def describe(
    prepared: PreparedFold, suite: Suite, registries: Registries, task: str, files: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """The content of `fold.json`: what was split, how, and how much of it there is."""
    dataset = prepared.dataset_ref
    return {
        "format_version": FORMAT_VERSION,
        "suite": {"name": suite.name, "version": suite.version, "fingerprint": suite.fingerprint},
        "task": task,
        "dataset": {"name": dataset.name, "version": dataset.version, "fingerprint": dataset.fingerprint},
        "fold": prepared.ref.model_dump(mode="json"),
        "n_items": prepared.fold.train.n_items,
        "final_fit": suite.final_fit,
        "metrics": [metric.label for metric in suite.metrics_of(task, registries)],
        "primary_metric": suite.primary_of(task, registries).label,
        "files": files,
    }


def _write_part(path: Path, part: Interactions) -> dict[str, Any]:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(_rows(part))
        file.flush()
        os.fsync(file.fileno())
    with path.open("rb") as written:
        digest = hashlib.file_digest(written, "sha256").hexdigest()
    return {"content": CONTENT[path.stem], "rows": len(part), "sha256": digest}


def _rows(part: Interactions) -> Iterator[Sequence[object]]:
    empty = [""] * len(part)
    rating = empty if part.rating is None else [str(value) for value in part.rating]
    timestamp = empty if part.timestamp is None else part.timestamp.tolist()
    users, items = part.user_ids[part.user].tolist(), part.item_ids[part.item].tolist()
    return zip(users, items, rating, timestamp, strict=True)
