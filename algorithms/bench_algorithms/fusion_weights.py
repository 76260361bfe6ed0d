"""What each member of a fusion counts: one weight a member, found by coordinate ascent on the validation metric."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from bench.algorithm import Algorithm, Context, EvalSet, UserBatch
from bench.config import Config
from bench.interactions import Float32Array, Interactions

STEPS = (0.0, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""The values that a weight is tried with, beside the others'."""
MAX_SCORES = 2**27
"""Scores that are held at once; the first validation users stand for all where there would be more."""
Evaluate = Callable[[Algorithm[Any], EvalSet], float]
Weights = dict[str, float]


@dataclass(frozen=True)
class LearntWeights:
    """Weights by label, and validation scores, higher is better.

    validation and equal: of all users, with these weights and with equal ones. held_out and held_out_equal: the mean
    over the two halves of the users, with weights learnt on the other half, and with equal ones. NaN if undefined.
    """

    weights: Weights
    n_users: int
    validation: float
    equal: float
    held_out: float
    held_out_equal: float


class _NothingToSetConfig(Config):
    """No hyperparameters."""


class WeightedSum(Algorithm[_NothingToSetConfig]):
    """Stands in for a fusion while its weights are tried: what the members say of the users is computed once.

    said: by label, float32[len(users), n_items].
    """

    def __init__(self, said: Mapping[str, Float32Array], users: EvalSet) -> None:
        super().__init__()
        self.said, self.weights = said, dict.fromkeys(said, 1.0)
        self.order = np.argsort(users.users)
        self.users = users.users[self.order]

    def fit(self, train: Interactions, validation: EvalSet | None, context: Context) -> Self:
        """There is nothing to fit."""
        return self

    def score(self, batch: UserBatch) -> Float32Array:
        """float32[b, n_items], of users it was made for."""
        rows = self.order[np.searchsorted(self.users, batch.users)]
        total = np.zeros((len(batch), batch.history.n_items), np.float32)
        for label, weight in self.weights.items():
            total += np.float32(weight) * self.said[label][rows]
        return total


def learnt_weights(said: Mapping[str, Float32Array], users: EvalSet, evaluate: Evaluate) -> LearntWeights:
    """The best weights for these users; equal ones unless learnt ones prove better for users they were not learnt on.

    said: what each member says, float32[len(users), n_items], by label.
    """
    stand_in = WeightedSum(said, users)

    def value(weights: Weights, part: EvalSet) -> float:
        stand_in.weights = weights
        return evaluate(stand_in, part)

    equal = dict.fromkeys(said, 1.0)
    middle = len(users) // 2
    halves = users.slice(0, middle), users.slice(middle, len(users))
    pairs = (halves, halves[::-1])
    held_out = float(np.mean([value(_ascend(equal, other, value), half) for half, other in pairs]))
    held_out_equal = float(np.mean([value(equal, half) for half in halves]))
    found = _ascend(equal, users, value) if held_out > held_out_equal else equal
    return LearntWeights(found, len(users), value(found, users), value(equal, users), held_out, held_out_equal)


def _ascend(weights: Weights, users: EvalSet, value: Callable[[Weights, EvalSet], float]) -> Weights:
    """Change one weight at a time to whatever is best beside the others, until no change is for the better."""
    best, improved = value(weights, users), True
    while improved:
        improved = False
        for label in weights:
            for step in STEPS:
                tried = {**weights, label: step}
                if any(tried.values()) and (now := value(tried, users)) > best:
                    best, weights, improved = now, tried, True
    return weights
