"""From an algorithm to ranked lists: blocks of users within a memory budget, and the contract checks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from bench.algorithm import Algorithm
from bench.batches import Candidates, Scores, TopK, UserBatch
from bench.errors import ContractError
from bench.interactions import IdArray, Int64Array, ItemLists
from bench.topk import best, ranks_of, sort_keys

DEFAULT_BLOCK_BYTES = 256 * 2**20
_BYTES_PER_SCORE = 24
"""Scores, their sortable keys and the temporaries of the selection."""


@dataclass(frozen=True, eq=False)
class Ranked:
    """What ranking users gave: the lists, and how many recommended items had to be taken out.

    truth_ranks: int64, the rank of every relevant item among the candidates, from 1; 0 where it is not known.
    None if nobody asked.
    """

    topk: TopK
    n_masked: int
    n_tied_users: int
    """Users whose scores were all the same."""
    truth_ranks: Int64Array | None = None


def blocks(n_users: int, n_items: int, budget_bytes: int = DEFAULT_BLOCK_BYTES) -> Iterator[tuple[int, int]]:
    """Bounds (start, stop) of blocks of users whose scores fit the memory budget."""
    size = int(np.clip(budget_bytes // (_BYTES_PER_SCORE * max(n_items, 1)), 1, 2048))
    for start in range(0, n_users, size):
        yield start, min(start + size, n_users)


def recommend(
    algorithm: Algorithm[Any],
    name: str,
    batch: UserBatch,
    k: int,
    ties: Int64Array,
    user_ids: IdArray,
    truth: ItemLists | None = None,
    budget_bytes: int = DEFAULT_BLOCK_BYTES,
) -> Ranked:
    """Ranked lists for all users, block by block; with `truth`, the ranks of its items too.

    Raises ContractError, naming the algorithm and the user, on scores that are not finite or of the wrong
    shape, and on lists with duplicate or out-of-range items or with fewer than k where more were left.
    Items that may not be recommended are removed and counted.
    """
    parts, ranks, n_masked, n_tied = [], [np.empty(0, np.int64)], 0, 0
    for start, stop in blocks(len(batch), batch.history.n_items, budget_bytes):
        block = batch.slice(start, stop)
        who = user_ids[block.users]
        wanted = None if truth is None else truth.slice(start, stop)
        if type(algorithm).recommend is Algorithm.recommend:
            scores = checked_scores(algorithm.score(block), name, who, batch.history.n_items)
            n_tied += int((scores.amax(1) == scores.amin(1)).sum())
            keys = sort_keys(scores, block.candidates, ties)
            parts.append(best(scores, keys, k))
            ranks += [] if wanted is None else [ranks_of(wanted, keys)]
        else:
            topk, masked = checked_lists(algorithm.recommend(block, k, ties), block.candidates, k, name, who)
            n_masked += masked
            parts.append(topk)
            ranks += [] if wanted is None else [ranks_in_lists(wanted, topk)]
    empty = TopK(np.empty((0, k), np.int32), np.empty((0, k), np.float32))
    return Ranked(TopK.concat([empty, *parts]), n_masked, n_tied, None if truth is None else np.concatenate(ranks))


def checked_scores(scores: Scores, name: str, who: IdArray, n_items: int) -> torch.Tensor:
    """The scores as a tensor, after checking shape and finiteness. who: the b users' ids, for the error."""
    dense = torch.as_tensor(scores).to(torch.float32)
    if tuple(dense.shape) != (len(who), n_items):
        raise ContractError(
            f"'{name}' must score a batch as [b, n_items] = [{len(who)}, {n_items}]. Got {list(dense.shape)}."
        )
    finite = torch.isfinite(dense).all(dim=1)
    if not bool(finite.all()):
        bad = int(torch.nonzero(~finite)[0, 0])
        raise ContractError(f"'{name}' must give finite scores. Got NaN or inf for user '{who[bad]}'.")
    return dense


def checked_lists(topk: TopK, candidates: Candidates, k: int, name: str, who: IdArray) -> tuple[TopK, int]:
    """Lists of an overridden `recommend`, checked; items that may not be recommended are taken out and counted."""
    items, n_items = np.asarray(topk.items), candidates.listed.n_items
    if items.shape != (len(who), k) or np.shape(topk.scores) != items.shape:
        raise ContractError(f"'{name}' must recommend [b, k] = [{len(who)}, {k}] items. Got {list(items.shape)}.")
    _refuse(((items < -1) | (items >= n_items)).any(1), name, who, f"items in [0, {n_items})")
    ordered = np.sort(items, axis=1)
    _refuse(((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)).any(1), name, who, "no item twice")
    _refuse(~np.isfinite(np.where(items >= 0, topk.scores, 0)).all(1), name, who, "finite scores")
    enough = np.minimum(k, candidates.counts)
    _refuse((items >= 0).sum(1) < enough, name, who, f"{k} items where the catalogue has them")
    refused = candidates.refuses(items)
    return _without(topk, refused), int(refused.sum())


def ranks_in_lists(truth: ItemLists, topk: TopK) -> Int64Array:
    """int64[len(truth.items)]: each relevant item's place in its user's list, from 1; 0 if it is not in it."""
    listed = np.arange(len(topk))[:, None] * truth.n_items + topk.items
    rows, places = np.nonzero(topk.filled)
    keys = listed[rows, places]
    order = np.argsort(keys)
    wanted = truth.rows * truth.n_items + truth.items
    at = np.searchsorted(keys[order], wanted)
    found = np.append(keys[order], -1)[at] == wanted
    return np.where(found, np.append(places[order] + 1, 0)[at], 0)


def _refuse(bad: Any, name: str, who: IdArray, rule: str) -> None:
    if bad.any():
        raise ContractError(f"'{name}' must recommend {rule}. It did not for user '{who[np.argmax(bad)]}'.")


def _without(topk: TopK, drop: np.ndarray[Any, np.dtype[np.bool_]]) -> TopK:
    """The lists with the dropped entries closed up and padded at the end."""
    order = np.argsort(drop | (topk.items < 0), axis=1, kind="stable")
    items = np.take_along_axis(np.where(drop, -1, topk.items), order, 1)
    scores = np.take_along_axis(np.where(drop | (topk.items < 0), -np.inf, topk.scores), order, 1)
    return TopK(items.astype(np.int32), scores.astype(np.float32))
