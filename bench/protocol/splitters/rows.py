"""Orders, draws and numbers of rows that several splitters need."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench import seeds
from bench.errors import DataError
from bench.interactions import Float64Array, Int64Array, Interactions
from bench.protocol.fold import TRAIN
from bench.protocol.splitters.base import Assignment


def times(data: Interactions, splitter: str) -> Int64Array:
    """int64[n], UTC seconds. Raises DataError, naming the splitter, if there are none."""
    if data.timestamp is None:
        raise DataError(f"the splitter '{splitter}' needs timestamps, and this data set has none.")
    return data.timestamp


def draw(data: Interactions, seed: int, purpose: str, *key: object) -> Float64Array:
    """float64[n] in [0, 1): a random number a row, the same in whatever order the rows are."""
    pair = data.user.astype(np.int64) * data.n_items + data.item
    canonical = np.argsort(pair)
    if not np.diff(pair[canonical]).all():  # a pair is there several times
        finer = [column for column in (data.rating, data.timestamp) if column is not None]
        canonical = np.lexsort((*finer, pair))
    drawn = np.empty(len(data))
    drawn[canonical] = seeds.generator(seed, purpose, *key).random(len(data))
    return drawn


def rank_within_user(data: Interactions, key: np.ndarray[Any, Any]) -> tuple[Int64Array, Int64Array]:
    """int64[n]: each row's position among its user's rows by `key`, and the user's number of rows.

    Rows with the same key keep their order.
    """
    order = np.lexsort((key, data.user))
    size = np.bincount(data.user, minlength=data.n_users)
    start = np.concatenate([[0], np.cumsum(size)])[:-1]
    rank = np.empty(len(data), np.int64)
    rank[order] = np.arange(len(data)) - start[data.user[order]]
    return rank, size[data.user]


def share_of(size: Int64Array | int, share: float) -> Int64Array:
    """The share of each size, rounded, at least one; a share of 0 is none."""
    return np.asarray(np.maximum(share > 0, np.floor(size * share + 0.5)), np.int64)


def keep_short_users(data: Interactions, part: np.ndarray[Any, Any], size: Int64Array, minimum: int) -> Assignment:
    """All of a user with fewer than `minimum` rows is train; size: int64[n], rows of each row's user."""
    short = len(np.unique(data.user[size < minimum]))
    part = np.where(size < minimum, TRAIN, part)
    return Assignment(part.astype(np.int8), {f"users with fewer than {minimum} interactions (train only)": short})
