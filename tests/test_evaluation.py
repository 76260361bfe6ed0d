"""A metric's value is the mean over the users where it is defined; what lacks its evidence has none, and says so."""

from __future__ import annotations

import numpy as np
import pytest

from bench.batches import TopK
from bench.evaluation import evaluate, evaluate_ratings, lacking, mean_of_defined
from bench.interactions import FeatureColumn, Features, ItemLists
from bench.metrics import Background, Evidence, Judged, Metric, Rated, parse_metrics
from bench.plugins import load_registries

TRUTH = ItemLists.from_lists([[0, 1], [], [3]], 4)
LISTS = TopK(np.array([[0, 2], [1, 2], [0, 1]], np.int32), np.zeros((3, 2), np.float32))
RANKS = np.array([1, 3, 4])
ALL_EVIDENCE = ["ndcg@2", "auc", "novelty@2", "intra_list_diversity@2"]


def metrics(*labels: str) -> list[Metric]:
    return parse_metrics(labels, load_registries().metrics)


def known(features: bool = False) -> Background:
    kinds = FeatureColumn("tags", np.array([("a",), ("b",), ("a",), ("b",)], object))
    ids = np.array(["0", "1", "2", "3"], object)
    items = Features(ids, {"genre": kinds}) if features else None
    nothing = ItemLists.from_lists([[], [], []], 4)
    return Background(nothing, np.array([4, 4, 4]), np.array([3, 2, 1, 1]), 3, items)


def test_users_without_a_value_are_counted_and_in_no_mean() -> None:
    values, per_user, problems = evaluate(metrics("recall@2"), Judged(LISTS, TRUTH))
    found = values["recall@2"]
    assert (found.value, found.n_users, found.n_undefined) == (0.25, 2, 1)
    np.testing.assert_array_equal(per_user["recall@2"], [0.5, np.nan, 0.0])
    assert problems == []


def test_a_metric_that_nobody_has_a_value_in_is_none() -> None:
    nothing = ItemLists.from_lists([[], [], []], 4)
    found = evaluate(metrics("recall@2"), Judged(LISTS, nothing))[0]["recall@2"]
    assert (found.value, found.n_users, found.n_undefined) == (None, 0, 3)


def test_a_metric_of_all_lists_has_no_values_per_user() -> None:
    values, per_user, _ = evaluate(metrics("coverage@2"), Judged(LISTS, TRUTH))
    assert (values["coverage@2"].value, values["coverage@2"].n_users) == (0.75, 3)
    assert per_user == {}


@pytest.mark.parametrize(
    ("judged", "missing"),
    [
        (Judged(LISTS, TRUTH), [[], [Evidence.RANKS], [Evidence.TRAINING], [Evidence.ITEM_FEATURES]]),
        (Judged(LISTS, TRUTH, None, RANKS), [[], [Evidence.RANKS], [Evidence.TRAINING], [Evidence.ITEM_FEATURES]]),
        (Judged(LISTS, TRUTH, known()), [[], [Evidence.RANKS], [], [Evidence.ITEM_FEATURES]]),
        (Judged(LISTS, TRUTH, known(), RANKS), [[], [], [], [Evidence.ITEM_FEATURES]]),
        (Judged(LISTS, TRUTH, known(features=True), RANKS), [[], [], [], []]),
    ],
)
def test_what_lacks_evidence_has_no_value_and_says_why(judged: Judged, missing: list[list[Evidence]]) -> None:
    asked = metrics(*ALL_EVIDENCE)
    assert [set(lacking(metric, judged)) & set(Evidence) for metric in asked] == [set(one) for one in missing]
    values, per_user, problems = evaluate(asked, judged)
    lacks = {label for label, needs in zip(ALL_EVIDENCE, missing, strict=True) if needs}
    assert {label for label, found in values.items() if found.value is None} == lacks
    assert set(per_user) == set(ALL_EVIDENCE) - lacks
    assert [problem.split(" needs ")[0] for problem in problems] == [one for one in ALL_EVIDENCE if one in lacks]
    assert all(values[label].n_users == 0 for label in lacks)


def test_the_value_of_a_rating_metric_is_its_own_and_not_the_mean_of_users() -> None:
    rated = Rated(np.array([0, 0, 0, 1]), np.array([3.0, 3, 3, 3]), np.array([4.0, 4, 4, 6]), 3)
    values, per_user = evaluate_ratings(metrics("rmse", "rmse_user", "mae", "mae_user"), rated)
    assert values["rmse"].value == pytest.approx(np.sqrt((1 + 1 + 1 + 9) / 4))
    assert values["rmse_user"].value == pytest.approx((1 + 3) / 2)
    assert (values["mae"].value, values["mae"].higher_is_better) == (1.5, False)
    assert (values["rmse"].n_users, values["rmse"].n_undefined) == (2, 1)
    np.testing.assert_array_equal(per_user["mae_user"], [1, 3, np.nan])


def test_the_mean_of_nothing_is_undefined() -> None:
    assert np.isnan(mean_of_defined(np.array([np.nan])))
    assert mean_of_defined(np.array([np.nan, 1.0, 2.0])) == 1.5
