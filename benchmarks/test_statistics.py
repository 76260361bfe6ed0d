"""How long the statistics of a leaderboard take. The target: 2,000 bootstrap draws over 100,000 users in seconds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bench.interactions import Float64Array
from bench.statistics import compare, estimate, separate_from_best

N_USERS, N_SEEDS = 100_000, 5


def values(seed: int) -> Float64Array:
    """Values as ndcg has them: many zeros, the rest skewed; users and seeds with effects of their own."""
    random = np.random.default_rng(seed)
    taste = random.beta(0.5, 2, (N_USERS, 1))
    noise = random.random((N_USERS, N_SEEDS)) + random.normal(0, 0.01, N_SEEDS)
    return np.where(noise < 0.4, 0.0, taste * noise)


@pytest.fixture(scope="module")
def systems() -> dict[str, Float64Array]:
    return {f"system {number}": values(number) for number in range(12)}


def test_interval_of_one_mean(benchmark: Any, systems: dict[str, Float64Array]) -> None:
    found = benchmark.pedantic(estimate, args=(systems["system 0"],), rounds=3)
    assert found.low < found.mean < found.high


def test_comparison_of_two(benchmark: Any, systems: dict[str, Float64Array]) -> None:
    found = benchmark.pedantic(compare, args=(systems["system 0"], systems["system 1"]), rounds=3)
    assert 0 < found.p_t <= 1


def test_ties_among_twelve(benchmark: Any, systems: dict[str, Float64Array]) -> None:
    found = benchmark.pedantic(separate_from_best, args=(systems,), rounds=1)
    assert len(found.comparisons) == len(systems) - 1
