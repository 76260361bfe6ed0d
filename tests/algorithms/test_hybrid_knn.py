"""Neighbours by interactions and attributes: against a dense reference, by hand, and for items nobody had."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from bench.algorithm import Context, UserBatch
from bench.errors import UnmetNeedError, UsageError
from bench.interactions import FeatureColumn, Features
from bench.testing import tiny_fold
from bench.testing.case import batch_of, interactions_of
from bench.testing.data import COLD_ITEM, N_ITEMS
from bench_algorithms.hybrid_knn import HybridKNN
from bench_algorithms.item_vectors import FeatureConfig, item_vectors
from bench_algorithms.neighbourhood import ItemKNN


def fitted(model: Any) -> Any:
    return model.fit(tiny_fold().train, None, Context(item_features=tiny_fold().item_features))


def everyone() -> UserBatch:
    return tiny_fold().test.batch


def tagged(matrix: list[list[int]], *tags: tuple[str, ...], **fields: Any) -> HybridKNN:
    """A model of items with nothing but tags."""
    train, values = interactions_of(np.array(matrix)), np.empty(len(tags), object)
    values[:] = tags
    features = Features(train.item_ids, {"tags": FeatureColumn("tags", values)})
    return HybridKNN(**fields).fit(train, None, Context(item_features=features))


@pytest.mark.parametrize("k", [3, 1000])
@pytest.mark.parametrize("shrinkage", [0.0, 2.0])
def test_it_agrees_with_cosines_of_dense_joined_rows(k: int, shrinkage: float) -> None:
    fold, attributes = tiny_fold(), {"tags_weight": 0.7, "number_bins": 3}
    assert fold.item_features is not None
    vectors = item_vectors(fold.item_features, fold.train, FeatureConfig.model_validate(attributes)).toarray()
    rows = np.hstack([fold.train.csr().T.toarray(), math.sqrt(3) * vectors]).astype(np.float64)
    common = (rows > 0).astype(np.float64) @ (rows > 0).T
    lengths = np.linalg.norm(rows, axis=1)
    alike = rows @ rows.T / np.outer(lengths, lengths) * common / np.maximum(common + shrinkage, 1)
    np.fill_diagonal(alike, 0)
    alike[:, COLD_ITEM] = 0
    for row in alike:
        row[np.argsort(-row.astype(np.float32), kind="stable")[k:]] = 0
    scores = fitted(HybridKNN(content_weight=3, k=k, shrinkage=shrinkage, **attributes)).score(everyone())
    np.testing.assert_allclose(scores, everyone().history.csr() @ alike.T, rtol=1e-5)


def test_users_and_attributes_add_up_by_hand() -> None:
    # Item 0 is had by users 0 and 1; item 1 by user 0, with the tag of item 0; item 2 by user 1, with another.
    model = tagged([[1, 1, 0], [1, 0, 1]], ("a",), ("a",), ("b",), content_weight=4)
    scores = model.score(batch_of([0], [[0]], 3))[0]
    np.testing.assert_allclose(scores, [0, (1 + 4) / math.sqrt((2 + 4) * (1 + 4)), 1 / math.sqrt(6 * 5)], rtol=1e-6)


def test_hardly_any_content_is_item_knn_and_much_is_content_alone() -> None:
    matrix = [[1, 1, 0], [1, 1, 0], [0, 0, 1]]
    tags = [("a",), ("b",), ("a",)]
    by_users, by_tags = (tagged(matrix, *tags, content_weight=weight) for weight in (1e-9, 1e9))
    knn = ItemKNN().fit(interactions_of(np.array(matrix)), None, Context())
    history = batch_of([0], [[0]], 3)
    np.testing.assert_allclose(by_users.score(history), knn.score(history), atol=1e-6)
    np.testing.assert_allclose(by_tags.score(history), [[0, 0, 1]], atol=1e-6)


@pytest.mark.parametrize("measure", ["cosine", "asymmetric-cosine", "jaccard", "tversky"])
@pytest.mark.parametrize("weighting", ["none", "tf-idf", "bm25"])
def test_items_nobody_had_are_recommended_by_their_attributes(measure: Any, weighting: Any) -> None:
    model = fitted(HybridKNN(similarity=measure, weighting=weighting, k=4))
    odd, even = model.score(batch_of([0, 1], [[1, 5, 9], [0, 4, 8]], N_ITEMS))
    assert odd[COLD_ITEM] > even[COLD_ITEM]  # odd itself
    assert fitted(ItemKNN()).score(batch_of([0], [[1, 5, 9]], N_ITEMS))[0, COLD_ITEM] == 0


def test_an_item_nobody_had_is_nobodys_neighbour() -> None:
    # It has all that item 0 has, and with k = 1 would take the place of item 1.
    model = tagged([[1, 1, 0], [1, 0, 0]], ("a",), ("a", "b"), ("a",), k=1, content_weight=100)
    first, cold = model.score(batch_of([0, 1], [[1], [2]], 3))
    assert first[0] > 0
    assert not cold.any()


def test_an_item_without_attributes_is_compared_by_its_users() -> None:
    model = tagged([[1, 1, 0], [1, 0, 1], [0, 0, 1]], ("a",), (), ("a",), content_weight=1)
    scores = model.score(batch_of([0], [[1]], 3))[0]
    np.testing.assert_allclose(scores, [1 / math.sqrt(2 + 1), 0, 0], rtol=1e-6)


def test_without_features_it_says_what_it_needs() -> None:
    with pytest.raises(UnmetNeedError, match="needs item features, and this data set has none"):
        HybridKNN().fit(tiny_fold().train, None, Context())


def test_content_must_have_some_weight() -> None:
    with pytest.raises(UsageError) as caught:
        HybridKNN(content_weight=0)
    assert str(caught.value) == "the field 'content_weight' of HybridKNN should be greater than 0. Got 0."
