"""Which interactions take part: rating threshold, duplicates, minimum counts, k-core."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field

from bench.card import Strict
from bench.errors import DataError
from bench.interactions import BoolArray, Int32Array, Interactions


class Filters(Strict):
    """Applied in this order: rating, duplicates, user minimum, item minimum, k-core."""

    min_rating: float | None = None
    """Keep interactions rated at least this; they are the positives."""
    duplicates: Literal["first", "last", "keep", "error"] = "last"
    """What to keep where a user met the same item more than once, by time; "keep" keeps every event."""
    min_user_interactions: int = Field(default=1, ge=1)
    """Drop users with fewer interactions."""
    min_item_interactions: int = Field(default=1, ge=1)
    """Drop items with fewer interactions."""
    k_core: int = Field(default=1, ge=1)
    """Drop users and items with fewer interactions, again and again until nothing changes."""


@dataclass(frozen=True)
class Dropped:
    """What one filter took away."""

    step: str
    interactions: int
    users: int
    items: int


def apply_filters(data: Interactions, filters: Filters) -> tuple[Interactions, list[Dropped]]:
    """The interactions left, with compacted vocabularies, and what each step dropped.

    Raises DataError, naming the filter, if one leaves nothing.
    """
    log: list[Dropped] = []
    data = data.compact()
    if filters.min_rating is not None:
        data = _keep(data, _rated_at_least(data, filters.min_rating), f"min_rating {filters.min_rating:g}", log)
    if filters.duplicates != "keep":
        data = _keep(data, _unrepeated(data, filters.duplicates), f"duplicates ({filters.duplicates} kept)", log)
    if filters.min_user_interactions > 1:
        enough = _enough(data.user, filters.min_user_interactions)
        data = _keep(data, enough, f"min_user_interactions {filters.min_user_interactions}", log)
    if filters.min_item_interactions > 1:
        enough = _enough(data.item, filters.min_item_interactions)
        data = _keep(data, enough, f"min_item_interactions {filters.min_item_interactions}", log)
    if filters.k_core > 1:
        data = _keep(data, k_core(data, filters.k_core), f"k_core {filters.k_core}", log)
    return data, log


def k_core(data: Interactions, k: int) -> BoolArray:
    """bool[n]: the largest set of rows in which every user and every item has at least k."""
    alive = np.ones(len(data), np.bool_)
    while True:
        users = np.bincount(data.user[alive], minlength=data.n_users)
        items = np.bincount(data.item[alive], minlength=data.n_items)
        kept = alive & (users[data.user] >= k) & (items[data.item] >= k)
        if kept.sum() == alive.sum():
            return kept
        alive = kept


def _keep(data: Interactions, rows: BoolArray, step: str, log: list[Dropped]) -> Interactions:
    kept = data.select(rows).compact()
    if not len(kept):
        raise DataError(f"nothing is left after the filter '{step}' (it was given {len(data)} interactions).")
    dropped = Dropped(step, len(data) - len(kept), data.n_users - kept.n_users, data.n_items - kept.n_items)
    log.append(dropped)
    return kept


def _rated_at_least(data: Interactions, minimum: float) -> BoolArray:
    if data.rating is None:
        raise DataError("the filter 'min_rating' needs ratings, and this data set has none.")
    return np.asarray(data.rating >= minimum)


def _enough(codes: Int32Array, minimum: int) -> BoolArray:
    return np.asarray(np.bincount(codes)[codes] >= minimum)


def _unrepeated(data: Interactions, policy: str) -> BoolArray:
    order = np.arange(len(data)) if data.timestamp is None else np.argsort(data.timestamp, kind="stable")
    order = order[::-1] if policy == "last" else order
    pairs = data.user.astype(np.int64) * data.n_items + data.item
    _, first = np.unique(pairs[order], return_index=True)
    rows = np.zeros(len(data), np.bool_)
    rows[order[first]] = True
    if policy == "error" and not rows.all():
        raise DataError(
            f"{int((~rows).sum())} interactions repeat a user-item pair; "
            "the filter 'duplicates' allows none ('first' or 'last' would keep one, 'keep' all)."
        )
    return rows
