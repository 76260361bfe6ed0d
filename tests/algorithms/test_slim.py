"""SLIM against non-negative least squares, by hand, and at its edges."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.linalg import solve_triangular
from scipy.optimize import nnls

from bench.algorithm import Context
from bench.errors import UsageError
from bench.testing.case import histories_of, interactions_of
from bench_algorithms.slim import SLIM


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    """float64[200, 60]: two tastes, of even and odd items; nobody has item 5."""
    rng = np.random.default_rng(0)
    alike = np.arange(200)[:, None] % 2 == np.arange(60) % 2
    matrix = (rng.random((200, 60)) < np.where(alike, 0.35, 0.05)).astype(np.float64)
    matrix[:, 5] = 0
    return matrix


def weights_by_nnls(rows: np.ndarray, l1: float, l2: float) -> np.ndarray:
    """With G + l2 · I = L Lᵀ, the objective of a column is ½ |Lᵀ w − L⁻¹ (g − l1)|² and a constant."""
    n_items = rows.shape[1]
    weights = np.zeros((n_items, n_items))
    for j in range(n_items):
        others = np.delete(np.arange(n_items), j)
        X = rows[:, others]
        L = np.linalg.cholesky(X.T @ X + l2 * np.eye(n_items - 1))
        target = solve_triangular(L, X.T @ rows[:, j] - l1, lower=True)
        weights[others, j] = nnls(L.T, target)[0]
    return weights


def objective(rows: np.ndarray, weights: np.ndarray, l1: float, l2: float) -> float:
    error = rows - rows @ weights
    return float((error**2).sum() / 2 + l1 * np.abs(weights).sum() + l2 * (weights**2).sum() / 2)


@pytest.mark.parametrize(("l1", "l2"), [(0.1, 5.0), (1.0, 20.0), (3.0, 20.0), (2.0, 200.0)])
def test_it_agrees_with_non_negative_least_squares(rows: np.ndarray, l1: float, l2: float) -> None:
    model = SLIM(l1=l1, l2=l2).fit(interactions_of(rows), None, Context())
    found, expected = model.weights.toarray(), weights_by_nnls(rows, l1, l2)
    np.testing.assert_allclose(found, expected, atol=3e-3)
    assert objective(rows, found, l1, l2) == pytest.approx(objective(rows, expected, l1, l2), rel=1e-5)
    np.testing.assert_allclose(model.score(histories_of(rows)), rows @ found, atol=1e-5)


def test_two_items_by_hand() -> None:
    """Of one other item, w = max(0, (common − l1) / (its users + l2))."""
    train = np.array([[1, 1]] * 6 + [[1, 0]] * 2 + [[0, 1]])
    model = SLIM(l1=1.0, l2=2.0).fit(interactions_of(train), None, Context())
    np.testing.assert_allclose(model.weights.toarray(), [[0, (6 - 1) / (8 + 2)], [(6 - 1) / (7 + 2), 0]], rtol=1e-3)
    assert SLIM(l1=6.5, l2=2.0).fit(interactions_of(train), None, Context()).weights.nnz == 0


def test_no_item_explains_itself_none_is_held_against_another_and_l1_leaves_few(rows: np.ndarray) -> None:
    all_weights = [SLIM(l1=l1, l2=20.0).fit(interactions_of(rows), None, Context()).weights for l1 in (1.0, 4.0, 8.0)]
    for weights in all_weights:
        assert weights.dtype == np.float32
        assert not weights.diagonal().any()
        assert weights.data.min() > 0
    most, some, few = (weights.nnz for weights in all_weights)
    assert most > some > few > 0


def test_it_is_the_same_whatever_the_number_of_users_without_items(rows: np.ndarray) -> None:
    more = np.concatenate([rows, np.zeros((100, 60))])
    few, many = (SLIM(l1=1.0, l2=20.0).fit(interactions_of(r), None, Context()).weights.toarray() for r in (rows, more))
    np.testing.assert_allclose(few, many, atol=1e-6)


def test_users_unseen_in_training_are_served_and_items_unseen_score_nothing(rows: np.ndarray) -> None:
    model = SLIM(l1=1.0, l2=20.0).fit(interactions_of(rows), None, Context())
    seen, unseen = model.score(histories_of(rows)), model.score(histories_of(rows, first_code=1000))
    np.testing.assert_array_equal(seen, unseen)
    assert not unseen[:, 5].any()
    assert unseen[:, np.arange(60) != 5].any(axis=0).all()


def test_it_converges_without_a_warning(rows: np.ndarray, recwarn: pytest.WarningsRecorder) -> None:
    SLIM(l1=0.05, l2=1.0).fit(interactions_of(rows), None, Context())
    assert [str(warning.message) for warning in recwarn] == []


def test_progress_is_told(rows: np.ndarray) -> None:
    heard: list[tuple[str, int, int]] = []
    context = Context(progress=lambda stage, done, total, note: heard.append((stage, done, total)))
    SLIM().fit(interactions_of(np.tile(rows, (1, 2))), None, context)
    assert heard == [("regressions", 0, 120), ("regressions", 100, 120)]


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"l1": 0}, "the field 'l1' of SLIM should be greater than 0. Got 0."),
        ({"l2": -1.0}, "the field 'l2' of SLIM should be greater than or equal to 0. Got -1.0."),
    ],
)
def test_wrong_configuration_is_refused_in_one_line(wrong: dict[str, Any], line: str) -> None:
    with pytest.raises(UsageError) as caught:
        SLIM(**wrong)
    assert str(caught.value) == line
