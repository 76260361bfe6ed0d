"""RP3beta against walks one by one, by hand, and at its edges."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bench.algorithm import Context
from bench.errors import UsageError
from bench.testing.case import histories_of, interactions_of
from bench_algorithms import graph
from bench_algorithms.graph import RP3beta


def walk_by_walk(train: np.ndarray, alpha: float, beta: float, k: int, normalise: bool = False) -> np.ndarray:
    """What each item adds to each other one's score: every walk from item over user to item is added by itself."""
    n_items = train.shape[1]
    weights = np.zeros((n_items, n_items))
    for i in range(n_items):
        for u in np.flatnonzero(train[:, i]):
            for j in np.flatnonzero(train[u]):
                if j != i:
                    weights[i, j] += (1 / train[:, i].sum()) ** alpha * (1 / train[u].sum()) ** alpha
        weights[i] /= np.maximum(train.sum(axis=0), 1) ** beta
        weights[i] /= weights[i].sum() if normalise and weights[i].any() else 1
    kept = np.zeros_like(weights)
    for j, column in enumerate(weights.T.astype(np.float32)):
        best = sorted(range(n_items), key=lambda i: (-column[i], i))[:k]
        kept[best, j] = column[best]
    return kept


@pytest.mark.parametrize(("alpha", "beta", "k"), [(1.0, 0.0, 100), (1.0, 0.5, 4), (0.6, 0.7, 4), (1.7, 0.3, 1)])
@pytest.mark.parametrize("normalise", [False, True])
@pytest.mark.parametrize("pairs_at_once", [2**22, 50])
def test_it_agrees_with_walks_one_by_one(
    matrix: np.ndarray,
    alpha: float,
    beta: float,
    k: int,
    normalise: bool,
    pairs_at_once: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(graph, "_PAIRS_AT_ONCE", pairs_at_once)
    model = RP3beta(alpha=alpha, beta=beta, k=k, normalise=normalise)
    model.fit(interactions_of(matrix), None, Context())
    expected = walk_by_walk(matrix, alpha, beta, k, normalise)
    np.testing.assert_allclose(model.contributions.toarray(), expected, rtol=1e-6)
    np.testing.assert_allclose(model.score(histories_of(matrix)), matrix @ expected, rtol=1e-5)


def test_a_small_case_by_hand() -> None:
    """Users have {0, 1}, {0, 1, 2} and {2}. From item 0 half of the walks go to each of the first two users."""
    train = np.array([[1, 1, 0], [1, 1, 1], [0, 0, 1]])
    model = RP3beta(alpha=1.0, beta=1.0).fit(interactions_of(train), None, Context())
    to_1 = (1 / 2 * 1 / 2 + 1 / 2 * 1 / 3) / 2
    to_2 = (1 / 2 * 1 / 3) / 2
    np.testing.assert_allclose(model.contributions.toarray()[0], [0, to_1, to_2], rtol=1e-6)


def test_among_equal_items_the_lower_ones_are_kept() -> None:
    model = RP3beta(k=2).fit(interactions_of(np.ones((3, 5))), None, Context())
    kept = model.contributions.toarray() > 0
    assert [np.flatnonzero(column).tolist() for column in kept.T] == [[1, 2], [0, 2], [0, 1], [0, 1], [0, 1]]


def test_normalised_each_item_has_one_vote() -> None:
    """Nobody who has item 3 has anything else, so that its walks all return."""
    train = np.array([[1, 1, 0, 0], [1, 1, 1, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    model = RP3beta(normalise=True).fit(interactions_of(train), None, Context())
    np.testing.assert_allclose(model.contributions.toarray().sum(axis=1), [1, 1, 1, 0], rtol=1e-6)


def test_beta_takes_from_popular_items(matrix: np.ndarray) -> None:
    def mean_popularity(beta: float) -> float:
        model = RP3beta(beta=beta).fit(interactions_of(matrix), None, Context())
        scores = np.where(matrix, -1, model.score(histories_of(matrix)))
        return float(matrix.sum(axis=0)[scores.argmax(axis=1)].mean())

    assert mean_popularity(1.0) < mean_popularity(0.0)


def test_users_unseen_in_training_are_served_and_items_unseen_score_nothing(matrix: np.ndarray) -> None:
    model = RP3beta().fit(interactions_of(matrix), None, Context())
    seen, unseen = model.score(histories_of(matrix)), model.score(histories_of(matrix, first_code=1000))
    np.testing.assert_array_equal(seen, unseen)
    assert not unseen[:, 11].any()
    assert unseen[0].any()


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"k": 0}, "the field 'k' of RP3beta should be greater than or equal to 1. Got 0."),
        ({"beta": -0.1}, "the field 'beta' of RP3beta should be greater than or equal to 0. Got -0.1."),
        ({"alfa": 1}, "RP3beta has no field 'alfa'. Did you mean 'alpha'? Known: alpha, beta, k, normalise."),
    ],
)
def test_wrong_configuration_is_refused_in_one_line(wrong: dict[str, Any], line: str) -> None:
    with pytest.raises(UsageError) as caught:
        RP3beta(**wrong)
    assert str(caught.value) == line
