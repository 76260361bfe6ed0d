"""Metrics over ranked lists, each with its definition, range, direction and version."""

from bench.metrics.base import CatalogueMetric, Judged, Metric, UserMetric
from bench.metrics.selection import parse_metrics

__all__ = ["CatalogueMetric", "Judged", "Metric", "UserMetric", "parse_metrics"]
