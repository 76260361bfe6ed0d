"""Metrics of parts: of groups of users, and of groups of items. A family is one way to divide all users, or all items.

By default users are divided by activity ("user-activity") and by whether they are in the training data
("user-training"), items by popularity ("item-popularity") and by whether they are in the training data
("item-training"). Columns of the user features make further families: "user:gender".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bench.batches import EvalSet
from bench.card import Strict
from bench.errors import UnknownNameError, UsageError
from bench.interactions import BoolArray, FeatureColumn, Features, Float64Array, Int64Array, Interactions
from bench.metrics import HitMetric, Judged, Metric, Rated, RatingMetric

THIRDS = ("low", "middle", "high")
POPULARITY = ("head", "mid", "tail")
TRAINING = ("cold", "warm")


@dataclass(frozen=True, eq=False)
class Groups:
    """A family. names: of its groups; codes: int64[n], which group each user or item is in, −1 for none."""

    names: tuple[str, ...]
    codes: Int64Array

    def members(self) -> Iterable[tuple[str, BoolArray]]:
        """Each group that anything is in, with bool[n]: what is."""
        for code, name in enumerate(self.names):
            inside = self.codes == code
            if inside.any():
                yield name, inside


class SliceValue(Strict):
    """What the metrics are in one group."""

    n_users: int
    """Users in the group; of a group of items, users with relevant items among them."""
    metrics: dict[str, float | None]
    """By label; None where undefined for all of them."""


def user_groups(
    asked: EvalSet, train: Interactions, features: Features | None = None, columns: Sequence[str] = ()
) -> dict[str, Groups]:
    """The families that the b users of an evaluation are divided into. features: of users; columns: of these.

    A category divides as it is, a number into thirds; a user without a value is in no group. Raises
    UnknownNameError for a column that there is not, UsageError for one that is neither category nor number.
    """
    counts = np.bincount(train.user, minlength=train.n_users)
    families = {
        "user-activity": Groups(THIRDS, thirds(asked.history.lengths.astype(np.float64))),
        "user-training": Groups(TRAINING, (counts[asked.users] > 0).astype(np.int64)),
    }
    if not columns:
        return families
    known = features.aligned(train.user_ids).columns if features is not None else {}
    for name in columns:
        if name not in known:
            raise UnknownNameError("user feature", name, known)
        families[f"user:{name}"] = _by_column(name, known[name].take(asked.users.astype(np.int64)))
    return families


def _by_column(name: str, column: FeatureColumn) -> Groups:
    if column.kind == "number":
        return Groups(THIRDS, thirds(np.asarray(column.values, np.float64)))
    if column.kind == "category":
        names = sorted(set(column.values) - {""})
        number = {value: code for code, value in enumerate(names)}
        return Groups(tuple(names), np.array([number.get(value, -1) for value in column.values], np.int64))
    raise UsageError(f"users are divided by a category or a number. Got '{name}', which is {column.kind}.")


def item_groups(item_users: Int64Array) -> dict[str, Groups]:
    """The families that the catalogue is divided into. item_users: int64[n_items], training users of each item."""
    return {
        "item-popularity": Groups(POPULARITY, popularity_thirds(item_users)),
        "item-training": Groups(TRAINING, (item_users > 0).astype(np.int64)),
    }


def thirds(values: Float64Array) -> Int64Array:
    """int64[n]: 0, 1, 2 for the lowest, the middle and the highest third of values; −1 for NaN.

    Equal values stay together, in the third that the middle of them falls into: if all are equal, the middle one.
    """
    known = ~np.isnan(values)
    ordered = np.sort(values[known])
    below, upto = (np.searchsorted(ordered, values[known], side) for side in ("left", "right"))
    codes = np.full(len(values), -1, np.int64)
    codes[known] = 3 * (below + upto) // max(2 * len(ordered), 1)
    return codes


def popularity_thirds(item_users: Int64Array) -> Int64Array:
    """int64[n_items]: 0, 1, 2 for head, mid and tail, each holding about a third of the training interactions.

    An item is in the head if all more popular items together hold less than a third of them, in the mid if less
    than two thirds, else in the tail, as is every item without any; equally popular items stay together. (After
    Abdollahpouri, Mansoury, Burke, Mobasher, Malthouse: User-centered evaluation of popularity bias in
    recommender systems. UMAP 2021, who cut at 20 % and 80 %.)
    """
    ascending = np.sort(item_users)
    upto = np.searchsorted(ascending, item_users, side="right")
    total = int(ascending.sum())
    above = total - np.concatenate([[0], np.cumsum(ascending)])[upto]
    return np.where(item_users > 0, 3 * above // max(total, 1), 2).astype(np.int64)


def slice_values(
    metrics: Iterable[Metric],
    judged: Judged,
    per_user: Mapping[str, Float64Array],
    users: Mapping[str, Groups],
    items: Mapping[str, Groups],
) -> dict[str, dict[str, SliceValue]]:
    """By family and group, the mean of every metric over the users where it is defined. Empty groups are left out.

    per_user: float64[b] by label. A group of users has the mean of these. A group of items has the metrics of
    hits anew, with only these items relevant in the same lists; it is empty if no user has a relevant one.
    """
    values = {family: _of_users(per_user, groups) for family, groups in users.items()}
    hit_metrics = [metric for metric in metrics if isinstance(metric, HitMetric)]
    return values | {family: _of_items(hit_metrics, judged, groups) for family, groups in items.items()}


def rating_slices(
    metrics: Iterable[Metric], rated: Rated, users: Mapping[str, Groups]
) -> dict[str, dict[str, SliceValue]]:
    """By family and group of users, every metric of the ratings of these users alone."""
    wanted = [metric for metric in metrics if isinstance(metric, RatingMetric)]
    return {
        family: {
            name: SliceValue(n_users=int(inside.sum()), metrics=_of_ratings(wanted, rated.of(inside)))
            for name, inside in groups.members()
        }
        for family, groups in users.items()
    }


def _of_ratings(metrics: Iterable[RatingMetric], rated: Rated) -> dict[str, float | None]:
    values = {metric.label: metric.overall(rated) for metric in metrics}
    return {label: None if np.isnan(value) else value for label, value in values.items()}


def _of_users(per_user: Mapping[str, Float64Array], groups: Groups) -> dict[str, SliceValue]:
    return {
        name: SliceValue(
            n_users=int(inside.sum()), metrics={label: _mean(values[inside]) for label, values in per_user.items()}
        )
        for name, inside in groups.members()
    }


def _of_items(metrics: Sequence[HitMetric], judged: Judged, groups: Groups) -> dict[str, SliceValue]:
    found = {}
    for name, inside in groups.members():
        part = judged.about(inside)
        n_users = int((part.n_relevant > 0).sum())
        if n_users:
            values = {metric.label: _mean(metric.per_user(part)) for metric in metrics}
            found[name] = SliceValue(n_users=n_users, metrics=values)
    return found


def _mean(values: Float64Array) -> float | None:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else None


def gap(values: Iterable[float | None]) -> float:
    """How unequal a metric is between the groups of a family: the greatest value minus the least.

    Groups where it is undefined are passed over; NaN if fewer than two are left. (Ekstrand, Das, Burke, Diaz:
    Fairness in information access systems. Foundations and Trends in IR 16(1–2), 2022.)
    """
    defined = [value for value in values if value is not None]
    return max(defined) - min(defined) if len(defined) > 1 else float("nan")
