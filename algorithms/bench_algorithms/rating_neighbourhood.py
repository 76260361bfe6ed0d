"""Neighbourhood models of ratings: how similar users rated the item, or how the user rated similar items."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

import numpy as np
from pydantic import Field
from scipy import sparse

from bench.algorithm import Context, EvalSet, RatingPredictor
from bench.config import Config
from bench.interactions import Float32Array, Float64Array, Int32Array, Int64Array, Interactions
from bench.search import Choice, FloatRange, IntRange
from bench_algorithms.rating_baselines import shrunken_means
from bench_algorithms.rating_similarity import RatingMeasure, SimilarRaters


class RatingNeighbourhoodConfig(Config):
    """What both neighbourhood models have."""

    k: Annotated[int, Field(ge=1), IntRange(5, 200, log=True)] = 40
    """Neighbours that a prediction is made from, at most: the most similar of those that share the rating's other
    side."""
    similarity: Annotated[RatingMeasure, Choice("msd", "cosine", "pearson")] = "msd"
    """How alike two users or items are, from the ratings they have in common."""
    shrinkage: Annotated[float, Field(ge=0), FloatRange(0, 100)] = 0.0
    """Number of common ratings at which a similarity is halved; few in common count less."""


class _NeighbourhoodWithMeans(RatingPredictor[RatingNeighbourhoodConfig]):
    """Rows are what has neighbours, columns the other side: users and items, or items and users."""

    rows_are_items: ClassVar[bool]

    def fit(self, train: Interactions, validation: EvalSet | None, context: Context) -> Self:
        """Keeps the ratings as deviations from their row's mean; the neighbours are found when predicting."""
        ratings = rating_matrix(train)
        rows = sparse.csr_matrix(ratings.T) if self.rows_are_items else ratings
        self.similar = SimilarRaters(rows, self.config.similarity, self.config.shrinkage)
        self.low, self.high = ratings.data.min(), ratings.data.max()
        self.row_means, self.column_means = _means(rows), _means(sparse.csr_matrix(rows.T))
        self.known = np.diff(rows.indptr) > 0
        deviations = rows.copy()
        deviations.data -= np.repeat(self.row_means, np.diff(rows.indptr))
        self.deviations = sparse.csc_matrix(deviations)
        """float64 [n_rows, n_columns]."""
        return self

    def predict(self, users: Int32Array, items: Int32Array) -> Float32Array:
        rows, columns = (items, users) if self.rows_are_items else (users, items)
        estimate = np.where(self.known[rows], self.row_means[rows], self.column_means[columns])
        for start, stop in self.similar.blocks():
            pairs = np.flatnonzero((rows >= start) & (rows < stop))
            if len(pairs):
                distinct, position = np.unique(rows[pairs], return_inverse=True)
                similarities = self.similar.to(distinct)
                estimate[pairs] += self._deviations(similarities, position, columns[pairs])
        return np.asarray(np.clip(estimate, self.low, self.high), np.float32)

    def _deviations(self, similarities: Float32Array, position: Int64Array, columns: Int32Array) -> Float64Array:
        """float64[n]: what the neighbours' ratings add to the row's mean. similarities: float32[b, n_rows];
        position int64[n], columns int32[n]: the pairs, by their row in it and their column.
        """
        added = np.empty(len(columns))
        order = np.argsort(columns, kind="stable")
        bounds = np.flatnonzero(np.diff(columns[order], prepend=-1))
        for pairs in np.split(order, bounds[1:]):
            column = columns[pairs[0]]
            entries = slice(self.deviations.indptr[column], self.deviations.indptr[column + 1])
            weights = similarities[np.ix_(position[pairs], self.deviations.indices[entries])]
            added[pairs] = nearest_mean(weights, self.deviations.data[entries], self.config.k)
        return added


class UserKNNMeans(_NeighbourhoodWithMeans):
    """A user's mean rating, plus how the k most similar users who rated the item deviate from theirs, weighted by
    similarity.

    Only positive similarities count. Without a neighbour it is the user's mean, for unknown users that of the item.
    Predictions are within the range of the training ratings. Differs from the paper: mean squared difference by
    default, and shrinkage instead of a linear weight up to 50 common ratings.
    """

    seeded = False
    paper = "Herlocker, Konstan, Borchers, Riedl: An algorithmic framework for collaborative filtering. SIGIR 1999"
    rows_are_items = False


class ItemKNNMeans(_NeighbourhoodWithMeans):
    """An item's mean rating, plus how the user's ratings of the k most similar items deviate from the means of those,
    weighted by similarity.

    Only positive similarities count. Without a neighbour it is the item's mean, for unknown items that of the user.
    Predictions are within the range of the training ratings. Differs from the paper: deviations from the items' means
    are averaged, not ratings; and mean squared difference is the default, not the adjusted cosine.
    """

    seeded = False
    paper = "Sarwar, Karypis, Konstan, Riedl: Item-based collaborative filtering recommendation algorithms. WWW 2001"
    rows_are_items = True


def rating_matrix(train: Interactions) -> sparse.csr_matrix:
    """float64 [n_users, n_items]; where a user rated an item more than once, the mean. A rating of 0 is an entry."""
    assert train.rating is not None
    pairs, row = np.unique(train.user.astype(np.int64) * train.n_items + train.item, return_inverse=True)
    values = shrunken_means(row.astype(np.int32), train.rating.astype(np.float64), len(pairs), 0.0)
    users, items = np.divmod(pairs, train.n_items)
    return sparse.csr_matrix((values, (users, items)), (train.n_users, train.n_items))


def _means(rows: sparse.csr_matrix) -> Float64Array:
    """float64[n]: the mean entry of each row; that of all entries for an empty one."""
    sizes = np.diff(rows.indptr)
    sums = np.bincount(np.repeat(np.arange(len(sizes)), sizes), rows.data, minlength=len(sizes))
    return np.where(sizes > 0, sums / np.maximum(sizes, 1), rows.data.mean())


def nearest_mean(weights: Float32Array, values: Float64Array, k: int) -> Float64Array:
    """float64[b]: the mean of the k values with the largest weights, weighted; 0 if all of those are 0.

    weights: float32[b, n], at least 0; values: float64[n]. Of equal weights the earlier is taken, as each weight and
    its position are packed into one integer that sorts like the pair; non-negative float32 sort like their bits.
    """
    n = len(values)
    if n > k:
        keys = (weights.view(np.int32).astype(np.int64) << 32) + np.arange(n)[::-1]
        best = np.partition(keys, n - k, axis=1)[:, n - k :]
        weights, chosen = (best >> 32).astype(np.int32).view(np.float32), values[n - 1 - (best & 0xFFFFFFFF)]
    else:
        chosen = np.broadcast_to(values, weights.shape)
    wide = weights.astype(np.float64)
    total = wide.sum(axis=1)
    return np.asarray(np.divide((wide * chosen).sum(axis=1), total, out=np.zeros(len(weights)), where=total > 0))
