"""What every recommender has to beat: chance, and what everybody likes."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray

from bench import seeds
from bench.algorithm import Algorithm, Context, EvalSet, UserBatch
from bench.config import Config
from bench.interactions import Float32Array, Interactions

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


class RandomConfig(Config):
    """Nothing to set."""


class Random(Algorithm[RandomConfig]):
    """A random order for each user, drawn from (seed, user, item): the floor of every leaderboard.

    A score does not depend on who else is in the batch, nor on what was asked before.
    """

    def fit(self, train: Interactions, validation: EvalSet | None, context: Context) -> Self:
        """Learns nothing but its seed."""
        self.stream = np.uint64(seeds.derive_seed(context.seed, "random"))
        return self

    def score(self, batch: UserBatch) -> Float32Array:
        """float32[b, n_items], uniform in [0, 1)."""
        users = batch.users.astype(np.uint64)
        items = np.arange(batch.history.n_items, dtype=np.uint64)
        rows = _mixed(_mixed(self.stream + np.zeros(1, np.uint64)) + users)
        bits = _mixed(rows[:, None] + items * _GOLDEN)
        return (bits >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-24)


def _mixed(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The splitmix64 finaliser: a bijection whose output bits each depend on every input bit.

    Steele, Lea, Flood: Fast splittable pseudorandom number generators. OOPSLA 2014.
    """
    bits = (bits + _GOLDEN) ^ ((bits + _GOLDEN) >> np.uint64(30))
    bits = bits * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


class PopularityConfig(Config):
    """Nothing to set."""


class Popularity(Algorithm[PopularityConfig]):
    """The items with the most users in the training data, the same for everybody.

    A user who met an item more than once counts once. Items without training rows score 0.
    """

    seeded = False
    paper = "Cremonesi, Koren, Turrin: Performance of recommender algorithms on top-n recommendation tasks. RecSys 2010"

    def fit(self, train: Interactions, validation: EvalSet | None, context: Context) -> Self:
        """Counts the users of each item."""
        self.counts: Float32Array = train.csr().getnnz(axis=0).astype(np.float32)
        return self

    def score(self, batch: UserBatch) -> Float32Array:
        """float32[b, n_items]: the number of training users of each item, in every row."""
        return np.tile(self.counts, (len(batch), 1))
