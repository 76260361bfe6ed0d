"""Recommendations made elsewhere beside their truth: the same `Judged` that the harness makes of its own.

What the files leave open is decided here once, and said in a note: ties, gaps, users on one side only, the
catalogue, items the user already had.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pyarrow import compute

from bench.batches import TopK
from bench.errors import DataError, UsageError
from bench.interactions import BoolArray, Float64Array, Int64Array, ItemLists
from bench.lists import Pairs, RankedRows
from bench.metrics.base import Judged
from bench.seeds import tie_order

TIE_SEED = 0
"""Files carry no seed, so ties are broken by the same hash of the item for everybody."""


@dataclass(frozen=True, eq=False)
class Outside:
    """Lists and truth of every user of either file, and what was decided on the way."""

    judged: Judged
    notes: list[str]


@dataclass(frozen=True, eq=False)
class _Coded:
    """Rows as codes. user, item: int64[n]; pair: one number a user-item pair."""

    user: Int64Array
    item: Int64Array
    pair: Int64Array


def judge(recommended: RankedRows, truth: Pairs, train: Sequence[Pairs], k: int, n_items: int | None = None) -> Outside:
    """Lists of length k and their truth.

    Users of the truth without recommendations get an empty list, which scores 0. Users of the
    recommendations without truth get an empty truth, for which metrics are undefined. n_items: the size of
    the catalogue; by default, the items of all files.

    Raises DataError on a pair recommended twice, or if the files share no user; UsageError on an `n_items`
    smaller than what the files hold.
    """
    users = _vocabulary([truth.user, recommended.pairs.user])
    items = _vocabulary([part.item for part in (truth, recommended.pairs, *train)])
    lists, wanted = _coded(recommended.pairs, users, items), _coded(truth, users, items)
    _check_unique(lists, recommended.pairs)
    has_list, has_truth = (np.bincount(part.user, minlength=len(users)) > 0 for part in (lists, wanted))
    if not (has_list & has_truth).any():
        raise DataError(
            "the recommendations and the truth must have users in common, with ids written alike. "
            f"Got users such as '{recommended.pairs.user[0]}' and '{truth.user[0]}'."
        )
    relevant = _distinct(wanted.pair)
    known = [_coded(part, users, items) for part in train]
    topk, order_notes = _top_k(lists, recommended, items, len(users), k)
    notes = [
        *order_notes,
        *_user_notes(has_list, has_truth),
        *_truth_notes(len(wanted.pair), relevant, known),
        *_seen_notes(topk, known, len(items)),
        _catalogue_note(len(items), n_items),
    ]
    return Outside(Judged(topk, _truth_lists(relevant, len(users), n_items or len(items), len(items))), notes)


def _vocabulary(parts: Iterable[pa.StringArray]) -> pa.StringArray:
    return compute.unique(pa.chunked_array(list(parts)))


def _coded(pairs: Pairs, users: pa.StringArray, items: pa.StringArray) -> _Coded:
    """A user outside the vocabulary (only train can have one) has the code −1."""
    user = compute.fill_null(compute.index_in(pairs.user, users), -1).to_numpy().astype(np.int64)
    item = compute.index_in(pairs.item, items).to_numpy().astype(np.int64)
    return _Coded(user, item, user * len(items) + item)


def _distinct(pairs: Int64Array) -> Int64Array:
    """The values, sorted, each once. Sorting is several times faster than np.unique's hash table."""
    ordered: Int64Array = np.sort(pairs)
    distinct: Int64Array = ordered[np.concatenate([np.ones(1, np.bool_), ordered[1:] != ordered[:-1]])]
    return distinct


def _check_unique(lists: _Coded, pairs: Pairs) -> None:
    repeats = len(pairs) - len(_distinct(lists.pair))
    if repeats:
        rows = np.ones(len(pairs), np.bool_)
        rows[np.unique(lists.pair, return_index=True)[1]] = False
        row = int(np.argmax(rows))
        raise DataError(
            f"the recommendations must hold a user-item pair once. {repeats} rows repeat one, the first of them "
            f"user '{pairs.user[row]}' with item '{pairs.item[row]}'."
        )


