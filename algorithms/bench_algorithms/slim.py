"""Sparse linear item-item models, one regression an item."""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
from pydantic import Field
from scipy import sparse

from bench.algorithm import Algorithm, Context, EvalSet, Reason, UserBatch
from bench.config import Config
from bench.interactions import Float32Array, Float64Array, Int32Array, Interactions
from bench.search import LogRange
from bench_algorithms.item_item import by_history

_REPORT_EVERY = 100
"""Items between two reports of progress."""


class SLIMConfig(Config):
    """The two penalties of the elastic net, in numbers of users."""

    l1: Annotated[float, Field(gt=0), LogRange(0.05, 50)] = 1.0
    """Penalty on the sum of the weights: larger leaves fewer of them."""
    l2: Annotated[float, Field(ge=0), LogRange(1, 1000)] = 100.0
    """Penalty on half the sum of their squares: larger spreads the weight over similar items."""


class SLIM(Algorithm[SLIMConfig]):
    """Sparse item-item weights, none negative, that best rebuild each item's column from the other items' columns.

    Minimises ½ |x_j − X w_j|² + l1 |w_j|₁ + ½ l2 |w_j|² over w_j ≥ 0 with w_jj = 0 for each item j, by scikit-learn's
    coordinate descent on the sparse matrix; a history is scored as its row times W. Unlike the paper, ratings are not
    used: X is binary. Items without training rows, and all items for an empty history, score 0.
    """

    seeded = False
    imports = ("sklearn.linear_model",)
    paper = "Ning, Karypis: SLIM: Sparse linear methods for top-N recommender systems. ICDM 2011"

    def fit(self, train: Interactions, validation: EvalSet | None, context: Context) -> Self:
        """Solves a regression an item, in memory for the interactions and the weights that are not 0."""
        regressions = Regressions(train, self.config)
        columns = []
        for item in range(train.n_items):
            columns.append(regressions.weights(item))
            if item % _REPORT_EVERY == 0:
                context.progress("regressions", item, train.n_items, "")
        self.weights = sparse.csr_matrix(sparse.hstack(columns), dtype=np.float32)
        """float32 [n_items, n_items], zero diagonal."""
        return self

    def score(self, batch: UserBatch) -> Float32Array:
        """float32[b, n_items], at least 0."""
        return np.asarray((batch.history.csr() @ self.weights).toarray(), np.float32)

    def explain(self, batch: UserBatch, items: Int32Array) -> list[list[Reason]]:
        """What each item of the history adds to their scores."""
        return by_history(batch, items, self.weights)


class Regressions:
    """Elastic nets of each item's column on all others."""

    def __init__(self, train: Interactions, config: SLIMConfig) -> None:
        from sklearn.linear_model import ElasticNet

        self.columns = sparse.csc_matrix(train.csr(), dtype=np.float64)
        penalty = config.l1 + config.l2
        # Its objective is divided by the number of rows; `l1` and `l2` do not depend on how many users there are.
        self.model = ElasticNet(
            alpha=penalty / train.n_users,
            l1_ratio=config.l1 / penalty,
            positive=True,
            fit_intercept=False,
            copy_X=False,
        )

    def weights(self, item: int) -> sparse.csc_matrix:
        """float64 [n_items, 1]: the weight of each item in the regression of one."""
        start, stop = self.columns.indptr[item : item + 2]
        if start == stop:
            return sparse.csc_matrix((self.columns.shape[1], 1))
        target: Float64Array = np.zeros(self.columns.shape[0])
        target[self.columns.indices[start:stop]] = 1
        self.columns.data[start:stop] = 0  # an item is not to explain itself
        self.model.fit(self.columns, target, check_input=False)
        self.columns.data[start:stop] = 1
        return sparse.csc_matrix(self.model.coef_[:, None])
