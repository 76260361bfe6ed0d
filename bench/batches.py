"""What goes into a recommender and what comes out: users with histories, candidates, scores, ranked lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from bench.interactions import BoolArray, Float32Array, Int32Array, Int64Array, ItemLists, distinct

if TYPE_CHECKING:
    import torch

Scores: TypeAlias = "Float32Array | torch.Tensor"
"""float32[b, n_items] on any device."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """Which items may be recommended to each of b users: all but those listed, or only those listed.

    A list names an item once if `only`; otherwise repeats do no harm.
    """

    listed: ItemLists
    only: bool = False

    def slice(self, start: int, stop: int) -> Candidates:
        """Users start … stop − 1."""
        return Candidates(self.listed.slice(start, stop), self.only)

    @cached_property
    def counts(self) -> Int64Array:
        """int64[b]: how many items may be recommended to each."""
        if self.only:
            return self.listed.lengths
        pairs = distinct(self.listed.rows * self.listed.n_items + self.listed.items)
        return self.listed.n_items - np.bincount(pairs // max(self.listed.n_items, 1), minlength=len(self.listed))

    def refuses(self, items: Int32Array) -> BoolArray:
        """bool[b, k]: which of the given items may not be recommended. items: int32[b, k], −1 where there is none."""
        keys = np.arange(len(items))[:, None] * self.listed.n_items + items
        listed = np.isin(keys, self.listed.rows * self.listed.n_items + self.listed.items)
        return np.asarray((items >= 0) & (listed != self.only))


@dataclass(frozen=True, eq=False)
class UserBatch:
    """Users to score together. users: int32[b] codes; history: b item lists, oldest first.

    restricted: what may be recommended, where that is not the rule: everything but the history.
    """

    users: Int32Array
    history: ItemLists
    restricted: Candidates | None = None

    def __len__(self) -> int:
        return len(self.users)

    @property
    def candidates(self) -> Candidates:
        """What may be recommended."""
        return self.restricted or Candidates(self.history)

    def slice(self, start: int, stop: int) -> UserBatch:
        """Users start … stop − 1."""
        restricted = self.restricted and self.restricted.slice(start, stop)
        return UserBatch(self.users[start:stop], self.history.slice(start, stop), restricted)


@dataclass(frozen=True, eq=False)
class EvalSet:
    """Users to recommend to. users: int32[m]; history: what the model may know of each; truth: what it must find.

    One object serves weak and strong generalisation, next-item and fold-in: `history` need not be what the
    model was trained on, and a user may be unknown to it. ratings: float32[len(truth.items)], those of the
    truth, where the data has any. restricted: as in `UserBatch`.
    """

    users: Int32Array
    history: ItemLists
    truth: ItemLists
    ratings: Float32Array | None = None
    restricted: Candidates | None = None

    def __len__(self) -> int:
        return len(self.users)

    def slice(self, start: int, stop: int) -> EvalSet:
        """Users start … stop − 1."""
        bounds = self.truth.indptr[start : stop + 1]
        ratings = None if self.ratings is None else self.ratings[bounds[0] : bounds[-1]]
        restricted = self.restricted and self.restricted.slice(start, stop)
        history, truth = self.history.slice(start, stop), self.truth.slice(start, stop)
        return EvalSet(self.users[start:stop], history, truth, ratings, restricted)

    @property
    def batch(self) -> UserBatch:
        """All that a recommender may see of it."""
        return UserBatch(self.users, self.history, self.restricted)


@dataclass(frozen=True, eq=False)
class TopK:
    """Ranked lists. items: int32[b, k], best first, padded with −1; scores: float32[b, k], padded with −inf."""

    items: Int32Array
    scores: Float32Array

    def __len__(self) -> int:
        return len(self.items)

    @property
    def k(self) -> int:
        return int(self.items.shape[1])

    @property
    def filled(self) -> BoolArray:
        """bool[b, k]: where there is an item."""
        return self.items >= 0

    @staticmethod
    def concat(parts: Sequence[TopK]) -> TopK:
        """The lists of all parts, one below the other."""
        return TopK(np.concatenate([p.items for p in parts]), np.concatenate([p.scores for p in parts]))
