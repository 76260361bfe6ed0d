"""What the data of a fold looks like, in few numbers: how popularity falls off, how active users are, and when."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bench.card import Strict
from bench.interactions import Float64Array, Int64Array, Interactions, distinct
from bench.metrics.catalogue import gini
from bench.protocol.fold import Fold

CURVE_STEPS = 50
LEVELS = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 1.0)
ACTIVITY_BINS = 20
TIME_BINS = 60
_DIGITS = 5
"""Decimals that are kept of a share: they are drawn, and a record is small."""


class LongTail(Strict):
    """How unevenly interactions fall on the items of the catalogue, of which some may have none in the fold.

    The curve is linear from one item to the next, so a share of the items need not be a whole number of them.
    """

    item_shares: list[float]
    """Shares of the catalogue, the most popular items first, from 0 to 1; closer together near 0."""
    interaction_shares: list[float]
    """The share of all interactions that each of these has: the curve's other axis."""
    top_1_percent: float
    """Share of the interactions that the most popular 1 % of the items have."""
    top_5_percent: float
    top_20_percent: float
    gini: float
    """0 if all items have equally many interactions, near 1 if few have all; as the metric `gini` is defined."""


class Activity(Strict):
    """Interactions a user, over the users that have any in the fold."""

    levels: list[float]
    """From 0, the least active user, to 1, the most active."""
    quantiles: list[float]
    """The number of interactions at each of the levels, linear between users."""
    edges: list[int]
    """Bounds of the bins, about equally far apart in logarithms: a bin is from one to below the next."""
    users: list[int]
    """How many users are in each bin: one fewer than there are edges."""


class Timeline(Strict):
    """When the interactions of each part took place. Times are UTC seconds."""

    first: int
    last: int
    counts: dict[str, list[int]]
    """By part, named as in the record's `fold.interactions`: interactions in each of the bins, which are equally
    long from `first` to `last`."""
    cuts: dict[str, int]
    """By part, validation or test: its first second, if all that comes before it in the protocol is earlier; so there
    are none where the parts overlap in time."""


class FoldProfile(Strict):
    """What the data of a fold looks like, over the interactions of all of its parts."""

    density: float
    """Share of the pairs of a user and an item that have an interaction."""
    long_tail: LongTail
    activity: Activity
    timeline: Timeline | None = None
    """None without timestamps."""


def profile_of(fold: Fold) -> FoldProfile:
    """The profile of a fold: a pass over its interactions, and one sort of their pairs."""
    parts = _parts(fold)
    user, item = (np.concatenate([getattr(rows, name) for rows in parts.values()]) for name in ("user", "item"))
    n_users, n_items = fold.train.n_users, fold.train.n_items
    pairs = distinct(user.astype(np.int64) * n_items + item)
    return FoldProfile(
        density=len(pairs) / (n_users * n_items),
        long_tail=_long_tail(np.bincount(item, minlength=n_items)),
        activity=_activity(np.bincount(user, minlength=n_users)),
        timeline=_timeline(parts),
    )


def _parts(fold: Fold) -> dict[str, Interactions]:
    """The parts that hold anything, by the names of the fold's counts, in the order of the protocol."""
    histories = fold.validation_history.concat(fold.test_history)
    own = [fold.train, fold.held_validation, fold.held_test, histories]
    named = zip(("train", "validation", "test", "history of users not trained on"), own, strict=True)
    return {name: rows for name, rows in named if len(rows)}


def _long_tail(counts: Int64Array) -> LongTail:
    """counts: int64[n_items], the interactions of each item."""
    reached = np.concatenate([[0], np.cumsum(np.sort(counts)[::-1])]) / counts.sum()
    whole = np.arange(len(counts) + 1) / len(counts)
    shares = (np.arange(CURVE_STEPS + 1) / CURVE_STEPS) ** 2
    top = [float(np.interp(share, whole, reached)) for share in (0.01, 0.05, 0.2)]
    return LongTail(
        item_shares=_rounded(shares),
        interaction_shares=_rounded(np.interp(shares, whole, reached)),
        top_1_percent=round(top[0], _DIGITS),
        top_5_percent=round(top[1], _DIGITS),
        top_20_percent=round(top[2], _DIGITS),
        gini=round(gini(counts), _DIGITS),
    )


def _activity(counts: Int64Array) -> Activity:
    """counts: int64[n_users], the interactions of each user."""
    active = counts[counts > 0]
    edges = np.unique(np.rint(np.geomspace(active.min(), active.max() + 1, ACTIVITY_BINS + 1)).astype(np.int64))
    return Activity(
        levels=list(LEVELS),
        quantiles=_rounded(np.quantile(active, LEVELS)),
        edges=edges.tolist(),
        users=np.histogram(active, edges)[0].tolist(),
    )


def _timeline(parts: dict[str, Interactions]) -> Timeline | None:
    times = {name: rows.timestamp for name, rows in parts.items() if rows.timestamp is not None}
    if not times:
        return None
    first, last = min(int(own.min()) for own in times.values()), max(int(own.max()) for own in times.values())
    bins = {name: (own - first) * TIME_BINS // (last - first + 1) for name, own in times.items()}
    counts = {name: np.bincount(own, minlength=TIME_BINS).tolist() for name, own in bins.items()}
    before = {"validation": ["train"], "test": ["train", "validation"]}
    starts = {name: int(times[name].min()) for name in before if name in times}
    cuts = {
        name: start
        for name, start in starts.items()
        if all(times[other].max() < start for other in before[name] if other in times)
    }
    return Timeline(first=first, last=last, counts=counts, cuts=cuts)


def _rounded(values: Float64Array | Sequence[float]) -> list[float]:
    return [round(float(value), _DIGITS) for value in values]
