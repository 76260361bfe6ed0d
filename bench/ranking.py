"""From an algorithm to ranked lists: blocks of users within a memory budget, and the contract checks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from bench.algorithm import Algorithm
from bench.batches import Scores, TopK, UserBatch
from bench.errors import ContractError
from bench.interactions import IdArray, Int32Array, Int64Array, ItemLists
from bench.topk import top_k

DEFAULT_BLOCK_BYTES = 256 * 2**20
_BYTES_PER_SCORE = 24
"""Scores, their sortable keys and the temporaries of the selection."""


@dataclass(frozen=True)
class Ranked:
    """What ranking an evaluation set gave: the lists, and how many recommended items had to be masked."""

    topk: TopK
    n_masked: int
    n_tied_users: int
    """Users whose scores were all the same."""


def blocks(n_users: int, n_items: int, budget_bytes: int = DEFAULT_BLOCK_BYTES) -> Iterator[tuple[int, int]]:
    """Bounds (start, stop) of blocks of users whose scores fit the memory budget."""
    size = int(np.clip(budget_bytes // (_BYTES_PER_SCORE * max(n_items, 1)), 1, 2048))
    for start in range(0, n_users, size):
        yield start, min(start + size, n_users)


def recommend(
    algorithm: Algorithm[Any],
    name: str,
    users: Int32Array,
    history: ItemLists,
    k: int,
    ties: Int64Array,
    user_ids: IdArray,
    budget_bytes: int = DEFAULT_BLOCK_BYTES,
) -> Ranked:
    """Ranked lists for all users, block by block.

    Raises ContractError, naming the algorithm and the user, on scores that are not finite or of the wrong
    shape, and on lists with duplicate or out-of-range items or with fewer than k where more were left.
    Items the user already has are removed and counted.
    """
    parts, n_masked, n_tied = [], 0, 0
    for start, stop in blocks(len(users), history.n_items, budget_bytes):
        batch = UserBatch(users[start:stop], history.slice(start, stop))
        who = user_ids[users[start:stop]]
        if type(algorithm).recommend is Algorithm.recommend:
            scores = checked_scores(algorithm.score(batch), name, who, history.n_items)
            n_tied += int((scores.amax(1) == scores.amin(1)).sum())
            parts.append(top_k(scores, batch.history, k, ties))
        else:
            topk, masked = checked_lists(algorithm.recommend(batch, k, ties), batch.history, k, name, who)
            n_masked += masked
            parts.append(topk)
    empty = TopK(np.empty((0, k), np.int32), np.empty((0, k), np.float32))
    return Ranked(TopK.concat([empty, *parts]), n_masked, n_tied)


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


def checked_lists(topk: TopK, history: ItemLists, k: int, name: str, who: IdArray) -> tuple[TopK, int]:
    """Lists of an overridden `recommend`, checked; items of the history are taken out and counted."""
    items = np.asarray(topk.items)
    if items.shape != (len(who), k) or np.shape(topk.scores) != items.shape:
        raise ContractError(f"'{name}' must recommend [b, k] = [{len(who)}, {k}] items. Got {list(items.shape)}.")
    _refuse(((items < -1) | (items >= history.n_items)).any(1), name, who, f"items in [0, {history.n_items})")
    ordered = np.sort(items, axis=1)
    _refuse(((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)).any(1), name, who, "no item twice")
    _refuse(~np.isfinite(np.where(items >= 0, topk.scores, 0)).all(1), name, who, "finite scores")
    left = history.n_items - np.diff(history.csr().indptr)
    _refuse((items >= 0).sum(1) < np.minimum(k, left), name, who, f"{k} items where the catalogue has them")
    seen = _in_history(items, history)
    return _without(topk, seen), int(seen.sum())


def _refuse(bad: Any, name: str, who: IdArray, rule: str) -> None:
    if bad.any():
        raise ContractError(f"'{name}' must recommend {rule}. It did not for user '{who[np.argmax(bad)]}'.")


def _in_history(items: Int32Array, history: ItemLists) -> np.ndarray[Any, np.dtype[np.bool_]]:
    keys = np.arange(len(items))[:, None] * history.n_items + items
    return np.asarray((items >= 0) & np.isin(keys, history.rows * history.n_items + history.items))


def _without(topk: TopK, drop: np.ndarray[Any, np.dtype[np.bool_]]) -> TopK:
    """The lists with the dropped entries closed up and padded at the end."""
    order = np.argsort(drop | (topk.items < 0), axis=1, kind="stable")
    items = np.take_along_axis(np.where(drop, -1, topk.items), order, 1)
    scores = np.take_along_axis(np.where(drop | (topk.items < 0), -np.inf, topk.scores), order, 1)
    return TopK(items.astype(np.int32), scores.astype(np.float32))