def _top_k(
    lists: _Coded, recommended: RankedRows, items: pa.StringArray, n_users: int, k: int
) -> tuple[TopK, list[str]]:
    """The lists, and how they were ordered. Ties are rare and costly, so they are sorted out only where they are."""
    order = np.lexsort((recommended.key, lists.user))
    tied = _tied(lists.user[order], recommended.key[order])
    if tied.any():
        ties = tie_order(TIE_SEED, np.array(items.to_pylist(), object))
        order = np.lexsort((ties[lists.item], recommended.key, lists.user))
    user, item, key = lists.user[order], lists.item[order], recommended.key[order]
    position = np.arange(len(user)) - np.searchsorted(user, user)
    kept = position < k
    topk = TopK(np.full((n_users, k), -1, np.int32), np.full((n_users, k), -np.inf, np.float32))
    topk.items[user[kept], position[kept]] = item[kept]
    topk.scores[user[kept], position[kept]] = -key[kept]
    return topk, _order_notes(recommended.by, user, tied, key != position + 1)


def _tied(user: Int64Array, key: Float64Array) -> BoolArray:
    """bool[n]: whether a row has the same key as the one above it, of the same user."""
    same = (user[1:] == user[:-1]) & (key[1:] == key[:-1])
    return np.concatenate([np.zeros(1, np.bool_), same])


def _truth_lists(pairs: Int64Array, n_users: int, n_items: int, n_coded: int) -> ItemLists:
    if n_items < n_coded:
        raise UsageError(f"the catalogue cannot be smaller than the {n_coded} items of the files. Got {n_items}.")
    lengths = np.bincount(pairs // n_coded, minlength=n_users)
    return ItemLists(np.concatenate([[0], np.cumsum(lengths)]), (pairs % n_coded).astype(np.int32), n_items)


def _order_notes(by: str, user: Int64Array, tied: BoolArray, displaced: BoolArray) -> list[str]:
    notes = [f"ordered by '{by}', {'1 first' if by == 'rank' else 'the highest first'}."]
    if tied.any():
        notes.append(f"users with equal {by}s: {len(np.unique(user[tied]))}; a hash of the item decides.")
    elif by == "rank" and displaced.any():
        users = len(np.unique(user[displaced]))
        notes.append(f"users with gaps in their ranks: {users}; what follows a gap moves up.")
    return notes


def _user_notes(has_list: BoolArray, has_truth: BoolArray) -> list[str]:
    notes = []
    if (has_list & ~has_truth).any():
        number = int((has_list & ~has_truth).sum())
        notes.append(f"users with recommendations and no truth: {number}; undefined, in no mean.")
    if (has_truth & ~has_list).any():
        number = int((has_truth & ~has_list).sum())
        notes.append(f"users with a truth and no recommendations: {number}; an empty list, which scores 0.")
    return notes


def _truth_notes(n_rows: int, relevant: Int64Array, known: Sequence[_Coded]) -> list[str]:
    repeats, leaked = n_rows - len(relevant), int(_in_any(relevant, known).sum())
    notes = [f"rows of the truth that repeat a pair: {repeats}; it counts once."] if repeats else []
    return [*notes, f"pairs of the truth that are training data too: {leaked}."] if leaked else notes


def _seen_notes(topk: TopK, known: Sequence[_Coded], n_items: int) -> list[str]:
    if not known:
        return []
    rows, ranks = np.nonzero(topk.filled)
    seen = _in_any(rows * n_items + topk.items[rows, ranks], known)
    if not seen.any():
        return []
    users = len(np.unique(rows[seen]))
    return [f"recommended items that are their user's training data: {int(seen.sum())}, of users: {users}; they stay."]


def _in_any(pairs: Int64Array, known: Sequence[_Coded]) -> BoolArray:
    found = np.zeros(len(pairs), np.bool_)
    for part in known:
        found |= np.isin(pairs, part.pair[part.user >= 0])
    return found


def _catalogue_note(n_items: int, given: int | None) -> str:
    return (
        f"the catalogue is the {n_items} items of all files." if given is None else f"the catalogue has {given} items."
    )
