"""Exact top-k with seeded ties."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from bench.batches import Scores, TopK
from bench.interactions import Int64Array, ItemLists


def top_k(scores: Scores, history: ItemLists, k: int, ties: Int64Array) -> TopK:
    """The k highest-scored items a row that are not in the history, exactly.

    scores: float32[b, n_items], numpy or torch on any device. ties: int64[n_items], a permutation: among
    equal scores the lower rank wins. Rows with fewer than k items left are padded with −1 and −inf.

    Each score and its item's tie rank are packed into one integer that sorts like the pair, so that the
    selection needs no stable sort and no second pass.
    """
    dense = torch.as_tensor(scores)
    n_items = dense.shape[1]
    width = min(k, n_items)
    ranks = torch.as_tensor(ties, device=dense.device)
    keys = (_sortable(dense) << 32) + (n_items - 1 - ranks)
    rows = torch.as_tensor(history.rows, device=dense.device)
    keys[rows, torch.as_tensor(history.items.astype(np.int64), device=dense.device)] = torch.iinfo(torch.int64).min
    best = torch.topk(keys, width, dim=1, sorted=True)
    taken = best.values == torch.iinfo(torch.int64).min
    items = best.indices.masked_fill(taken, -1).to(torch.int32)
    values = dense.gather(1, best.indices).to(torch.float32).masked_fill(taken, -torch.inf)
    return TopK(_padded(items, k, -1), _padded(values, k, -np.inf))


def _sortable(scores: torch.Tensor) -> torch.Tensor:
    """int64 that order like the float32 scores: IEEE 754 bits, negatives mirrored; −0 equals 0."""
    bits = (scores.to(torch.float32) + 0.0).contiguous().view(torch.int32).to(torch.int64)
    return torch.where(bits < 0, -(bits & 0x7FFFFFFF), bits)


def _padded(values: torch.Tensor, k: int, fill: float) -> np.ndarray[Any, Any]:
    array = values.cpu().numpy()
    return np.pad(array, ((0, 0), (0, k - array.shape[1])), constant_values=fill)
