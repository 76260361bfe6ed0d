"""What goes into a recommender and what comes out: users with histories, scores, ranked lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from bench.interactions import BoolArray, Float32Array, Int32Array, ItemLists

if TYPE_CHECKING:
    import torch

Scores: TypeAlias = "Float32Array | torch.Tensor"
"""float32[b, n_items] on any device."""


@dataclass(frozen=True, eq=False)
class EvalSet:
    """Users to recommend to. users: int32[m]; history: what the model may know of each; truth: what it must find.

    One object serves weak and strong generalisation, next-item and fold-in: `history` need not be what the
    model was trained on, and a user may be unknown to it.
    """

    users: Int32Array
    history: ItemLists
    truth: ItemLists

    def __len__(self) -> int:
        return len(self.users)

    def slice(self, start: int, stop: int) -> EvalSet:
        """Users start … stop − 1."""
        return EvalSet(self.users[start:stop], self.history.slice(start, stop), self.truth.slice(start, stop))


@dataclass(frozen=True, eq=False)
class UserBatch:
    """Users to score together. users: int32[b] codes; history: b item lists, oldest first."""

    users: Int32Array
    history: ItemLists

    def __len__(self) -> int:
        return len(self.users)


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
