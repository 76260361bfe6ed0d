"""Attributes as networks take them: the terms that training has, and the sums of their embeddings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy import sparse

from bench.errors import UnmetNeedError
from bench.interactions import FeatureColumn, Features, Interactions
from bench_algorithms.feature_terms import TermsConfig, item_terms, optional_item_terms, optional_user_terms
from bench_algorithms.feature_terms_network import FeatureSum, TermSum
from bench_algorithms.item_vectors import item_vectors

CONFIG = TermsConfig(attribute_weight=0.5)
TAGS = [("a", "b"), ("b",), ("c",), ("b", "c", "d")]
"""Of four items, or users; the last two have no training rows."""


def described(tags: list[Any], ids: np.ndarray) -> Features:
    values = np.empty(len(tags), object)
    values[:] = tags
    return Features(ids, {"tags": FeatureColumn("tags", values)})


def interactions(user: list[int], item: list[int], n_users: int, n_items: int) -> Interactions:
    ids = [np.array([f"{code:02d}" for code in range(n)], object) for n in (n_users, n_items)]
    return Interactions(np.array(user, np.int32), np.array(item, np.int32), *ids)


TRAIN = interactions([0, 1, 2], [0, 1, 0], 3, 4)


def test_terms_that_no_item_of_training_has_are_left_out() -> None:
    features = described(TAGS, TRAIN.item_ids)
    terms = item_terms(features, TRAIN, CONFIG).toarray()
    np.testing.assert_allclose(terms, 0.5 * item_vectors(features, TRAIN, CONFIG).toarray()[:, :2], rtol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(terms[:2], axis=1), 0.5, rtol=1e-6)
    assert not terms[2].any()  # c is nobody's
    assert terms[3, 0] == 0 < terms[3, 1] < 0.5


def test_users_have_the_statistics_of_users_of_training() -> None:
    """As items would with the roles swapped: users 0 and 1 of four are of training."""
    rated = interactions([0, 1, 0], [0, 1, 2], 4, 3)
    swapped = interactions([0, 1, 2], [0, 1, 0], 3, 4)
    expected = item_terms(described(TAGS, swapped.item_ids), swapped, CONFIG)
    np.testing.assert_array_equal(
        optional_user_terms(described(TAGS, rated.user_ids), rated, CONFIG).toarray(), expected.toarray()
    )


def test_there_are_no_terms_where_there_is_nothing_to_describe() -> None:
    nothing = described([(), (), ("c",), ("d",)], TRAIN.item_ids)
    for features in (None, nothing):
        assert optional_item_terms(features, TRAIN, CONFIG).shape == (4, 0)
        assert optional_user_terms(features and described([()] * 3, TRAIN.user_ids), TRAIN, CONFIG).shape == (3, 0)
    with pytest.raises(UnmetNeedError, match="needs item features with a value and a weight in training"):
        item_terms(nothing, TRAIN, CONFIG)


def test_a_vector_is_the_sum_of_the_embeddings_of_its_features() -> None:
    weights = np.array([[1, 0, 2], [0, 0, 0], [0, 3, 0], [4, 5, 6]], np.float32)
    torch.manual_seed(0)
    network = FeatureSum(sparse.csr_matrix(weights), np.array([True, True, False, True]), 5, 0.1).requires_grad_(False)
    expected = network.identity.weight + torch.from_numpy(weights) @ network.terms.embed.weight
    torch.testing.assert_close(network(torch.arange(4)), expected)
    torch.testing.assert_close(network(torch.tensor([3, 1, 1, 0])), expected[[3, 1, 1, 0]])
    assert not network.identity.weight[2].any()
    assert network(torch.empty(0, dtype=torch.int64)).shape == (0, 5)


def test_without_terms_vectors_are_zero_and_have_a_gradient() -> None:
    network = TermSum(sparse.csr_matrix((3, 0), dtype=np.float32), 5, 0.1)
    vectors = network(torch.tensor([2, 0]))
    assert vectors.tolist() == [[0.0] * 5] * 2
    vectors.sum().backward()
    assert network.embed.weight.grad is not None
