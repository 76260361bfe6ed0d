"""The decompositions against dense algebra, row by row, and at their edges."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy import sparse

from bench.algorithm import Context
from bench.errors import UsageError
from bench.testing.case import histories_of, interactions_of
from bench_algorithms import decomposition
from bench_algorithms.decomposition import IALS, IALSConfig, PureSVD, singular_vectors, solve


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    """float64[80, 30]: two tastes, of even and odd items; nobody has item 5, and user 7 has nothing."""
    rng = np.random.default_rng(0)
    alike = np.arange(80)[:, None] % 2 == np.arange(30) % 2
    matrix = (rng.random((80, 30)) < np.where(alike, 0.4, 0.08)).astype(np.float64)
    matrix[7] = 0
    matrix[:, 5] = 0
    return matrix


@pytest.mark.parametrize("factors", [1, 6, 28, 500])
@pytest.mark.parametrize("more_items", [False, True])
def test_pure_svd_is_the_best_approximation_of_its_rank(rows: np.ndarray, factors: int, more_items: bool) -> None:
    rows = np.delete(rows, 7, axis=0)[:20] if more_items else rows
    scores = PureSVD(factors=factors).fit(interactions_of(rows), None, Context()).score(histories_of(rows))
    left, values, right = np.linalg.svd(rows)
    n = min(factors, *rows.shape)
    np.testing.assert_allclose(scores, left[:, :n] * values[:n] @ right[:n], atol=1e-5)


def test_pure_svd_of_two_blocks_by_hand() -> None:
    """Users have {0, 1} or {2}: the vectors are those of the blocks, the greater first."""
    train = np.array([[1, 1, 0]] * 3 + [[0, 0, 1]] * 2)
    model = PureSVD(factors=1).fit(interactions_of(train), None, Context())
    expected = [[0.5, 0.5, 0], [0.5, 0.5, 0], [0, 0, 0]]
    np.testing.assert_allclose(model.score(histories_of(np.eye(3))), expected, atol=1e-6)


def test_directions_that_nobody_went_are_no_singular_vectors(rows: np.ndarray) -> None:
    """Of ten kinds of users, no more than ten directions are known, whatever is asked for."""
    kinds = np.repeat(rows[10:20], 8, axis=0)
    for factors in (20, 30):
        vectors = singular_vectors(sparse.csr_matrix(kinds), factors)
        assert vectors.shape == (30, 10)
        np.testing.assert_allclose(vectors.T @ vectors, np.eye(10), atol=1e-5)
        np.testing.assert_array_equal(vectors, singular_vectors(sparse.csr_matrix(kinds), factors))


def loss(rows: np.ndarray, users: np.ndarray, items: np.ndarray, config: IALSConfig) -> float:
    """The objective as it is written, summed over all pairs."""
    a, lam, nu = config.unobserved_weight, config.regularisation, config.frequency_exponent
    scores = users @ items.T
    total = (rows * (scores - 1) ** 2).sum() + a * (scores**2).sum()
    for axis, vectors in ((1, users), (0, items)):
        frequency = rows.sum(axis=axis) + a * rows.shape[axis]
        total += lam * (frequency**nu * (vectors**2).sum(axis=1)).sum()
    return float(total)


CONFIGS = [
    IALSConfig(factors=5, unobserved_weight=0.2, regularisation=0.05),
    IALSConfig(factors=5, unobserved_weight=1.5, regularisation=0.5, frequency_exponent=0.4),
    IALSConfig(factors=5, unobserved_weight=0.05, regularisation=2.0, frequency_exponent=0.0),
]


@pytest.mark.parametrize("config", CONFIGS, ids=["scaled", "half-scaled", "unscaled"])
@pytest.mark.parametrize("block_bytes", [4 * 2**20, 2000])
def test_what_is_solved_for_minimises_the_objective(
    rows: np.ndarray, config: IALSConfig, block_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decomposition, "_BLOCK_BYTES", block_bytes)
    rng = np.random.default_rng(1)
    items = rng.normal(size=(30, 5))
    users = solve(sparse.csr_matrix(rows), torch.from_numpy(items).float(), config).double().numpy()
    a, lam, nu = config.unobserved_weight, config.regularisation, config.frequency_exponent
    for user, row in zip(users, rows, strict=True):
        left = items.T @ np.diag(row + a) @ items + lam * (row.sum() + a * 30) ** nu * np.eye(5)
        np.testing.assert_allclose(user, np.linalg.solve(left, items.T @ row), atol=1e-5)
    least = loss(rows, users, items, config)
    for _ in range(5):
        assert loss(rows, users + rng.normal(scale=0.02, size=users.shape), items, config) > least


@pytest.mark.parametrize("config", CONFIGS, ids=["scaled", "half-scaled", "unscaled"])
def test_more_iterations_of_ials_lower_the_objective(rows: np.ndarray, config: IALSConfig) -> None:
    rows = np.delete(rows, 7, axis=0)  # users without items do not count

    def after(iterations: int) -> float:
        model = IALS(config.changed(iterations=iterations)).fit(interactions_of(rows), None, Context(seed=1))
        users = solve(sparse.csr_matrix(rows), model.item_factors, config)
        return loss(rows, users.double().numpy(), model.item_factors.double().numpy(), config)

    losses = [after(iterations) for iterations in (1, 2, 4, 8, 30, 31)]
    assert losses == sorted(losses, reverse=True)
    assert losses[0] > 1.01 * losses[-1]
    assert losses[-2] == pytest.approx(losses[-1], rel=2e-3)


def test_users_without_items_change_nothing(rows: np.ndarray) -> None:
    with_more = np.concatenate([rows, np.zeros((50, 30))])
    few, many = (IALS(factors=5).fit(interactions_of(r), None, Context()).item_factors for r in (rows, with_more))
    assert torch.equal(few, many)


@pytest.mark.parametrize("algorithm", [PureSVD, IALS])
def test_users_unseen_in_training_are_served_and_items_unseen_score_nothing(rows: np.ndarray, algorithm: Any) -> None:
    model = algorithm(factors=5).fit(interactions_of(rows), None, Context())
    seen = np.asarray(model.score(histories_of(rows)))
    np.testing.assert_array_equal(seen, np.asarray(model.score(histories_of(rows, first_code=1000))))
    np.testing.assert_allclose(seen[:, 5], 0, atol=1e-6)
    assert not seen[7].any()


@pytest.mark.parametrize("algorithm", [PureSVD, IALS])
def test_it_learns_the_taste_of_each_user(rows: np.ndarray, algorithm: Any) -> None:
    scores = np.asarray(algorithm(factors=3).fit(interactions_of(rows), None, Context()).score(histories_of(rows)))
    alike = np.arange(80)[:, None] % 2 == np.arange(30) % 2
    unseen = (rows == 0) & (rows.sum(axis=1) > 0)[:, None] & (np.arange(30) != 5)
    assert scores[alike & unseen].mean() > scores[~alike & unseen].mean() + 0.2


def test_ials_depends_on_its_seed_and_on_nothing_else(rows: np.ndarray) -> None:
    def factors(seed: int) -> torch.Tensor:
        return IALS(factors=5).fit(interactions_of(rows), None, Context(seed=seed)).item_factors

    assert torch.equal(factors(1), factors(1))
    assert not torch.allclose(factors(1), factors(2))
    assert IALS().seeded
    assert not PureSVD().seeded


@pytest.mark.parametrize(
    ("algorithm", "wrong", "line"),
    [
        (PureSVD, {"factors": 0}, "'factors' of PureSVD should be greater than or equal to 1. Got 0."),
        (IALS, {"unobserved_weight": 0}, "'unobserved_weight' of IALS should be greater than 0. Got 0."),
        (IALS, {"frequency_exponent": 2.0}, "'frequency_exponent' of IALS should be less than or equal to 1. Got 2.0."),
    ],
)
def test_wrong_configuration_is_refused_in_one_line(algorithm: Any, wrong: dict[str, Any], line: str) -> None:
    with pytest.raises(UsageError) as caught:
        algorithm(**wrong)
    assert str(caught.value) == f"the field {line}"
