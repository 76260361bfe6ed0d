"""The joint model against numpy; mixing and switching by hand; members and what they bring."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bench.algorithm import Context, Need, UserBatch
from bench.errors import UnmetNeedError, UsageError
from bench.interactions import ItemLists
from bench.testing import (
    AlgorithmCase,
    assert_configuration_survives_json,
    assert_final_fit_ignores_validation,
    assert_refits,
    assert_reproducible,
    assert_save_load_identical,
    tiny_fold,
)
from bench.testing.data import COLD_ITEM, N_ITEMS
from bench_algorithms.content import Content
from bench_algorithms.hybrid import Hybrid, HybridSwitching, HybridWeighted, TwoMembers
from bench_algorithms.item_vectors import FeatureConfig, item_vectors
from bench_algorithms.linear import EASE
from bench_algorithms.neighbourhood import ItemKNN

VAE = {"collaborative": "vae", "collaborative_config": {"epochs": 3}}


def context() -> Context:
    return Context(item_features=tiny_fold().item_features, evaluate=lambda model, users: 0.5)


def fitted(model: Any) -> Any:
    return model.fit(tiny_fold().train, None, context())


def batch(*histories: list[int]) -> UserBatch:
    return UserBatch(np.arange(len(histories), dtype=np.int32), ItemLists.from_lists(histories, N_ITEMS))


def everyone() -> UserBatch:
    return UserBatch(tiny_fold().test.users, tiny_fold().test.history)


def test_without_content_the_joint_model_is_ease() -> None:
    joint, ease = fitted(Hybrid(content_weight=0, l2=7)), fitted(EASE(l2=7))
    np.testing.assert_allclose(joint.score(everyone()), ease.score(everyone()), atol=1e-6)


def stacked(weight: float) -> np.ndarray:
    """[n_users + n_tokens, n_items]"""
    fold = tiny_fold()
    assert fold.item_features is not None
    attributes = item_vectors(fold.item_features, fold.train, FeatureConfig()).toarray()
    return np.vstack([fold.train.csr().toarray(), np.sqrt(weight) * attributes.T]).astype(np.float64)


def test_the_joint_model_is_ease_on_interactions_stacked_on_attributes() -> None:
    trained = np.unique(tiny_fold().train.item)
    X = stacked(3.0)[:, trained]
    P = np.linalg.inv(X.T @ X + 7 * np.eye(len(trained)))
    B = -P / np.diag(P)
    np.fill_diagonal(B, 0)
    expected = everyone().history.csr().toarray()[:, trained] @ B
    scores = fitted(Hybrid(content_weight=3, l2=7)).score(everyone())
    np.testing.assert_allclose(scores[:, trained], expected, rtol=1e-5, atol=1e-6)


def test_the_joint_model_rebuilds_an_item_nobody_had_by_ridge_regression_on_the_others() -> None:
    trained = np.unique(tiny_fold().train.item)
    assert COLD_ITEM not in trained
    X, target = stacked(3.0)[:, trained], stacked(3.0)[:, COLD_ITEM]
    padded, zeros = np.vstack([X, np.sqrt(7) * np.eye(len(trained))]), np.zeros(len(trained))
    expected = np.linalg.lstsq(padded, np.concatenate([target, zeros]))[0]
    weights = fitted(Hybrid(content_weight=3, l2=7)).weights
    np.testing.assert_allclose(weights[trained, COLD_ITEM], expected, rtol=1e-4, atol=1e-6)
    assert not weights[COLD_ITEM].any()


def test_the_joint_model_recommends_items_nobody_had() -> None:
    alike, unlike = batch([1, 5, 9], [0, 4, 8]).history.csr() @ fitted(Hybrid(content_weight=10, l2=5)).weights
    assert alike[COLD_ITEM] > unlike[COLD_ITEM]  # odd, as the items of the first
    assert fitted(EASE()).score(batch([1, 5, 9]))[0, COLD_ITEM] == 0


@pytest.mark.parametrize("normalisation", ["rank", "min-max", "z-score"])
@pytest.mark.parametrize(("share", "member"), [(0.0, ItemKNN()), (1.0, Content())])
def test_all_the_weight_on_one_member_keeps_its_order(share: float, member: Any, normalisation: Any) -> None:
    hybrid = fitted(HybridWeighted(content_weight=share, normalisation=normalisation)).score(everyone())
    alone = fitted(member).score(everyone())
    for row, history in enumerate(tiny_fold().test.history.csr()):
        left = np.setdiff1d(np.arange(N_ITEMS), history.indices)
        pairs = np.sign(np.subtract.outer(alone[row, left], alone[row, left]))
        ours = np.subtract.outer(hybrid[row, left], hybrid[row, left])
        assert (ours * pairs >= 0).all()
        assert (np.abs(ours[pairs == 0]) < 1e-6).all()


class Fixed:
    """Stands in for a fitted member: the same scores for everybody."""

    def __init__(self, *scores: float) -> None:
        self.scores = np.array(scores, np.float32)

    def score(self, batch: UserBatch) -> np.ndarray:
        return np.tile(self.scores, (len(batch), 1))


@pytest.mark.parametrize(
    ("normalisation", "expected"),
    [
        # Item 3 is in the history. Of 1, 2, 2, 6 the mean is 2.75 and the deviation 1.92; content is all the same.
        ("rank", [0, 0.5, 0.5, 0, 1]),
        ("min-max", [0, 0.2, 0.2, 0, 1]),
        ("z-score", [-0.91132, -0.39057, -0.39057, 0, 1.69245]),
    ],
)
def test_scores_are_normalised_over_what_is_not_in_the_history(normalisation: Any, expected: list[float]) -> None:
    hybrid = HybridWeighted(content_weight=0.25, normalisation=normalisation)
    hybrid.collaborative, hybrid.content = Fixed(1, 2, 2, 100, 6), Fixed(3, 3, 3, 3, 3)  # type: ignore[assignment]
    users = UserBatch(np.zeros(1, np.int32), ItemLists.from_lists([[3]], 5))
    np.testing.assert_allclose(hybrid.score(users)[0], 0.75 * np.array(expected), atol=1e-4)


def test_switching_switches_at_the_minimum_history() -> None:
    hybrid = HybridSwitching(minimum_history=2)
    hybrid.collaborative, hybrid.content = Fixed(1, 1), Fixed(2, 2)  # type: ignore[assignment]
    histories = ItemLists.from_lists([[0], [0, 1], [], [1, 0, 1]], 2)
    scores = hybrid.score(UserBatch(np.arange(4, dtype=np.int32), histories))
    assert scores[:, 0].tolist() == [2, 1, 2, 1]


def test_switching_gives_each_member_its_own_users_and_histories() -> None:
    users = batch([0, 2], [1, 3, 5, 7], [4], [0, 2, 4, 6, 8])
    scores = fitted(HybridSwitching(minimum_history=3)).score(users)
    knn, content = fitted(ItemKNN()).score(users), fitted(Content()).score(users)
    np.testing.assert_array_equal(scores, [content[0], knn[1], content[2], knn[3]])


def test_needs_are_those_of_the_members() -> None:
    assert HybridWeighted().needs == {Need.ITEM_FEATURES}
    assert HybridWeighted(collaborative="lstm").needs == {Need.ITEM_FEATURES, Need.TIMESTAMPS}
    assert HybridSwitching(content="popularity").needs == frozenset()


def test_a_member_without_what_it_needs_says_so() -> None:
    with pytest.raises(UnmetNeedError, match="needs item features"):
        HybridWeighted().fit(tiny_fold().train, None, replace(context(), item_features=None))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"collaborative": "item-kn"}, r"unknown algorithm 'item-kn'\. Did you mean 'item-knn'\? Known: "),
        ({"content_config": {"tag_weight": 1}}, r"the member 'content' has no field 'tag_weight'\. Did you mean"),
        ({"collaborative_config": {"k": 0}}, r"the field 'k' of the member 'item-knn' should be greater than"),
        ({"content_weight": 2}, r"the field 'content_weight' of HybridWeighted should be less than or equal to 1\."),
        ({"normalisation": "sum"}, r"the field 'normalisation' of HybridWeighted should be 'rank', 'min-max' or"),
    ],
)
def test_what_is_wrong_is_said_before_anything_runs(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=f"^{message}") as caught:
        HybridWeighted(**fields)
    assert "\n" not in str(caught.value)


def test_curves_and_details_tell_whose_they_are() -> None:
    where = context()
    HybridWeighted(**VAE).fit(tiny_fold().train, tiny_fold().validation, where)
    assert where.curves
    assert all(name.startswith("collaborative/") for name in where.curves)


def test_a_member_that_stops_early_is_fixed_for_the_final_fit() -> None:
    hybrid = HybridSwitching(**VAE)
    assert hybrid.uses_validation
    hybrid.fit(tiny_fold().train, tiny_fold().validation, context())
    final = HybridSwitching(hybrid.fitted_config)
    assert not final.uses_validation
    assert final.config.collaborative_config["epochs"] == 1  # every epoch was as good as the first


@pytest.mark.parametrize("hybrid", [HybridWeighted, HybridSwitching])
def test_neural_members_keep_the_contract(hybrid: type[TwoMembers[Any]]) -> None:
    case = AlgorithmCase(f"{hybrid.__name__} of a vae", VAE, algorithm=hybrid)
    for check in (
        assert_configuration_survives_json,
        assert_final_fit_ignores_validation,
        assert_refits,
        assert_reproducible,
        assert_save_load_identical,
    ):
        check(case)
