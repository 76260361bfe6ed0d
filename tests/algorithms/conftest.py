"""What the tests of all algorithms share."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from bench.interactions import Interactions


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny networks on several threads only wait for one another: minutes instead of seconds on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def matrix() -> np.ndarray:
    """bool[25, 18], with an empty user and an empty item."""
    drawn = np.random.default_rng(0).random((25, 18)) < 0.3
    drawn[7] = False
    drawn[:, 11] = False
    return drawn


@pytest.fixture(scope="session")
def ratings() -> Interactions:
    """25 users rate 18 items in halves from 0.5 to 5, by taste; the last user and the last item have no rating."""
    rng = np.random.default_rng(0)
    user, item = np.nonzero(rng.random((24, 17)) < 0.4)
    order = rng.permutation(len(user))
    user, item = user[order].astype(np.int32), item[order].astype(np.int32)
    liked = rng.normal(size=(24, 1)) * rng.normal(size=17) + rng.normal(size=17)
    values = np.clip(np.round(2 * (3 + liked[user, item] + rng.normal(scale=0.5, size=len(user)))) / 2, 0.5, 5)
    ids = [np.array([f"{code:02d}" for code in range(n)], object) for n in (25, 18)]
    return Interactions(user, item, *ids, values.astype(np.float32))
