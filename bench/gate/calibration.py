"""Margins and seeds from A/A runs: one unchanged algorithm, trained with many seeds and compared with itself.

Each trial draws users with replacement and two disjoint sets of seeds, and judges one set against the other as a check
does. The truth is known: nothing changed. So the trials say how often a check with that many seeds passes, and how
often it cries wolf; and with a drop added, how often that is caught.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.errors import UsageError
from bench.interactions import Float64Array
from bench.seeds import generator
from bench.statistics import against_margin

MARGINS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5)
"""Of the mean. What is proposed is one of them: a margin is no more exact than that."""
PASSES = 0.9
"""How often an unchanged algorithm must pass with the proposed margin."""


@dataclass(frozen=True)
class Rates:
    """What a check with so many seeds does with a margin, a share of the mean; as shares of the trials.

    margin: None where none of those tried lets an unchanged algorithm pass often enough.
    caught: of drops of twice the margin.
    """

    task: str
    row: str
    metric: str
    n_seeds: int
    margin: float | None
    passes: float = 0.0
    false_alarms: float = 0.0
    caught: float = 0.0


def rates(
    task: str, row: str, metric: str, values: Float64Array, alpha: float, *, trials: int = 300, seed: int = 0
) -> list[Rates]:
    """By number of seeds, from two to half of those measured: the smallest margin that works, and how well it does.

    values: float64[n_users, n_seeds] of the unchanged algorithm. Raises UsageError with fewer than four seeds.
    """
    half = values.shape[1] // 2
    if half < 2:
        raise UsageError(f"calibration compares two sets of two seeds or more. Got {values.shape[1]} seeds of '{row}'.")
    return [
        _best(task, row, metric, n_seeds, *_bounds(values, n_seeds, alpha, trials, seed))
        for n_seeds in range(2, half + 1)
    ]


def _bounds(
    values: Float64Array, n_seeds: int, alpha: float, trials: int, seed: int
) -> tuple[Float64Array, Float64Array]:
    """float64[trials] twice: lower and upper bounds of the difference, as shares of the mean."""
    rng = generator(seed, "calibration", n_seeds)
    known = values[~np.isnan(values).any(axis=1)]
    found = np.empty((trials, 2))
    for trial in range(trials):
        users = rng.integers(len(known), size=len(known))
        seeds = rng.permutation(known.shape[1])[: 2 * n_seeds]
        one, other = known[users][:, seeds[:n_seeds]], known[users][:, seeds[n_seeds:]]
        test = against_margin(one, other, 0.0, alpha=alpha)
        found[trial] = np.array([test.low, test.high]) / abs(float(other.mean()))
    return found[:, 0], found[:, 1]


def _best(task: str, row: str, metric: str, n_seeds: int, low: Float64Array, high: Float64Array) -> Rates:
    for margin in MARGINS:
        passes = float((low > -margin).mean())
        if passes >= PASSES:
            alarms, caught = float((high < -margin).mean()), float((high - 2 * margin < -margin).mean())
            return Rates(task, row, metric, n_seeds, margin, passes, alarms, caught)
    return Rates(task, row, metric, n_seeds, None)


@dataclass(frozen=True)
class Proposal:
    """Seeds and one margin that do for all that was measured."""

    n_seeds: int
    margin: float

    def toml(self) -> str:
        """A table for a suite's file or bench.toml."""
        return f'[gate]\nseeds = {self.n_seeds}\nmargin = "{100 * self.margin:g}%"'


def propose(found: Sequence[Rates]) -> Proposal | None:
    """The fewest seeds with the smallest margin that does for every row and task; None if there is none."""
    worst = {
        n: max(math.inf if one.margin is None else one.margin for one in found if one.n_seeds == n)
        for n in sorted({one.n_seeds for one in found})
    }
    if not worst or math.isinf(min(worst.values())):
        return None
    n_seeds = min(worst, key=lambda n: (worst[n], n))
    return Proposal(n_seeds, worst[n_seeds])
