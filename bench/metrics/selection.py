"""From names such as "ndcg@10" to metrics."""

from __future__ import annotations

from collections.abc import Iterable

from bench.errors import UsageError
from bench.metrics.base import Metric
from bench.registry import Registry


def parse_metrics(labels: Iterable[str], registry: Registry[type[Metric]]) -> list[Metric]:
    """The metrics of labels like "ndcg@10". Raises UsageError on a bad label, UnknownNameError on a bad name."""
    return [_parse(label, registry) for label in labels]


def _parse(label: str, registry: Registry[type[Metric]]) -> Metric:
    name, at, cutoff = label.partition("@")
    metric = registry.get(name)
    if not at or not cutoff.isdecimal():
        raise UsageError(f"a metric is written name@cut-off, such as 'ndcg@10'. Got '{label}'.")
    return metric(int(cutoff))
