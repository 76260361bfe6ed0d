"""Random walks on the graph of users and items."""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
from pydantic import Field
from scipy import sparse

from bench.algorithm import Algorithm, Context, EvalSet, Reason, UserBatch
from bench.config import Config
from bench.interactions import Float32Array, Float64Array, Int32Array, Interactions
from bench.search import Choice, FloatRange, IntRange
from bench_algorithms.item_item import by_history
from bench_algorithms.similarity import largest

_PAIRS_AT_ONCE = 2**21
"""Pairs of items whose walks are in memory together."""
_NOTHING = 1e-9
"""Beside the walks that return, the rounding of those that don't is smaller than this."""


class RP3betaConfig(Config):
    """How walks are weighted, and how many of their ends are kept."""

    alpha: Annotated[float, Field(ge=0), FloatRange(0.1, 2)] = 1.0
    """Exponent of each step's probability: below 1, users with many items and popular items of the history count more
    than in a random walk; above 1, less."""
    beta: Annotated[float, Field(ge=0), FloatRange(0, 1)] = 0.5
    """Exponent of an item's popularity, by which its score is divided. 0 is P3alpha, which favours popular items."""
    k: Annotated[int, Field(ge=1), IntRange(5, 1000, log=True)] = 200
    """Items of a history that may add to an item's score: those from which the most walks end there."""
    normalise: Annotated[bool, Choice(True, False)] = False
    """Whether the weights of the walks from each item of the history are divided by their sum, so that every item of
    the history has one vote."""


class RP3beta(Algorithm[RP3betaConfig]):
    """Scores an item by the random walks of three steps that end there, divided by a power of its popularity.

    Each item i of the history adds Σ_u (1 / |U_i|)^alpha (1 / |I_u|)^alpha / |U_j|^beta to the score of item j, the sum
    over training users u who have both, U_i the users of an item and I_u the items of a user. Differs from the paper:
    the sums are exact where it also samples walks; each item has only the k greatest that end there, and the sums may
    be normalised, as in Ferrari Dacrema et al. (RecSys 2019), who cut the walks from each item to k as well; walks back
    to their first item are left out; and the first step's probability, the same for all items of a history, is left
    out, as ranking does not depend on it. Items without training rows, and all items for an empty history, score 0.
    """

    seeded = False
    paper = "Paudel, Christoffel, Newell, Bernstein: Updatable, accurate, diverse, and scalable recommendations for \
interactive applications. TiiS 7(1), 2017"

    def fit(self, train: Interactions, validation: EvalSet | None, context: Context) -> Self:
        """Sums the walks to each item, a block of items at a time."""
        users = sparse.csr_matrix(train.csr(), dtype=np.float64)
        to_users = _steps(users.T.tocsr(), self.config.alpha)
        to_items = _steps(users, self.config.alpha)
        damping = _powers(_degrees(users.T.tocsr()), self.config.beta)
        votes = _votes(to_users, to_items, damping) if self.config.normalise else np.ones(train.n_items)
        starts, ends = sparse.diags_array(votes) @ to_users, sparse.diags_array(damping) @ to_items.T.tocsr()
        size = max(1, _PAIRS_AT_ONCE // train.n_items)
        blocks = []
        for start in range(0, train.n_items, size):
            walks = (ends[start : start + size] @ starts.T).tocoo()
            walks = sparse.csr_matrix(_without_returns(walks, start), dtype=np.float32)
            blocks.append(largest(walks, self.config.k))
        self.contributions = sparse.csr_matrix(sparse.vstack(blocks).T)
        """float32 [n_items, n_items]: what having the row's item adds to the column's score."""
        return self

    def score(self, batch: UserBatch) -> Float32Array:
        """float32[b, n_items], at least 0."""
        return np.asarray((batch.history.csr() @ self.contributions).toarray(), np.float32)

    def explain(self, batch: UserBatch, items: Int32Array) -> list[list[Reason]]:
        """What each item of the history adds to their scores."""
        return by_history(batch, items, self.contributions)


def _degrees(rows: sparse.csr_matrix) -> Float64Array:
    return np.diff(rows.indptr).astype(np.float64)


def _powers(degrees: Float64Array, exponent: float) -> Float64Array:
    """1 / degree^exponent, and 1 for what has no edges."""
    return np.maximum(degrees, 1) ** -exponent


def _steps(rows: sparse.csr_matrix, alpha: float) -> sparse.csr_matrix:
    """The probability, to the power of alpha, of each step from a row to one of its entries."""
    values = np.repeat(_powers(_degrees(rows), alpha), np.diff(rows.indptr))
    return sparse.csr_matrix((values, rows.indices, rows.indptr), rows.shape)


def _votes(to_users: sparse.csr_matrix, to_items: sparse.csr_matrix, damping: Float64Array) -> Float64Array:
    """[n_items]: 1 / the sum of the damped walks from each item that end elsewhere; 1 where none does."""
    damped = to_items @ sparse.diags_array(damping)
    returning = np.asarray(to_users.multiply(damped.T.tocsr()).sum(axis=1)).ravel()
    elsewhere = to_users @ np.asarray(damped.sum(axis=1)).ravel() - returning
    votes: Float64Array = np.ones_like(elsewhere)
    np.divide(1, elsewhere, out=votes, where=elsewhere > _NOTHING * returning)
    return votes


def _without_returns(walks: sparse.coo_array, first: int) -> sparse.coo_array:
    """Without the walks that end where they started. first: the item of row 0."""
    row, column = walks.coords
    others = row + first != column
    return sparse.coo_array((walks.data[others], (row[others], column[others])), walks.shape)
