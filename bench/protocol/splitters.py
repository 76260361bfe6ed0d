"""How a data set is split into train, validation and test. Each splitter declares its options as fields."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from pydantic import Field

from bench import seeds
from bench.config import Config
from bench.errors import DataError
from bench.interactions import Int64Array, Interactions
from bench.protocol.fold import Fold, make_fold

TRAIN, VALIDATION, TEST, NOWHERE = 0, 1, 2, -1
Parts = np.ndarray[tuple[int], np.dtype[np.int8]]


class Splitter(Config):
    """Base of all splitters: a config whose `assign` gives every row its part."""

    def split(self, data: Interactions, seed: int) -> Fold:
        """The fold of `data`; the same data and seed give the same fold."""
        part, excluded = self.assign(data, seed)
        return make_fold(data, part, excluded)

    @abstractmethod
    def assign(self, data: Interactions, seed: int) -> tuple[Parts, dict[str, int]]:
        """int8[n], the part of each row, and how many users were excluded, by reason."""


class Holdout(Splitter):
    """A random share of each user's interactions, drawn per user. Users with fewer than three stay in train."""

    validation: float = Field(default=0.1, gt=0, lt=1)
    """Share of a user's interactions held out for validation, at least one."""
    test: float = Field(default=0.1, gt=0, lt=1)
    """Share of a user's interactions held out for test, at least one."""

    def assign(self, data: Interactions, seed: int) -> tuple[Parts, dict[str, int]]:
        if self.validation + self.test >= 1:
            raise DataError(f"validation + test must be below 1. Got {self.validation} + {self.test}.")
        canonical = np.lexsort((data.item, data.user))
        draw = np.empty(len(data))
        draw[canonical] = seeds.generator(seed, "holdout").random(len(data))
        rank, size = _rank_within_user(data, draw)
        n_test, n_validation = _share(size, self.test), _share(size, self.validation)
        part = np.where(rank < n_test, TEST, np.where(rank < n_test + n_validation, VALIDATION, TRAIN))
        return _keep_short_users(data, part, size, 3)


class NextItem(Splitter):
    """The last interaction of each user is tested, the one before it validates. Users with fewer than three
    stay in train. Events of the same second keep the order of the source.
    """

    def assign(self, data: Interactions, seed: int) -> tuple[Parts, dict[str, int]]:
        rank, size = _rank_within_user(data, _times(data, "next-item"))
        from_end = size - 1 - rank
        part = np.where(from_end == 0, TEST, np.where(from_end == 1, VALIDATION, TRAIN))
        return _keep_short_users(data, part, size, 3)


class Temporal(Splitter):
    """Two cut points on the timeline of all users: before the first is train, after the second is test.

    A cut falls between two seconds, so that no second is on both of its sides.
    """

    validation: float = Field(default=0.1, gt=0, lt=1)
    """Share of all interactions between the cut points."""
    test: float = Field(default=0.1, gt=0, lt=1)
    """Share of all interactions after the second cut point."""

    def assign(self, data: Interactions, seed: int) -> tuple[Parts, dict[str, int]]:
        if self.validation + self.test >= 1:
            raise DataError(f"validation + test must be below 1. Got {self.validation} + {self.test}.")
        times = _times(data, "temporal")
        ordered = np.sort(times)
        n = len(ordered)
        first_cut = ordered[min(n - 1, round(n * (1 - self.validation - self.test)))]
        second_cut = ordered[min(n - 1, round(n * (1 - self.test)))]
        part = np.where(times >= second_cut, TEST, np.where(times >= first_cut, VALIDATION, TRAIN))
        return part.astype(np.int8), {}


def _times(data: Interactions, splitter: str) -> Int64Array:
    if data.timestamp is None:
        raise DataError(f"the splitter '{splitter}' needs timestamps, and this data set has none.")
    return data.timestamp


def _rank_within_user(data: Interactions, key: np.ndarray[Any, Any]) -> tuple[Int64Array, Int64Array]:
    """int64[n]: each row's position among its user's rows by `key`, and the user's number of rows."""
    order = np.lexsort((np.arange(len(data)), key, data.user))
    size = np.bincount(data.user, minlength=data.n_users)
    start = np.concatenate([[0], np.cumsum(size)])[:-1]
    rank = np.empty(len(data), np.int64)
    rank[order] = np.arange(len(data)) - start[data.user[order]]
    return rank, size[data.user]


def _share(size: Int64Array, share: float) -> Int64Array:
    return np.asarray(np.maximum(1, np.floor(size * share + 0.5)), np.int64)


def _keep_short_users(
    data: Interactions, part: np.ndarray[Any, Any], size: Int64Array, minimum: int
) -> tuple[Parts, dict[str, int]]:
    short = len(np.unique(data.user[size < minimum]))
    part = np.where(size < minimum, TRAIN, part)
    return part.astype(np.int8), {f"users with fewer than {minimum} interactions (train only)": short}
