"""What of a task is not in its split: the kind of prediction, repeat consumption, which items are candidates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field

from bench import seeds
from bench.batches import Candidates
from bench.card import Strict
from bench.errors import DataError
from bench.interactions import BoolArray, Int32Array, Int64Array, ItemLists

_BLOCK_ITEMS = 2**26
"""Items that are marked as taken or not at a time, a byte each."""


class Sampling(Strict):
    """Rank the relevant items among n others only, as older papers do.

    Such numbers flatter, and may order algorithms differently from the full catalogue (Krichene, Rendle: On
    sampled metrics for item recommendation. KDD 2020); they exist for comparison, and are labelled *sampled*.
    """

    strategy: Literal["uniform", "popularity"] = "uniform"
    """With what probability an item is drawn: the same for all, or by its number of training interactions."""
    n: int = Field(ge=1)
    """Items drawn for each user, without replacement, from what may be recommended and is not relevant."""


@dataclass(frozen=True)
class Rules:
    """How users are judged. kind: lists are ranked, or ratings predicted.

    repeats: whether items of the history may be recommended again, and count. sampling: None ranks the full
    catalogue. validates: whether an empty validation part is an error.
    """

    kind: Literal["ranking", "rating"] = "ranking"
    repeats: bool = False
    sampling: Sampling | None = None
    validates: bool = True
    seed: int = 0


FULL_RANKING = Rules()
"""Lists are ranked over the full catalogue, without what the user already has."""


def candidates(
    rules: Rules, part: str, history: ItemLists, truth: ItemLists, popularity: Int64Array
) -> Candidates | None:
    """What may be recommended to each user of a part; None for the rule: everything but the history.

    popularity: int64[n_items], training interactions of each item. Raises DataError if the catalogue has fewer
    items than are to be drawn.
    """
    nothing = ItemLists(np.zeros(len(history) + 1, np.int64), np.empty(0, np.int32), history.n_items)
    barred = nothing if rules.repeats else history
    if rules.sampling is None:
        return Candidates(barred) if rules.repeats else None
    weights = popularity if rules.sampling.strategy == "popularity" else np.ones_like(popularity)
    random = seeds.generator(rules.seed, "candidates", part)
    return Candidates(_with_others(truth, barred, weights, rules.sampling.n, random), only=True)


def _with_others(
    truth: ItemLists, barred: ItemLists, weights: Int64Array, n: int, random: np.random.Generator
) -> ItemLists:
    """The truth, and n others a user that are not barred."""
    lengths = truth.lengths + n
    indptr = np.concatenate([[0], np.cumsum(lengths)])
    items = np.empty(indptr[-1], np.int32)
    is_true = np.arange(indptr[-1]) - np.repeat(indptr[:-1], lengths) < np.repeat(truth.lengths, lengths)
    items[is_true] = truth.items
    step = max(1, _BLOCK_ITEMS // truth.n_items)
    drawn = [np.empty((0, n), np.int32)]
    for start in range(0, len(truth), step):
        own, out = truth.slice(start, start + step), barred.slice(start, start + step)
        taken = np.tile(weights == 0, (len(own), 1))
        taken[own.rows, own.items] = taken[out.rows, out.items] = True
        left = int((~taken).sum(1).min())
        if left < n:
            raise DataError(f"candidates: there must be {n} items to draw for every user. Somebody has {left}.")
        drawn.append(np.sort(_drawn(taken, weights, n, random), axis=1))
    items[~is_true] = np.concatenate(drawn).ravel()
    return ItemLists(indptr, items, truth.n_items)


def _drawn(taken: BoolArray, weights: Int64Array, n: int, random: np.random.Generator) -> Int32Array:
    """int32[b, n]: n different items a row that are not taken, bool[b, n_items], drawn one after another by weight."""
    drawn = np.empty((len(taken), n), np.int32)
    count = np.zeros(len(taken), np.int64)
    upto = np.cumsum(weights) / weights.sum()
    for _ in range(2 * n):
        rows = np.flatnonzero(count < n)
        items = np.searchsorted(upto, random.random(len(rows)), side="right")
        fresh = ~taken[rows, items]
        rows, items = rows[fresh], items[fresh]
        drawn[rows, count[rows]] = items
        taken[rows, items] = True
        count[rows] += 1
    for row in np.flatnonzero(count < n):  # nearly all of the weight is taken: draw among what is left
        left = np.flatnonzero(~taken[row])
        chances = weights[left] / weights[left].sum()
        drawn[row, count[row] :] = random.choice(left, n - count[row], replace=False, p=chances)
    return drawn
