"""The joint model against numpy."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.algorithm import Context, UserBatch
from bench.interactions import ItemLists
from bench.testing import tiny_fold
from bench.testing.data import COLD_ITEM, N_ITEMS
from bench_algorithms.hybrid import Hybrid
from bench_algorithms.item_vectors import FeatureConfig, item_vectors
from bench_algorithms.linear import EASE


def fitted(model: Any) -> Any:
    return model.fit(tiny_fold().train, None, Context(item_features=tiny_fold().item_features))


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
