"""How sure a board is: intervals of the metric that ranks, and which rows cannot be told from the best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bench.statistics import Separation, estimates, separate_from_best
from bench.store import Stored
from bench.values import depends_on_one_seed, matrices, some
from bench_reports.board import BoardRow

ALPHA = 0.05


def judged(
    rows: Sequence[BoardRow], runs: Sequence[Stored], metric: str, lower_is_better: bool
) -> tuple[tuple[BoardRow, ...], list[str]]:
    """The rows with their estimates and ties, and what the marks mean, in words.

    Only ranked rows take part, and of those only rows whose records have values a user.
    """
    ranked = [row.algorithm for row in rows if row.rank is not None]
    values = matrices({name: [run for run in runs if run.record.row == name] for name in ranked}, metric)
    found = estimates(values)
    if all(one.n_users == 0 for one in found.values()):
        return tuple(rows), []
    # the board shows neither intervals of differences nor the randomisation test, which take longest
    separation = separate_from_best(values, higher_is_better=not lower_is_better, alpha=ALPHA, draws=1, permutations=1)
    notes = _notes(separation, {name: one.shape[1] for name, one in values.items()}, metric)
    once = [name for name in values if depends_on_one_seed([run for run in runs if run.record.row == name])]
    marked = [
        replace(
            row,
            estimate=found.get(row.algorithm),
            tied=row.algorithm in separation.tied,
            lone=row.algorithm in once,
        )
        for row in rows
    ]
    without = [name for name in ranked if name not in values]
    few = ["two seeds say little of how much seeds vary: tests are cautious and intervals wide; take five."]
    two = few if max(one.shape[1] for one in values.values()) == 2 else []
    return tuple(marked), [*notes, *two, *_trained_once(once), *_without(without, metric)]


def _notes(separation: Separation, n_seeds: Mapping[str, int], metric: str) -> list[str]:
    n_pairs = len(n_seeds) * (len(n_seeds) - 1) // 2
    if not n_pairs:
        return []
    over = "users and seeds" if max(n_seeds.values()) > 1 else "users"
    corrected = f", Holm's correction over {n_pairs} pairs" if n_pairs > 1 else ""
    test = f"paired t test over {over}{corrected}, level {100 * ALPHA:g} %"
    if not separation.tied:
        others = "the other row" if n_pairs == 1 else "every other row"
        return [f"{separation.best} is the best by {metric}: it is separable from {others} ({test})."]
    return [f"≈ not separable from {separation.best} by {metric} ({test})."]


def _trained_once(names: Sequence[str]) -> list[str]:
    if not names:
        return []
    whose = (
        "Its rank and mark are about this one model" if len(names) == 1 else "Ranks and marks are about these models"
    )
    return [f"trained with one seed: {some(names)}. {whose}; --seeds 5 tells more."]


def _without(names: Sequence[str], metric: str) -> list[str]:
    if not names:
        return []
    return [f"no values of {metric} a user in the records of {some(names)}: no interval, and not tested."]
