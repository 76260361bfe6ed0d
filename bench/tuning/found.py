"""What tuning found: a file for each row, task and fold in the results folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.errors import UsageError
from bench.ledger import TunedRow, dump_all_tuned, read_all_tuned, read_tuned, row_after
from bench.running.plan import Tuned
from bench.store import write_text
from bench.suite import Suite

FOLDER = "tuning"


def suite_folder(out: Path, suite: Suite) -> Path:
    """Where all that was found for a suite lies."""
    return out / FOLDER / suite.label


def tuned_path(out: Path, suite: Suite, task: str, row: str, fold_index: int, n_folds: int) -> Path:
    """Where the best configuration of a row on a fold of a task lies."""
    fold = f".fold-{fold_index + 1}" if n_folds > 1 else ""
    return suite_folder(out, suite) / task / f"{row}{fold}.json"


def load_found(out: Path, suite: Suite) -> list[TunedRow]:
    """All that was found for a suite's rows and tasks. Raises UsageError if there is nothing."""
    found = [
        tuned
        for task in suite.tasks
        for path in sorted((suite_folder(out, suite) / task).glob("*.json"))
        if (tuned := read_tuned(path)).row in suite.algorithms
    ]
    if not found:
        raise UsageError(f"{suite_folder(out, suite)} holds no tuned configuration. Run bench tune first.")
    return found


def requested(found: Sequence[TunedRow]) -> Mapping[tuple[str, str, int], Tuned]:
    """As a plan takes it."""
    return {(one.task, one.row, one.fold_index): Tuned(one.parameters, one.ledger) for one in found}


def at_budgets(suite: Suite, found: Sequence[TunedRow], budgets: Sequence[int]) -> tuple[Suite, list[TunedRow]]:
    """The suite with, of every tuned row, one more for each budget: what so many trials would have found.

    Raises UsageError if no trial was complete by then.
    """
    earlier = [one.after(n) for n in budgets for one in found]
    names = {row_after(row, n): row for row in suite.algorithms for n in budgets}
    return suite.with_copies(
        {copy: row for copy, row in names.items() if copy in {one.row for one in earlier}}
    ), earlier


def export(found: Sequence[TunedRow], path: Path) -> None:
    """Write what was found into one file, for a suite's `tuned` entry. Rows of a file that is there already are kept
    where they were not tuned anew.
    """
    before = read_all_tuned(path) if path.exists() else []
    merged = {(one.task, one.row, one.fold_index): one for one in [*before, *found]}
    write_text(path, dump_all_tuned(list(merged.values())))
