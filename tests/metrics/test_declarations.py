"""What a metric says of itself, how it is written, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bench.builtins import METRICS
from bench.errors import UnknownNameError, UsageError
from bench.metrics import Evidence, HitMetric, Metric, Rated
from bench.plugins import load_registries

REGISTRY = load_registries().metrics
KINDS: dict[str, type[Metric]] = {name: REGISTRY.get(name) for name in METRICS}


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_says_what_it_is(name: str) -> None:
    kind = KINDS[name]
    assert kind.name == name
    assert "__doc__" in vars(kind) and kind.__doc__
    assert "definition" in vars(kind) and kind.definition.endswith(".")
    assert kind.reference
    assert kind.undefined
    assert kind.version >= 1
    assert kind.range[0] < kind.range[1]


def test_no_two_metrics_have_one_definition() -> None:
    assert len({kind.definition for kind in KINDS.values()}) == len(KINDS)


@pytest.mark.parametrize("label", ["ndcg", "ndcg@", "ndcg@ten", "ndcg@-1", "ndcg@1.5"])
def test_a_label_without_a_cutoff_is_refused(label: str, metric: Any) -> None:
    with pytest.raises(UsageError, match=r"written name@cut-off, such as 'ndcg@10'\. Got"):
        metric(label)


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if not kind.takes_cutoff])
def test_a_metric_of_whole_rankings_refuses_a_cutoff(name: str, metric: Any) -> None:
    assert metric(name).label == name
    with pytest.raises(UsageError, match=rf"'{name}' has no cut-off: write '{name}'\. Got '{name}@10'\."):
        metric(f"{name}@10")


def test_a_cutoff_of_zero_and_an_unknown_name_are_refused(metric: Any) -> None:
    with pytest.raises(UsageError, match=r"the cut-off of 'ndcg' must be an int in \[1, 100000\]\. Got 0\."):
        metric("ndcg@0")
    with pytest.raises(UnknownNameError, match=r"unknown metric 'ndgc'\. Did you mean 'ndcg'\?"):
        metric("ndgc@10")


@pytest.mark.parametrize(("label", "sampled"), [("ndcg@10", "sampled-ndcg@10"), ("auc", "sampled-auc")])
def test_a_sampled_metric_says_so_and_is_read_back(label: str, sampled: str, metric: Any) -> None:
    assert not metric(label).sampled
    assert metric(sampled).sampled
    assert metric(sampled).label == sampled


@pytest.mark.parametrize("name", [n for n, kind in KINDS.items() if kind.kind == "user" and kind.takes_cutoff])
def test_lists_shorter_than_the_cutoff_are_refused(name: str, judged: Any, metric: Any) -> None:
    with pytest.raises(UsageError, match=rf"'{name}@3' needs lists of length 3\. Got 2\."):
        metric(f"{name}@3").per_user(judged([[0, 1]], [[0]], 8))


MISSING = {
    Evidence.RANKS: ({"histories": [[1]]}, "this metric needs the rank of every relevant item, and none was given"),
    Evidence.TRAINING: ({"ranks": [1]}, "this metric needs the training data, and none was given"),
    Evidence.ITEM_FEATURES: ({"histories": [[1]]}, "this metric needs item features, and none were given"),
}


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind.needs])
def test_evidence_that_is_declared_is_needed(name: str, judged: Any, metric: Any) -> None:
    (need,) = KINDS[name].needs
    given, message = MISSING[need]
    with pytest.raises(UsageError, match=message):
        metric(f"{name}@1" if KINDS[name].takes_cutoff else name).per_user(judged([[0]], [[0]], 2, **given))


@pytest.mark.parametrize("name", [n for n, kind in KINDS.items() if issubclass(kind, HitMetric)])
def test_metrics_of_hits_need_nothing_else(name: str, judged: Any, metric: Any) -> None:
    assert metric(f"{name}@1").per_user(judged([[0]], [[0]], 2)).tolist() == [1.0]


def test_lists_and_truths_must_be_of_the_same_users(judged: Any) -> None:
    with pytest.raises(UsageError, match=r"each list needs its truth\. Got 1 lists and 2 truths\."):
        judged([[0]], [[0], [1]], 8)


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind.kind == "catalogue"])
def test_catalogue_metrics_of_nothing_are_undefined(name: str, topk: Any, metric: Any) -> None:
    found = metric(f"{name}@1" if KINDS[name].takes_cutoff else name)
    assert np.isnan(found.overall(topk([]), 0))


@pytest.mark.parametrize("name", ["gini@1", "entropy@1"])
def test_lists_that_recommend_nothing_have_no_distribution(name: str, topk: Any, metric: Any) -> None:
    assert np.isnan(metric(name).overall(topk([[-1], [-1]]), 3))


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind.judges == "rating"])
def test_rating_metrics_of_nothing_are_undefined(name: str, metric: Any) -> None:
    rated = Rated(np.zeros(0, np.int64), np.zeros(0), np.zeros(0), 2)
    assert np.isnan(metric(name).overall(rated))
    assert np.isnan(metric(name).per_user(rated)).tolist() == [True, True]
