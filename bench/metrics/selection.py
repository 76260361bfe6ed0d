"""From names such as "ndcg@10" to metrics."""

from __future__ import annotations

from collections.abc import Iterable

from bench.errors import UsageError
from bench.metrics.base import SAMPLED, Metric
from bench.registry import Registry


def parse_metrics(labels: Iterable[str], registry: Registry[type[Metric]], *, sampled: bool = False) -> list[Metric]:
    """The metrics of labels like "ndcg@10" or "auc". sampled: whether their candidates are.

    Raises UsageError on a bad label, UnknownNameError on a bad name.
    """
    return [_parse(label, registry, sampled) for label in labels]


def _parse(label: str, registry: Registry[type[Metric]], sampled: bool) -> Metric:
    sampled = sampled or label.startswith(SAMPLED)
    name, at, cutoff = label.removeprefix(SAMPLED).partition("@")
    metric = registry.get(name)
    if not at and not metric.takes_cutoff:
        return metric(sampled=sampled)
    if not cutoff.isdecimal():
        raise UsageError(f"a metric is written name@cut-off, such as 'ndcg@10'. Got '{label}'.")
    return metric(int(cutoff), sampled=sampled)
