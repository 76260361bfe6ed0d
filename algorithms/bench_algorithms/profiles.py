"""Users as sets of items, and their batches for networks that read one profile a user."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from bench.interactions import Int32Array, Interactions
from bench.lightning import DrawEpoch

if TYPE_CHECKING:
    import torch


def profiles_of(data: Interactions) -> tuple[Int32Array, sparse.csr_matrix]:
    """The users with interactions, int32[n], and their profiles, binary float32 [n, n_items]."""
    users = np.unique(data.user).astype(np.int32)
    return users, data.csr()[users]


def profile_batches(profiles: sparse.csr_matrix, size: int) -> DrawEpoch:
    """Batches of `size` users, as bags, in an order drawn anew each epoch."""

    def draw(rng: np.random.Generator) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        shuffled = profiles[rng.permutation(profiles.shape[0])]
        for start in range(0, profiles.shape[0], size):
            yield as_bags(shuffled[start : start + size])

    return draw


def as_bags(profiles: sparse.csr_matrix) -> tuple[torch.Tensor, torch.Tensor]:
    """Items int64[nnz], ascending within a user, and indptr int64[b + 1], as torch's embedding bags take them."""
    import torch

    profiles.sort_indices()
    return torch.from_numpy(profiles.indices.astype(np.int64)), torch.from_numpy(profiles.indptr.astype(np.int64))
