"""EASE against a few lines of numpy."""

from __future__ import annotations

import numpy as np
import pytest

from bench.algorithm import Context, UserBatch
from bench.errors import UsageError
from bench.interactions import Interactions, ItemLists
from bench_algorithms import linear
from bench_algorithms.linear import EASE


def few_lines_of_numpy(rows: np.ndarray, l2: float) -> np.ndarray:
    P = np.linalg.inv(rows.T @ rows + l2 * np.eye(rows.shape[1]))
    B = -P / np.diag(P)
    np.fill_diagonal(B, 0)
    return rows @ B


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    """float64[200, 80]; nobody has item 5."""
    matrix = (np.random.default_rng(0).random((200, 80)) < np.linspace(0.01, 0.4, 80)).astype(np.float64)
    matrix[:, 5] = 0
    return matrix


def interactions(rows: np.ndarray) -> Interactions:
    user, item = np.nonzero(rows)
    ids = [np.array([f"{code:03d}" for code in range(n)], object) for n in rows.shape]
    return Interactions(user.astype(np.int32), item.astype(np.int32), *ids)


def everyone(rows: np.ndarray) -> UserBatch:
    lists = [np.flatnonzero(row).tolist() for row in rows]
    return UserBatch(np.arange(len(rows), dtype=np.int32), ItemLists.from_lists(lists, rows.shape[1]))


@pytest.mark.parametrize("l2", [0.5, 20.0, 500.0])
def test_ease_agrees_with_numpy_to_six_digits(rows: np.ndarray, l2: float) -> None:
    scores = EASE(l2=l2).fit(interactions(rows), None, Context()).score(everyone(rows))
    np.testing.assert_allclose(scores, few_lines_of_numpy(rows, l2), rtol=0, atol=1e-6)


def test_large_catalogues_are_solved_in_single_precision(rows: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear, "FLOAT64_ITEMS", 79)
    assert linear.co_occurrences(interactions(rows)).dtype == np.float32
    scores = EASE(l2=20).fit(interactions(rows), None, Context()).score(everyone(rows))
    np.testing.assert_allclose(scores, few_lines_of_numpy(rows, 20), atol=1e-4)


def test_items_do_not_predict_themselves_and_unknown_ones_score_nothing(rows: np.ndarray) -> None:
    model = EASE(l2=20).fit(interactions(rows), None, Context())
    assert not np.diag(model.weights).any()
    assert not model.score(everyone(rows))[:, 5].any()


def test_l2_must_be_positive() -> None:
    with pytest.raises(UsageError) as caught:
        EASE(l2=0)
    assert str(caught.value) == "the field 'l2' of EASE should be greater than 0. Got 0."
