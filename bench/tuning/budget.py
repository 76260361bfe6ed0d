"""What a study may spend, and how it chooses what to try."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Literal, get_args

import numpy as np
import optuna

from bench.errors import UsageError
from bench.search import Scalar, SearchRange

SamplerName = Literal["tpe", "random", "grid"]
PrunerName = Literal["median", "hyperband", "none"]
SAMPLERS, PRUNERS = get_args(SamplerName), get_args(PrunerName)


@dataclass(frozen=True)
class Budget:
    """How much a study may spend, and how.

    trials: counts those of earlier runs too. seconds: no trial is started after so many, of this run. workers:
    trials at a time. folds: parts of train and validation that a trial is validated on; 1: the validation part.
    """

    trials: int
    seconds: float | None = None
    sampler: SamplerName = "tpe"
    pruner: PrunerName = "median"
    folds: int = 1
    workers: int = 1

    def __post_init__(self) -> None:
        if self.sampler not in SAMPLERS:
            raise UsageError(f"the sampler must be one of {', '.join(SAMPLERS)}. Got '{self.sampler}'.")
        if self.pruner not in PRUNERS:
            raise UsageError(f"the pruner must be one of {', '.join(PRUNERS)}. Got '{self.pruner}'.")


def make_sampler(name: SamplerName, seed: int) -> optuna.samplers.BaseSampler:
    """Optuna's sampler of that name. A grid is written down beforehand, and needs none."""
    if name == "tpe":
        return optuna.samplers.TPESampler(seed=seed)
    return optuna.samplers.RandomSampler(seed=seed)


def make_pruner(name: PrunerName) -> optuna.pruners.BasePruner:
    """Optuna's pruner of that name. It looks at the validation curve, or with several folds at the mean so far."""
    if name == "median":
        return optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=5)
    if name == "hyperband":
        return optuna.pruners.HyperbandPruner()
    return optuna.pruners.NopPruner()


def grid(space: Mapping[str, SearchRange], limit: int, rng: np.random.Generator) -> list[dict[str, Scalar]]:
    """Every combination of evenly spread values, in a drawn order: as many values a field as `limit` allows.

    Raises UsageError if two values a field are too many already.
    """
    points = 2
    if (size := _size(space, points)) > limit:
        raise UsageError(
            f"a grid of two values a field, and all of those to choose from, has {size} points, and "
            f"as many trials are needed. Got {limit}. Keep fields fixed with --set, or use another sampler."
        )
    while _size(space, points) < _size(space, points + 1) <= limit:
        points += 1
    values = [search.grid(points) for search in space.values()]
    combinations = [dict(zip(space, chosen, strict=True)) for chosen in product(*values)]
    return [combinations[index] for index in rng.permutation(len(combinations))]


def _size(space: Mapping[str, SearchRange], points: int) -> int:
    return prod(len(search.grid(points)) for search in space.values())
