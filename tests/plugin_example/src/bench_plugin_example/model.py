"""The example's algorithm."""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
from pydantic import Field

from bench.algorithm import Algorithm, Context, EvalSet, UserBatch
from bench.config import Config
from bench.interactions import Float32Array, Interactions
from bench.search import FloatRange


class CoVisitsConfig(Config):
    """What can be set."""

    power: Annotated[float, Field(ge=0), FloatRange(0, 1)] = 0.5
    """By what power of an item's popularity its score is divided."""


class CoVisits(Algorithm[CoVisitsConfig]):
    """Counts the users that an item has in common with the items of the history."""

    seeded = False

    def fit(self, train: Interactions, validation: EvalSet | None, context: Context) -> Self:
        """Counts."""
        matrix = train.csr()
        together = (matrix.T @ matrix).toarray()
        popularity = np.maximum(together.diagonal(), 1) ** self.config.power
        self.weights = (together / popularity[None, :]).astype(np.float32)
        np.fill_diagonal(self.weights, 0)
        return self

    def score(self, batch: UserBatch) -> Float32Array:
        """float32[b, n_items]."""
        return np.asarray(batch.history.csr() @ self.weights, dtype=np.float32)
