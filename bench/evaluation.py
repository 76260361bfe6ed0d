"""The values of metrics over ranked lists, or over predicted ratings, beside their truth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from bench.interactions import Float64Array
from bench.metrics import CatalogueMetric, Evidence, HitMetric, Judged, Metric, Rated, RatingMetric, UserMetric
from bench.records import MetricValue

LONGEST_CURVE = 100
"""The greatest cut-off that a curve is kept of: the work grows with its square."""


def lacking(metric: Metric, judged: Judged) -> list[Evidence]:
    """What a metric needs and does not have here."""
    background = judged.background
    have = {
        Evidence.RANKS: judged.truth_ranks is not None and background is not None,
        Evidence.TRAINING: background is not None,
        Evidence.ITEM_FEATURES: background is not None and background.item_features is not None,
    }
    return sorted(need for need in metric.needs if not have[need])


def measure(metric: Metric, judged: Judged) -> tuple[float, Float64Array | None]:
    """A metric's value, NaN where it is undefined for all, and its values per user where it has them."""
    if isinstance(metric, UserMetric):
        values = metric.per_user(judged)
        return mean_of_defined(values), values
    assert isinstance(metric, CatalogueMetric)
    return metric.overall(judged.topk, judged.truth.n_items), None


def mean_of_defined(values: Float64Array) -> float:
    """The mean without NaN; NaN where nothing is left."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else float("nan")


def evaluate(
    metrics: Iterable[Metric], judged: Judged
) -> tuple[dict[str, MetricValue], dict[str, Float64Array], list[str]]:
    """Every metric's value, and per user where there is one a user, by label; and which could not be computed
    and why. Such a metric has no value.
    """
    values: dict[str, MetricValue] = {}
    per_user: dict[str, Float64Array] = {}
    problems: list[str] = []
    for metric in metrics:
        missing = lacking(metric, judged)
        if missing:
            problems.append(f"{metric.label} needs {', '.join(missing)}, which there is not.")
            values[metric.label] = describe(metric, float("nan"), np.full(len(judged.topk), np.nan), len(judged.topk))
            continue
        value, users = measure(metric, judged)
        values[metric.label] = describe(metric, value, users, len(judged.topk))
        if users is not None:
            per_user[metric.label] = users
    return values, per_user, problems


def by_cutoff(metrics: Iterable[Metric], judged: Judged) -> dict[str, list[float]]:
    """What every metric of hits is at each cut-off from 1 to its own: by its name without a cut-off, where it has the
    greatest. Those of hits alone need no more than the lists, whose hits are found once; one that is undefined for
    every user, or whose cut-off is above 100, is left out.
    """
    of_hits = [metric for metric in metrics if isinstance(metric, HitMetric) and metric.k <= LONGEST_CURVE]
    longest = {metric.label.partition("@")[0]: metric for metric in sorted(of_hits, key=lambda metric: metric.k)}
    curves = {
        name: [
            mean_of_defined(type(metric)(k, sampled=metric.sampled).per_user(judged)) for k in range(1, metric.k + 1)
        ]
        for name, metric in longest.items()
    }
    return {name: values for name, values in curves.items() if not np.isnan(values).any()}


def evaluate_ratings(metrics: Sequence[Metric], rated: Rated) -> tuple[dict[str, MetricValue], dict[str, Float64Array]]:
    """Every rating metric's value, and its values per user, by label."""
    values, per_user = {}, {}
    for metric in metrics:
        assert isinstance(metric, RatingMetric)
        users = metric.per_user(rated)
        values[metric.label] = describe(metric, metric.overall(rated), users, rated.n_users)
        per_user[metric.label] = users
    return values, per_user


def describe(metric: Metric, value: float, per_user: Float64Array | None, n_users: int) -> MetricValue:
    """A value as it is recorded, with the users it is made of."""
    n_undefined = 0 if per_user is None else int(np.isnan(per_user).sum())
    return MetricValue(
        value=None if np.isnan(value) else value,
        version=metric.version,
        higher_is_better=metric.higher_is_better,
        n_users=n_users - n_undefined,
        n_undefined=n_undefined,
    )
