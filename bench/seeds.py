"""Random streams derived from (seed, purpose, key), never from global state or iteration order."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray


def derive_seed(seed: int, purpose: str, *key: object) -> int:
    """A 32-bit seed that depends on every argument and on nothing else."""
    text = "\x1f".join([str(seed), purpose, *(str(part) for part in key)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little")


def generator(seed: int, purpose: str, *key: object) -> np.random.Generator:
    """A numpy generator for one purpose."""
    return np.random.Generator(np.random.PCG64(derive_seed(seed, purpose, *key)))


def tie_order(seed: int, item_ids: NDArray[np.object_]) -> NDArray[np.int64]:
    """int64[n_items]: a rank a item, from a seeded hash of its id; among tied items the lower rank wins.

    It depends on the item's id alone, so adding or reordering items never reshuffles the others.
    """
    prefix = hashlib.blake2b(f"tie\x1f{seed}\x1f".encode(), digest_size=8)
    keys = np.empty(len(item_ids), np.uint64)
    for code, identifier in enumerate(item_ids):
        digest = prefix.copy()
        digest.update(str(identifier).encode())
        keys[code] = int.from_bytes(digest.digest(), "little")
    ranks = np.empty(len(item_ids), np.int64)
    ranks[np.argsort(keys, kind="stable")] = np.arange(len(item_ids))
    return ranks
