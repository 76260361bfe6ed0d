"""Linear item-item models with a closed form."""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
from pydantic import Field

from bench.algorithm import Algorithm, Context, EvalSet, Reason, UserBatch
from bench.config import Config
from bench.interactions import Float32Array, Float64Array, Int32Array, Interactions
from bench.search import LogRange
from bench_algorithms.item_item import by_history

FLOAT64_ITEMS = 12_000
"""Catalogues up to this size are inverted in double precision: 1.1 GiB a matrix, and three at a time."""


class EASEConfig(Config):
    """Hyperparameters of EASE."""

    l2: Annotated[float, Field(gt=0), LogRange(1, 10_000)] = 500.0
    """Ridge penalty on the item-item weights: larger trusts single co-occurrences less."""


class EASE(Algorithm[EASEConfig]):
    """Item-item weights that best rebuild each user's row from its other items, in closed form.

    B = I − P · diag(1 / diag P) with P = (XᵀX + l2 · I)⁻¹; a history is scored as its row times B.
    Items without training rows, and all items for an empty history, score 0.
    Memory: three n_items × n_items matrices while fitting, in float64 up to 12,000 items, in float32 beyond;
    one in float32 afterwards.
    """

    seeded = False
    paper = "Steck: Embarrassingly shallow autoencoders for sparse data. WWW 2019"

    def fit(self, train: Interactions, validation: EvalSet | None, context: Context) -> Self:
        """Solves for the weights."""
        self.weights = item_weights(co_occurrences(train), self.config.l2)
        return self

    def score(self, batch: UserBatch) -> Float32Array:
        """float32[b, n_items]."""
        return np.asarray(batch.history.csr() @ self.weights, np.float32)

    def explain(self, batch: UserBatch, items: Int32Array) -> list[list[Reason]]:
        """What each item of the history adds to their scores."""
        return by_history(batch, items, self.weights)


def co_occurrences(train: Interactions) -> Float64Array | Float32Array:
    """[n_items, n_items]: how many users have both items; float32 where the catalogue is too large for float64."""
    matrix = train.csr()
    gram = (matrix.T @ matrix).toarray()
    return np.asarray(gram, np.float64) if train.n_items <= FLOAT64_ITEMS else np.asarray(gram, np.float32)


def item_weights(gram: Float64Array | Float32Array, l2: float) -> Float32Array:
    """float32[n_items, n_items], zero diagonal: the ridge solution for a Gram matrix, which is overwritten.

    Cholesky through torch, whose LAPACK is faster than numpy's and does not crash on large matrices.
    """
    import torch

    matrix = torch.from_numpy(gram)
    matrix.diagonal().add_(l2)
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(matrix))
    weights = inverse.div_(-inverse.diagonal().clone()).to(torch.float32)
    weights.fill_diagonal_(0)
    return np.asarray(weights.numpy())
