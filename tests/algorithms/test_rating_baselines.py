"""Biases by hand, against a slow fit, and for what has no ratings."""

from __future__ import annotations

import numpy as np
import pytest

from bench.algorithm import Context
from bench.interactions import Interactions
from bench_algorithms.rating_baselines import Bias, shrunken_means


def predicted(model: Bias, users: list[int], items: list[int]) -> list[float]:
    return [float(rating) for rating in model.predict(np.array(users, np.int32), np.array(items, np.int32))]


def slow(train: Interactions, epochs: int, of_users: float, of_items: float) -> np.ndarray:
    """float[n_users, n_items], rating by rating from the formulas."""
    assert train.rating is not None
    rows = list(zip(train.user.tolist(), train.item.tolist(), train.rating.tolist(), strict=True))
    mean = sum(rating for *_, rating in rows) / len(rows)
    user_bias, item_bias = [0.0] * train.n_users, [0.0] * train.n_items
    for _ in range(epochs):
        for i in range(train.n_items):
            left = [rating - mean - user_bias[u] for u, item, rating in rows if item == i]
            item_bias[i] = sum(left) / (len(left) + of_items) if left else 0.0
        for u in range(train.n_users):
            left = [rating - mean - item_bias[i] for user, i, rating in rows if user == u]
            user_bias[u] = sum(left) / (len(left) + of_users) if left else 0.0
    return np.clip(mean + np.array(user_bias)[:, None] + np.array(item_bias), 0.5, 5)


@pytest.mark.parametrize(("epochs", "of_users", "of_items"), [(1, 15.0, 10.0), (10, 15.0, 10.0), (4, 0.0, 0.5)])
def test_agrees_with_a_slow_one(ratings: Interactions, epochs: int, of_users: float, of_items: float) -> None:
    model = Bias(epochs=epochs, user_regularisation=of_users, item_regularisation=of_items)
    model.fit(ratings, None, Context())
    users, items = np.divmod(np.arange(25 * 18, dtype=np.int32), np.int32(18))
    expected = slow(ratings, epochs, of_users, of_items).ravel()
    np.testing.assert_allclose(model.predict(users, items), expected, rtol=1e-6)


def test_by_hand() -> None:
    """Mean 3; item x is rated 4 and 4, item y 1: with a weight of 2 its bias is (1 + 1) / (2 + 2), that of y −2 / 3."""
    ids = [np.array(names, object) for names in (["a", "b", "c"], ["x", "y", "z"])]
    train = Interactions(*np.array([[0, 1, 0], [0, 0, 1]], np.int32), *ids, np.array([4, 4, 1], np.float32))
    model = Bias(epochs=1, item_regularisation=2.0, user_regularisation=1.0).fit(train, None, Context())
    a = ((4 - 3 - 0.5) + (1 - 3 + 2 / 3)) / 3
    b = (4 - 3 - 0.5) / 2
    assert predicted(model, [0, 1, 2], [0, 0, 0]) == pytest.approx([3.5 + a, 3.5 + b, 3.5])
    assert predicted(model, [2, 0, 2], [1, 2, 2]) == pytest.approx([3 - 2 / 3, 3 + a, 3])


def test_predictions_stay_within_the_ratings(ratings: Interactions) -> None:
    model = Bias(user_regularisation=0, item_regularisation=0).fit(ratings, None, Context())
    model.user_bias += 9
    assert predicted(model, [0], [0]) == [5.0]
    model.user_bias -= 18
    assert predicted(model, [0], [0]) == [0.5]


def test_shrunken_means_of_groups() -> None:
    means = shrunken_means(np.array([0, 2, 2], np.int32), np.array([3.0, 1.0, 2.0]), 4, 1.0)
    assert means.tolist() == [1.5, 0.0, 1.0, 0.0]


def test_agrees_with_surprise(ratings: Interactions) -> None:
    pytest.importorskip("surprise")
    from bench_algorithms.surprise_library import Surprise

    users, items = np.divmod(np.arange(25 * 18, dtype=np.int32), np.int32(18))
    theirs = Surprise(model="BaselineOnly").fit(ratings, None, Context()).predict(users, items)
    np.testing.assert_allclose(Bias().fit(ratings, None, Context()).predict(users, items), theirs, rtol=1e-6)
