"""Synthetic users as training data: their interactions beside the real ones, and how faithful they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import sparse

from bench.interactions import Float64Array, IdArray, Int32Array, Int64Array, Interactions, ItemLists

SAMPLED_USERS = 1_000
"""Users, at most, whose nearest neighbours are searched; among all users, so the distances stay exact."""
_BLOCK_CELLS = 2**24


def augmented(data: Interactions, synthetic: ItemLists, models: Int32Array, rng: np.random.Generator) -> Interactions:
    """`data`, then the rows of the synthetic users, who come after the real ones in the vocabulary.

    models: int32[n_synthetic], for each synthetic user the code of a real one with at least as many distinct items.
    Each synthetic interaction has the rating of a random real one with that item. Its place in its user's
    history is that which the real one had in its own, and the times are those of the model user, so that a
    sequential algorithm finds popular beginnings at the beginning.
    """
    event = _random_event_of(synthetic.items, data, rng)
    order = np.lexsort((_relative_position(data)[event], synthetic.rows))
    event, items = event[order], synthetic.items[order]
    rows = Interactions(
        user=(synthetic.rows + data.n_users).astype(np.int32),
        item=items,
        user_ids=np.concatenate([data.user_ids, synthetic_ids(len(synthetic), data.user_ids)]),
        item_ids=data.item_ids,
        rating=None if data.rating is None else data.rating[event],
        timestamp=None if data.timestamp is None else _times_of(models, synthetic.lengths, data),
    )
    return replace(data, user_ids=rows.user_ids).concat(rows)


def synthetic_ids(n: int, taken: IdArray) -> IdArray:
    """`synthetic-0001`, …; the prefix is doubled until no real id begins with it."""
    prefix = "synthetic-"
    while any(str(identifier).startswith(prefix) for identifier in taken):
        prefix += "synthetic-"
    return np.array([f"{prefix}{number:04d}" for number in range(1, n + 1)], object)


def _random_event_of(items: Int32Array, data: Interactions, rng: np.random.Generator) -> Int64Array:
    """int64[len(items)]: the row of a random interaction of `data` with each item."""
    by_item = np.argsort(data.item, kind="stable")
    counts = np.bincount(data.item, minlength=data.n_items)
    first = np.cumsum(counts) - counts
    within = (rng.random(len(items)) * counts[items]).astype(np.int64)
    return np.asarray(by_item[first[items] + within], np.int64)


def _history_order(data: Interactions) -> Int64Array:
    """int64[n]: rows user by user, oldest first."""
    times = np.zeros(len(data)) if data.timestamp is None else data.timestamp
    return np.lexsort((np.arange(len(data)), times, data.user))


def _relative_position(data: Interactions) -> Float64Array:
    """float64[n] in (0, 1): where in its user's history each row stands."""
    counts = np.bincount(data.user, minlength=data.n_users)
    first = np.cumsum(counts) - counts
    position = np.empty(len(data))
    position[_history_order(data)] = np.arange(len(data)) + 0.5
    return (position - first[data.user]) / counts[data.user]


def _times_of(models: Int32Array, lengths: Int64Array, data: Interactions) -> Int64Array:
    """int64[Σ lengths]: the first `lengths` times of each model user, oldest first."""
    assert data.timestamp is not None
    counts = np.bincount(data.user, minlength=data.n_users)
    first = (np.cumsum(counts) - counts)[models]
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    times: Int64Array = data.timestamp[_history_order(data)[np.repeat(first, lengths) + within]]
    return times


def faithfulness(
    real: sparse.csr_matrix, synthetic: sparse.csr_matrix, rng: np.random.Generator
) -> dict[str, int | float | None]:
    """How like real users the synthetic ones are, and how unlike any single one.

    real, synthetic: binary [n_users, n_items]. Distances are Jaccard's, in [0, 1], to the nearest other user:
    synthetic ones much nearer to real ones than those are to each other were copied; synthetic ones much
    nearer to each other come from a collapsed generator. None where undefined (a constant has no
    correlation, a lone user no neighbour).
    """
    from scipy.stats import ks_2samp, rankdata

    popularity, generated = (np.asarray(users.sum(axis=0), np.float64).ravel() for users in (real, synthetic))
    lengths, generated_lengths = np.diff(real.indptr), np.diff(synthetic.indptr)
    return {
        "n_real_users": real.shape[0],
        "n_synthetic_users": synthetic.shape[0],
        "n_synthetic_interactions": int(synthetic.nnz),
        "popularity_pearson": _correlation(popularity, generated),
        "popularity_spearman": _correlation(rankdata(popularity), rankdata(generated)),
        "mean_length_real": float(lengths.mean()),
        "mean_length_synthetic": float(generated_lengths.mean()),
        "length_ks_distance": float(ks_2samp(lengths, generated_lengths).statistic),
        "nearest_distance_synthetic_to_real": _mean_nearest(synthetic, real, False, rng),
        "nearest_distance_real_to_real": _mean_nearest(real, real, True, rng),
        "nearest_distance_synthetic_to_synthetic": _mean_nearest(synthetic, synthetic, True, rng),
    }


def _correlation(left: Float64Array, right: Float64Array) -> float | None:
    if np.ptp(left) == 0 or np.ptp(right) == 0:
        return None
    return float(np.corrcoef(left, right)[0, 1])


def _mean_nearest(
    users: sparse.csr_matrix, others: sparse.csr_matrix, same: bool, rng: np.random.Generator
) -> float | None:
    """Mean over (a sample of) users of the Jaccard distance to the nearest of the others.

    same: both are the same users, and nobody is their own neighbour.
    """
    if others.shape[0] <= same:
        return None
    sample = rng.permutation(users.shape[0])[:SAMPLED_USERS]
    size = max(1, _BLOCK_CELLS // others.shape[0])
    blocks = [sample[start : start + size] for start in range(0, len(sample), size)]
    return float(np.concatenate([_nearest(users, others, rows, same) for rows in blocks]).mean())


def _nearest(users: sparse.csr_matrix, others: sparse.csr_matrix, rows: Int64Array, same: bool) -> Float64Array:
    """float64[len(rows)]: the distance of each of these users to the nearest of the others."""
    shared = (users[rows] @ others.T).toarray().astype(np.float64)
    either = np.diff(users.indptr)[rows][:, None] + np.diff(others.indptr)[None] - shared
    distance = 1 - shared / either
    if same:
        distance[np.arange(len(rows)), rows] = np.inf
    return np.asarray(distance.min(axis=1))
