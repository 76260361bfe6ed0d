"""The values of metrics over ranked lists beside their truth."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from bench.interactions import Float64Array
from bench.metrics.base import CatalogueMetric, Judged, Metric, UserMetric
from bench.records import MetricValue


def measure(metric: Metric, judged: Judged) -> tuple[float, Float64Array | None]:
    """A metric's value, NaN where it is undefined for all, and its values per user where it has them."""
    if isinstance(metric, UserMetric):
        values = metric.per_user(judged)
        defined = values[~np.isnan(values)]
        return (float(defined.mean()) if len(defined) else float("nan")), values
    assert isinstance(metric, CatalogueMetric)
    return metric.overall(judged.topk, judged.truth.n_items), None


def evaluate(metrics: Iterable[Metric], judged: Judged) -> tuple[dict[str, MetricValue], dict[str, Float64Array]]:
    """Every metric's value, and per user where there is one a user, by label."""
    values: dict[str, MetricValue] = {}
    per_user: dict[str, Float64Array] = {}
    for metric in metrics:
        value, users = measure(metric, judged)
        n_undefined = 0 if users is None else int(np.isnan(users).sum())
        values[metric.label] = MetricValue(
            value=None if np.isnan(value) else value,
            version=metric.version,
            higher_is_better=metric.higher_is_better,
            n_users=len(judged.topk) - n_undefined,
            n_undefined=n_undefined,
        )
        if users is not None:
            per_user[metric.label] = users
    return values, per_user
