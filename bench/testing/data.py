"""Tiny data with taste in it: two kinds of users, two kinds of items, and all that is awkward."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from bench import seeds
from bench.interactions import FeatureColumn, Features, IdArray, Int32Array, Int64Array, Interactions
from bench.protocol.fold import Fold, make_fold

N_USERS, N_ITEMS = 30, 20
UNSEEN_USERS = np.array([N_USERS - 2, N_USERS - 1], np.int32)
"""Users of the vocabulary without any interaction."""
COLD_ITEM = N_ITEMS - 1
"""An item of the catalogue that nobody ever met. Like every item, it has features."""


@cache
def tiny_fold(seed: int = 0) -> Fold:
    """28 users with 5 to 9 of 19 items, mostly those of their own taste, in time; 2 users and 1 item without.

    Users and items of even code share a taste, and so do those of odd code. The last interaction of each
    user is tested, the one before it validates. There are ratings, timestamps, item and user features.
    """
    data = _interactions(seed)
    last = np.cumsum(np.bincount(data.user))[data.user] - 1
    from_end = last - np.arange(len(data))
    part = np.select([from_end == 0, from_end == 1], [2, 1], 0).astype(np.int8)
    return make_fold(data, part, {}).with_features(tiny_features(data.item_ids), tiny_features(data.user_ids))


def other_fold() -> Fold:
    """Other interactions of the same users with the same items as those of `tiny_fold()`."""
    return tiny_fold(seed=1)


def tiny_features(ids: IdArray) -> Features:
    """A column of each kind, with gaps; text and tags follow the taste of even and odd codes."""
    codes = np.arange(len(ids))
    tags = np.empty(len(ids), object)
    tags[:] = [() if code % 7 == 6 else (("even", "odd")[code % 2], "all") for code in codes]
    columns = {
        "title": FeatureColumn("text", _strings([f"The {('Red', 'Blue')[code % 2]} Story {code}" for code in codes])),
        "shelf": FeatureColumn("category", _strings([("", "front", "back")[code % 3] for code in codes])),
        "genres": FeatureColumn("tags", tags),
        "year": FeatureColumn("number", np.where(codes % 5 == 4, np.nan, 1990.0 + codes)),
    }
    return Features(ids, columns)


def otherwise_described(features: Features, rows: Sequence[int] | Int32Array) -> Features:
    """Those of `tiny_features`, with other words, shelf, genres and year in some rows."""
    others: dict[str, Any] = {
        "title": "Red Red Story of Words",
        "shelf": "back",
        "genres": ("even", "new"),
        "year": 9e9,
    }
    columns = {}
    for name, column in features.columns.items():
        values = column.values.copy()
        for row in rows:
            values[row] = others[name]
        columns[name] = FeatureColumn(column.kind, values)
    return Features(features.ids, columns)


def one_item_catalogue() -> tuple[Interactions, Features]:
    """A catalogue of one item that five users rated 0, 1, …, and its features."""
    n = 5
    users, items = _ids("user", n), _ids("item", 1)
    train = Interactions(
        np.arange(n, dtype=np.int32), np.zeros(n, np.int32), users, items, np.arange(n, dtype=np.float32), np.arange(n)
    )
    return train, tiny_features(items)


def _interactions(seed: int) -> Interactions:
    """Row by row in time within each user."""
    rng = seeds.generator(seed, "tiny data")
    lists = [_draw(rng, user) for user in range(N_USERS - len(UNSEEN_USERS))]
    user = np.repeat(np.arange(len(lists)), [len(items) for items in lists]).astype(np.int32)
    item = np.concatenate(lists).astype(np.int32)
    rating = rng.integers(1, 6, len(user)).astype(np.float32)
    timestamp = 1_000_000_000 + 60 * np.arange(len(user), dtype=np.int64)
    return Interactions(user, item, _ids("user", N_USERS), _ids("item", N_ITEMS), rating, timestamp)


def _draw(rng: np.random.Generator, user: int) -> Int64Array:
    items = np.arange(N_ITEMS - 1)
    liking = np.where(items % 2 == user % 2, 8.0, 1.0)
    return rng.choice(items, size=rng.integers(5, 10), replace=False, p=liking / liking.sum())


def _ids(word: str, n: int) -> IdArray:
    return _strings([f"{word}-{code:02d}" for code in range(n)])


def _strings(values: list[str]) -> IdArray:
    return np.array(values, object)
