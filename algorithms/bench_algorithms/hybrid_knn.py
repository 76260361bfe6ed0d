"""Item neighbourhoods by interactions and attributes at once."""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
from pydantic import Field
from scipy import sparse

from bench.algorithm import Algorithm, Context, EvalSet, Need, Reason, UserBatch
from bench.interactions import Float32Array, Int32Array, Interactions
from bench.search import LogRange
from bench_algorithms.item_item import by_history
from bench_algorithms.item_vectors import VECTOR_IMPORTS, FeatureConfig, item_vectors
from bench_algorithms.neighbourhood import NeighbourhoodConfig
from bench_algorithms.similarity import NearestRows
from bench_algorithms.weighting import TermWeights


class HybridKNNConfig(NeighbourhoodConfig, FeatureConfig):
    """Hyperparameters of item-knn, those of the attributes, and the weight of one against the other."""

    content_weight: Annotated[float, Field(gt=0), LogRange(0.1, 1_000)] = 10.0
    """How many common users equal attributes are worth; users count as `weighting` says. Items with few users are
    compared by their attributes, those with many more users than this by their users."""


class HybridKNN(Algorithm[HybridKNNConfig]):
    """Item-knn over rows that join an item's users to its attributes (ItemKNN CFCBF).

    The attributes are the unit TF-IDF vectors of `content`, times √content_weight. As in Ferrari Dacrema et al.
    (RecSys 2019), who found it level with deep hybrids, both parts stand in one row and one similarity compares them;
    its shrinkage counts common attributes as it does common users. Neighbours are items with training rows only: an
    item never seen in training finds its own by its attributes, and so is recommended; in a history it says nothing.
    An item without attributes is compared by its users. All items score 0 for an empty history.
    """

    seeded = False
    needs = frozenset({Need.ITEM_FEATURES})
    imports = VECTOR_IMPORTS
    paper = (
        "Mobasher, Jin, Zhou: Semantically enhanced collaborative filtering on the web. "
        "European Web Mining Forum, LNCS 3209, 2004"
    )

    def fit(self, train: Interactions, validation: EvalSet | None, context: Context) -> Self:
        """Finds the k nearest items of each item. Raises UnmetNeedError if there are no item features in training."""
        attributes = item_vectors(context.require_item_features(), train, self.config)
        users = train.csr().T.tocsr()
        weighted = TermWeights.learn(users, self.config.weighting).apply(users)
        items = sparse.hstack([weighted, np.sqrt(self.config.content_weight) * attributes], format="csr")
        trained = np.unique(train.item)
        itself = np.full(train.n_items, -1, np.int32)
        itself[trained] = np.arange(len(trained), dtype=np.int32)
        neighbours = NearestRows(items[trained], self.config).find(items, self.config.k, exclude=itself)
        self.contributions = _columns_at(trained, neighbours, train.n_items).T.tocsr()
        """float32 [n_items, n_items]: what having the row's item adds to the column's score."""
        return self

    def score(self, batch: UserBatch) -> Float32Array:
        """float32[b, n_items], at least 0."""
        return np.asarray((batch.history.csr() @ self.contributions).toarray(), np.float32)

    def explain(self, batch: UserBatch, items: Int32Array) -> list[list[Reason]]:
        """What each item of the history adds to their scores."""
        return by_history(batch, items, self.contributions)


def _columns_at(columns: np.ndarray, matrix: sparse.csr_matrix, n_columns: int) -> sparse.csr_matrix:
    return sparse.csr_matrix((matrix.data, columns[matrix.indices], matrix.indptr), (matrix.shape[0], n_columns))
