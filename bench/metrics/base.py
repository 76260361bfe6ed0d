"""What a metric is: one class, computed at a cut-off k over ranked lists and the items that were relevant."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np

from bench.batches import TopK
from bench.errors import UsageError
from bench.interactions import BoolArray, Float64Array, Int64Array, ItemLists

MAX_CUTOFF = 100_000


@dataclass(frozen=True, eq=False)
class Judged:
    """Ranked lists beside the truth. What several metrics need of both is computed once.

    topk: b lists; truth: the b users' relevant items, each at most once.
    """

    topk: TopK
    truth: ItemLists

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


class Metric(ABC):
    """Base of all metrics: `k` is the cut-off, and only the first k items of a list count.

    version: of the definition; a change that alters values raises it, and values of different versions are
    never compared. undefined: when a user's value is NaN. range and higher_is_better speak for themselves.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    higher_is_better: ClassVar[bool] = True
    undefined: ClassVar[str] = "a user without relevant items"
    definition: ClassVar[str]
    reference: ClassVar[str]
    kind: ClassVar[Literal["user", "catalogue"]]

    def __init__(self, k: int) -> None:
        if not 1 <= k <= MAX_CUTOFF:
            raise UsageError(f"the cut-off of '{self.name}' must be an int in [1, {MAX_CUTOFF}]. Got {k}.")
        self.k = k

    @property
    def label(self) -> str:
        """As it is written everywhere: "ndcg@10"."""
        return f"{self.name}@{self.k}"


class UserMetric(Metric):
    """A metric with one value a user; the value of a run is the mean over users where it is defined."""

    kind = "user"

    def per_user(self, judged: Judged) -> Float64Array:
        """float64[b], NaN where undefined. Raises UsageError if the lists are shorter than k."""
        if judged.topk.k < self.k:
            raise UsageError(f"'{self.label}' needs lists of length {self.k}. Got {judged.topk.k}.")
        values = self.compute(judged.hits[:, : self.k], judged.n_relevant)
        return np.where(judged.n_relevant > 0, values, np.nan)

    @abstractmethod
    def compute(self, hits: BoolArray, n_relevant: Int64Array) -> Float64Array:
        """float64[b] from hits, bool[b, k], and n_relevant, int64[b]; where n_relevant is 0, anything."""


class CatalogueMetric(Metric):
    """A metric of all lists at once."""

    kind = "catalogue"
    undefined = "never"

    @abstractmethod
    def overall(self, topk: TopK, n_items: int) -> float:
        """The value over all lists, for a catalogue of n_items."""
