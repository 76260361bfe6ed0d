"""Names in MLflow."""

from __future__ import annotations

import pytest
from mlflow.utils.validation import _validate_metric_name, _validate_param_name

from bench.tracking.naming import (
    MAX_KEY,
    cost_key,
    curve_key,
    experiment_name,
    metric_key,
    metric_label,
    param_key,
)

LABELS = ["ndcg@10", "recall@1", "coverage@100", "item_gini@5", "meets_at_noon@3", "rmse"]


def test_metric_names_are_fixed() -> None:
    assert metric_key("ndcg@10") == "test/ndcg_at_10"
    assert cost_key("fit_seconds") == "cost/fit_seconds"
    assert curve_key("train_loss") == "curve/train_loss"
    assert experiment_name("movielens-v1", "holdout") == "movielens-v1/holdout"


@pytest.mark.parametrize("label", LABELS)
def test_metric_names_go_both_ways(label: str) -> None:
    assert metric_label(metric_key(label)) == label


@pytest.mark.parametrize("name", ["ndcg@10", "loss (total)", "a//b", "../up", "/root", "gen:loss", "é", "x" * 400, "@"])
def test_any_name_becomes_one_that_mlflow_takes(name: str) -> None:
    for key in (metric_key(name), curve_key(name)):
        _validate_metric_name(key)
        assert len(key) <= MAX_KEY
    _validate_param_name(param_key(name))
