"""How long it takes to split many interactions. The target: millions of rows in seconds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bench.interactions import Interactions
from bench.protocol.splitters import Holdout

N_ROWS, N_USERS, N_ITEMS = 4_000_000, 30_000, 10_000


@pytest.fixture(scope="module")
def data() -> Interactions:
    """Events of users with items of unequal popularity; some pairs repeat."""
    random = np.random.default_rng(0)
    user = random.integers(0, N_USERS, N_ROWS).astype(np.int32)
    item = (N_ITEMS * random.random(N_ROWS) ** 3).astype(np.int32)
    ids = [np.array([str(code) for code in range(n)], object) for n in (N_USERS, N_ITEMS)]
    return Interactions(user, item, *ids, timestamp=random.integers(0, 10**9, N_ROWS))


def test_random_holdout(benchmark: Any, data: Interactions) -> None:
    (fold,) = benchmark.pedantic(Holdout().split, args=(data, 1), rounds=3)
    assert len(fold.train) + len(fold.held_validation) + len(fold.held_test) == N_ROWS
