"""Metrics over ranked lists and predicted ratings, each with its definition, range, direction and version."""

from bench.metrics.base import CatalogueMetric, Evidence, HitMetric, Metric, RatingMetric, UserMetric
from bench.metrics.judged import Background, Judged, Rated
from bench.metrics.selection import parse_metrics

__all__ = [
    "Background",
    "CatalogueMetric",
    "Evidence",
    "HitMetric",
    "Judged",
    "Metric",
    "Rated",
    "RatingMetric",
    "UserMetric",
    "parse_metrics",
]
