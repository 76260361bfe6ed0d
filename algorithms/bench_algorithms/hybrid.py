"""Collaborative and content-based filtering learnt jointly, in closed form."""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
from pydantic import Field

from bench.algorithm import Algorithm, Context, EvalSet, Need, Reason, UserBatch
from bench.interactions import Float32Array, Float64Array, Int32Array, Interactions
from bench.search import LogRange
from bench_algorithms.item_item import by_history
from bench_algorithms.item_vectors import VECTOR_IMPORTS, FeatureConfig, item_vectors
from bench_algorithms.linear import co_occurrences, item_weights


class HybridConfig(FeatureConfig):
    """Hyperparameters of the joint model."""

    l2: Annotated[float, Field(gt=0), LogRange(1, 10_000)] = 500.0
    """Ridge penalty on the item-item weights: larger trusts single co-occurrences less."""
    content_weight: Annotated[float, Field(ge=0), LogRange(0.1, 1_000)] = 10.0
    """Weight of rebuilding an item's attributes, in users: how many co-occurrences equal attributes are
    worth. 0 gives EASE."""


class Hybrid(Algorithm[HybridConfig]):
    """Item-item weights learnt from interactions and attributes jointly, in closed form (collective EASE).

    One ridge regression rebuilds, from the other items, each user's row and each attribute's row, as if an
    attribute were a user who likes the items that have it: P = (XᵀX + content_weight · F Fᵀ + l2 · I)⁻¹,
    and from there as EASE. F: the items' unit TF-IDF vectors, those of `content`; the paper's are binary.
    Unlike the paper's, the regression is over items with training rows, so that items to come shape nothing. Each
    other item is rebuilt from those by its attributes, and so is recommended; in a history it says nothing.
    Memory: as EASE.
    """

    seeded = False
    needs = frozenset({Need.ITEM_FEATURES})
    imports = VECTOR_IMPORTS
    paper = (
        "Jeunen, Van Balen, Goethals: Closed-form models for collaborative filtering with side-information. RecSys 2020"
    )

    def fit(self, train: Interactions, validation: EvalSet | None, context: Context) -> Self:
        """Solves for the weights. Raises UnmetNeedError if there are no item features in training."""
        items = item_vectors(context.require_item_features(), train, self.config)
        trained = np.unique(train.item)
        others = np.setdiff1d(np.arange(train.n_items), trained)
        gram, attributes = co_occurrences(train.compact()), items[trained]
        gram += self.config.content_weight * (attributes @ attributes.T).toarray().astype(gram.dtype)
        self.weights = np.zeros((train.n_items, train.n_items), np.float32)
        if len(others):
            alike = self.config.content_weight * (attributes @ items[others].T).toarray().astype(gram.dtype)
            self.weights[np.ix_(trained, others)] = _rebuilding(alike, gram, self.config.l2)
        self.weights[np.ix_(trained, trained)] = item_weights(gram, self.config.l2)
        return self

    def score(self, batch: UserBatch) -> Float32Array:
        """float32[b, n_items]."""
        return np.asarray(batch.history.csr() @ self.weights, np.float32)

    def explain(self, batch: UserBatch, items: Int32Array) -> list[list[Reason]]:
        """What each item of the history adds to their scores."""
        return by_history(batch, items, self.weights)


def _rebuilding(
    alike: Float64Array | Float32Array, gram: Float64Array | Float32Array, l2: float
) -> Float64Array | Float32Array:
    """[n_trained, n_others]: the ridge weights that rebuild other items, whose products with the trained are given."""
    import torch

    matrix = torch.from_numpy(gram) + l2 * torch.eye(len(gram), dtype=torch.from_numpy(gram).dtype)
    return np.asarray(torch.cholesky_solve(torch.from_numpy(alike), torch.linalg.cholesky(matrix)).numpy())
