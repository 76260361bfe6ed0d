"""What a metric is: one class, computed at a cut-off k over what a model recommended beside what was relevant."""

from __future__ import annotations

from abc import ABC, abstractmethod
from enum import StrEnum
from typing import ClassVar, Literal

import numpy as np

from bench.batches import TopK
from bench.errors import UsageError
from bench.interactions import BoolArray, Float64Array, Int64Array
from bench.metrics.judged import Judged, Rated

MAX_CUTOFF = 100_000
SAMPLED = "sampled-"
"""Before the name of every metric whose candidates were sampled: such a value is not that of the full catalogue."""
TaskKind = Literal["ranking", "rating"]


class Evidence(StrEnum):
    """What a metric may need beside lists and truth."""

    RANKS = "the rank of every relevant item"
    TRAINING = "the training data"
    ITEM_FEATURES = "item features"


class Metric(ABC):
    """Base of all metrics: `k` is the cut-off, and only the first k items of a list count.

    version: of the definition; a change that alters values raises it, and values of different versions are
    never compared. undefined: when a user's value is NaN. range and higher_is_better speak for themselves.
    judges: the kind of task it is for. takes_cutoff: whether it is written with one; without, k is 0.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    higher_is_better: ClassVar[bool] = True
    undefined: ClassVar[str] = "a user without relevant items"
    definition: ClassVar[str]
    reference: ClassVar[str]
    kind: ClassVar[Literal["user", "catalogue"]]
    judges: ClassVar[TaskKind] = "ranking"
    takes_cutoff: ClassVar[bool] = True
    needs: ClassVar[frozenset[Evidence]] = frozenset()

    def __init__(self, k: int = 0, *, sampled: bool = False) -> None:
        if self.takes_cutoff and not 1 <= k <= MAX_CUTOFF:
            raise UsageError(f"the cut-off of '{self.name}' must be an int in [1, {MAX_CUTOFF}]. Got {k}.")
        if k and not self.takes_cutoff:
            raise UsageError(f"'{self.name}' has no cut-off: write '{self.name}'. Got '{self.name}@{k}'.")
        self.k, self.sampled = k, sampled

    @property
    def label(self) -> str:
        """As it is written everywhere: "ndcg@10", "auc", "sampled-ndcg@10"."""
        name = f"{self.name}@{self.k}" if self.takes_cutoff else self.name
        return f"{SAMPLED}{name}" if self.sampled else name


class UserMetric(Metric):
    """A metric with one value a user; the value of a run is the mean over users where it is defined."""

    kind = "user"

    def per_user(self, judged: Judged) -> Float64Array:
        """float64[b], NaN where undefined. Raises UsageError if the lists are shorter than k."""
        if judged.topk.k < self.k:
            raise UsageError(f"'{self.label}' needs lists of length {self.k}. Got {judged.topk.k}.")
        return self.values(judged)

    @abstractmethod
    def values(self, judged: Judged) -> Float64Array:
        """float64[b], NaN where undefined. The lists may be longer than k."""


class HitMetric(UserMetric):
    """A metric that sees where the relevant items are in the list, and how many there are."""

    def values(self, judged: Judged) -> Float64Array:
        found = self.compute(judged.hits[:, : self.k], judged.n_relevant)
        return np.where(judged.n_relevant > 0, found, np.nan)

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


class RatingMetric(Metric):
    """A metric of predicted ratings beside the true ones: lower is better."""

    kind = "user"
    judges = "rating"
    takes_cutoff = False
    range = (0.0, float("inf"))
    higher_is_better = False
    undefined = "a user without ratings to predict"

    @abstractmethod
    def per_user(self, rated: Rated) -> Float64Array:
        """float64[b], NaN where undefined."""

    @abstractmethod
    def overall(self, rated: Rated) -> float:
        """The value of a run; NaN where nothing was predicted."""
