"""What to do next with a board: the commands that make sense now, most telling first."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from bench_reports.board import Board, TaskBoard
from bench_reports.budgets import DEFAULTS, GIVEN

TRIALS = 40
"""What `bench tune` gives every row unless told otherwise."""


@dataclass(frozen=True)
class Step:
    """A command, as its arguments, and what it is good for. takes_folder: its option for the folder of results."""

    arguments: tuple[str, ...]
    why: str
    takes_folder: str = "--out"


def next_steps(board: Board, installed: Collection[str]) -> list[Step]:
    """At most three: where seeds decide, where parameters are untuned, and what the tied differ by.

    installed: names of suites that can be run by name; any other is taken to be in a file of its name.
    """
    found = [_seeds(board.tasks, installed), _tuning(board.tasks, installed), _tied(board.tasks)]
    return [step for step in found if step]


def _suite(board: TaskBoard, installed: Collection[str]) -> tuple[str, str]:
    name = board.suite.rpartition("-v")[0]
    return "--suite", name if name in installed else f"{name}.toml"


def _seeds(tasks: Sequence[TaskBoard], installed: Collection[str]) -> Step | None:
    """Where a row that may be the best has one seed of many."""
    for task in tasks:
        leading = [row.algorithm for row in task.rows if row.lone and (row.rank == 1 or row.tied)]
        if leading:
            rows = leading[0] if len(leading) == 1 else f"{len(leading)} of the rows"
            why = f"{rows} among the best of {task.task} may rank otherwise with another seed"
            return Step(("run", *_suite(task, installed), "--seeds", "5"), why)
    return None


def _tuning(tasks: Sequence[TaskBoard], installed: Collection[str]) -> Step | None:
    """Where rows that can be tuned were not."""
    for task in tasks:
        untuned = [row.algorithm for row in task.rows if row.parameters in (DEFAULTS, GIVEN)]
        if untuned:
            only = ["--algorithm", *untuned] if len(untuned) == 1 else []
            what = f"{untuned[0]} is" if len(untuned) == 1 else f"{len(untuned)} rows are"
            why = f"{what} not tuned; then bench run --tuned"
            return Step(("tune", *_suite(task, installed), *only, "--trials", str(TRIALS)), why)
    return None


def _tied(tasks: Sequence[TaskBoard]) -> Step | None:
    """The best and the first that cannot be told from it."""
    for task in tasks:
        best = next((row.algorithm for row in task.rows if row.rank == 1), None)
        tied = [row.algorithm for row in task.rows if row.tied]
        if best and tied:
            why = "by how much they differ, and how sure that is"
            return Step(("compare", best, tied[0], "--suite", task.suite, "--task", task.task), why)
    return None
