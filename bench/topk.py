"""Exact top-k with seeded ties, and the ranks of given items in the same order."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from bench.batches import Candidates, Scores, TopK
from bench.interactions import Int64Array, ItemLists

_REFUSED = torch.iinfo(torch.int64).min
"""The key of an item that may not be recommended: below every score's."""
_ABOVE_ALL = torch.iinfo(torch.int64).max


def top_k(scores: Scores, candidates: Candidates, k: int, ties: Int64Array) -> TopK:
    """The k highest-scored candidates a row, exactly.

    scores: float32[b, n_items], numpy or torch on any device. ties: int64[n_items], a permutation: among
    equal scores the lower rank wins. Rows with fewer than k candidates are padded with −1 and −inf.
    """
    dense = torch.as_tensor(scores)
    return best(dense, sort_keys(dense, candidates, ties), k)


def sort_keys(scores: torch.Tensor, candidates: Candidates, ties: Int64Array) -> torch.Tensor:
    """int64[b, n_items] that order like (score, tie rank), with what may not be recommended below everything.

    Each score and its item's tie rank are packed into one integer that sorts like the pair, so that a
    selection needs no stable sort and no second pass.
    """
    ranks = torch.as_tensor(ties, device=scores.device)
    keys = (_sortable(scores) << 32) + (scores.shape[1] - 1 - ranks)
    listed = candidates.listed
    rows = torch.as_tensor(listed.rows, device=scores.device)
    items = torch.as_tensor(listed.items.astype(np.int64), device=scores.device)
    if candidates.only:
        allowed = torch.full_like(keys, _REFUSED)
        allowed[rows, items] = keys[rows, items]
        return allowed
    keys[rows, items] = _REFUSED
    return keys


def best(scores: torch.Tensor, keys: torch.Tensor, k: int) -> TopK:
    """The k items of the highest keys a row, with their scores."""
    top = torch.topk(keys, min(k, keys.shape[1]), dim=1, sorted=True)
    refused = top.values == _REFUSED
    items = top.indices.masked_fill(refused, -1).to(torch.int32)
    values = scores.gather(1, top.indices).to(torch.float32).masked_fill(refused, -torch.inf)
    return TopK(_padded(items, k, -1), _padded(values, k, -np.inf))


def ranks_of(wanted: ItemLists, keys: torch.Tensor) -> Int64Array:
    """int64[len(wanted.items)]: the rank, from 1, of every wanted item among the candidates; 0 if it is none.

    An item's rank is the number of keys that are not below its own. Each key is placed between the wanted ones of
    its row, and they are counted place by place: the catalogue needs no sorting.
    """
    width = int(wanted.lengths.max(initial=0))
    places = np.arange(len(wanted.items)) - np.repeat(wanted.indptr[:-1], wanted.lengths)
    rows, columns = (torch.as_tensor(index, device=keys.device) for index in (wanted.rows, places))
    own = keys[rows, torch.as_tensor(wanted.items.astype(np.int64), device=keys.device)]
    ordered, order = keys.new_full((len(keys), width), _ABOVE_ALL).index_put_((rows, columns), own).sort(1)
    reached = torch.searchsorted(ordered, keys, right=True)
    counts = keys.new_zeros((len(keys), width + 1)).scatter_add_(1, reached, torch.ones_like(reached))
    upto = counts.flip(1).cumsum(1).flip(1)[:, 1:]
    ranks = torch.empty_like(upto).scatter_(1, order, upto)[rows, columns]
    return ranks.masked_fill(own == _REFUSED, 0).cpu().numpy()


def _sortable(scores: torch.Tensor) -> torch.Tensor:
    """int64 that order like the float32 scores: IEEE 754 bits, negatives mirrored; −0 equals 0."""
    bits = (scores.to(torch.float32) + 0.0).contiguous().view(torch.int32).to(torch.int64)
    return torch.where(bits < 0, -(bits & 0x7FFFFFFF), bits)


def _padded(values: torch.Tensor, k: int, fill: float) -> np.ndarray[Any, Any]:
    array = values.cpu().numpy()
    return np.pad(array, ((0, 0), (0, k - array.shape[1])), constant_values=fill)
