"""What metrics look at: lists or predicted ratings beside the truth, and what was known before they were made."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy import sparse

from bench.batches import TopK
from bench.errors import UsageError
from bench.interactions import BoolArray, Features, Float64Array, Int64Array, Interactions, ItemLists
from bench.metrics.attributes import Float64Matrix, attributes, scaled


@dataclass(frozen=True, eq=False)
class Background:
    """What was known before the lists were made.

    history: b lists, what each user had; n_candidates: int64[b], how many items could be recommended to each;
    item_users: int64[n_items], training users who have the item, of n_users in all; item_features: of all
    n_items, if there are any.
    """

    history: ItemLists
    n_candidates: Int64Array
    item_users: Int64Array
    n_users: int
    item_features: Features | None = None

    @cached_property
    def seen(self) -> Float64Matrix:
        """Binary float64 [b, n_items]: the distinct items of each history."""
        return self.history.csr().astype(np.float64)

    @cached_property
    def attributes(self) -> Float64Matrix:
        """Binary float64 [n_items, n_attributes]: see `attributes.attributes`. Raises UsageError without features."""
        if self.item_features is None:
            raise UsageError("this metric needs item features, and none were given.")
        return attributes(self.item_features)

    @cached_property
    def described(self) -> BoolArray:
        """bool[n_items]: which items have any attribute."""
        return np.asarray(np.diff(self.attributes.indptr) > 0)

    @cached_property
    def item_vectors(self) -> Float64Matrix:
        """float64 [n_items, n_attributes]: unit rows, zero for an item without attributes."""
        return scaled(self.attributes, np.sqrt(np.diff(self.attributes.indptr)))


def training_counts(train: Interactions) -> tuple[Int64Array, int]:
    """int64[n_items], the distinct users who have each item, and the number of users with any."""
    matrix = train.csr()
    return np.bincount(matrix.indices, minlength=train.n_items).astype(np.int64), int(
        (np.diff(matrix.indptr) > 0).sum()
    )


@dataclass(frozen=True, eq=False)
class Judged:
    """Ranked lists beside the truth. What several metrics need of both is computed once.

    topk: b lists; truth: the b users' relevant items, each at most once. background: None where nothing is
    known of the training data. truth_ranks: int64[len(truth.items)], each relevant item's rank among the
    user's candidates, from 1; 0 where it is not known; None where no rank is.
    """

    topk: TopK
    truth: ItemLists
    background: Background | None = None
    truth_ranks: Int64Array | None = None

    def __post_init__(self) -> None:
        if len(self.topk) != len(self.truth):
            raise UsageError(f"each list needs its truth. Got {len(self.topk)} lists and {len(self.truth)} truths.")

    @cached_property
    def hits(self) -> BoolArray:
        """bool[b, k]: whether the item at each rank is relevant."""
        width = self.truth.n_items
        relevant = np.sort(self.truth.rows * width + self.truth.items)
        if not len(relevant):
            return np.zeros(self.topk.items.shape, np.bool_)
        keys = np.arange(len(self.topk))[:, None] * width + self.topk.items
        found = relevant[np.minimum(np.searchsorted(relevant, keys), len(relevant) - 1)] == keys
        return np.asarray(found & self.topk.filled)

    @property
    def n_relevant(self) -> Int64Array:
        """int64[b]: how many relevant items each user has."""
        return self.truth.lengths

    @property
    def ranks(self) -> Int64Array:
        """`truth_ranks`. Raises UsageError where there are none."""
        if self.truth_ranks is None:
            raise UsageError("this metric needs the rank of every relevant item, and none was given.")
        return self.truth_ranks

    @property
    def known(self) -> Background:
        """The background. Raises UsageError where there is none."""
        if self.background is None:
            raise UsageError("this metric needs the training data, and none was given.")
        return self.background

    def listed(self, k: int) -> sparse.csr_matrix[np.float64]:
        """float64 [b, n_items]: how often each item is among the first k of each list."""
        shown = self.topk.items[:, :k]
        rows, ranks = np.nonzero(shown >= 0)
        return sparse.csr_matrix(
            (np.ones(len(rows)), (rows, shown[rows, ranks])), shape=(len(shown), self.truth.n_items)
        )

    def mean_of_list(self, values: Float64Array, k: int) -> Float64Array:
        """float64[b]: the mean of values, float64[n_items], over the first k items; NaN where there are none."""
        filled = self.topk.filled[:, :k]
        sums = np.where(filled, values[self.topk.items[:, :k]], 0.0).sum(1)
        counts = filled.sum(1)
        return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)

    def about(self, items: BoolArray) -> Judged:
        """The same lists judged on a part of the catalogue: only these items, bool[n_items], are relevant."""
        kept = items[self.truth.items]
        lengths = np.bincount(self.truth.rows[kept], minlength=len(self.truth))
        indptr = np.concatenate([[0], np.cumsum(lengths)])
        truth = ItemLists(indptr, self.truth.items[kept], self.truth.n_items)
        return replace(self, truth=truth, truth_ranks=None if self.truth_ranks is None else self.truth_ranks[kept])


@dataclass(frozen=True, eq=False)
class Rated:
    """Predicted ratings beside the true ones. row: int64[n], which of the n_users users each belongs to;
    actual, predicted: float64[n].
    """

    row: Int64Array
    actual: Float64Array
    predicted: Float64Array
    n_users: int

    @cached_property
    def errors(self) -> Float64Array:
        """float64[n]: predicted minus actual."""
        return self.predicted - self.actual

    def of(self, users: BoolArray) -> Rated:
        """The ratings of some of the users, bool[n_users], alone."""
        kept = users[self.row]
        return Rated((np.cumsum(users) - 1)[self.row[kept]], self.actual[kept], self.predicted[kept], int(users.sum()))

    def mean_per_user(self, values: Float64Array) -> Float64Array:
        """float64[n_users]: the mean of one value a rating over each user's; NaN for a user without."""
        counts = np.bincount(self.row, minlength=self.n_users)
        sums = np.bincount(self.row, values, minlength=self.n_users)
        return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
