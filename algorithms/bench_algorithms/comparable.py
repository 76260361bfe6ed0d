"""Scores of several algorithms made comparable, user by user, over the items that may be recommended.

Everywhere: scores float64[b, n_items]; allowed bool[b, n_items].
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from bench.algorithm import Scores, UserBatch
from bench.interactions import BoolArray, Float64Array

Scale = Literal["rank", "min-max", "z-score"]


def as_float64(scores: Scores) -> Float64Array:
    """An algorithm's scores as a numpy array, whatever they were."""
    if isinstance(scores, np.ndarray):
        return scores.astype(np.float64)
    return np.asarray(scores.detach().cpu().numpy(), np.float64)


def recommendable(batch: UserBatch) -> BoolArray:
    """bool[b, n_items]: all but the history, which counts where it may be recommended again.

    Candidates that were sampled to judge by make no difference: an item's score shall not depend on them.
    """
    refused = batch.history if batch.candidates.only else batch.candidates.listed
    allowed = np.ones((len(batch), batch.history.n_items), np.bool_)
    allowed[refused.rows, refused.items] = False
    return allowed


def rescaled(scores: Float64Array, allowed: BoolArray, scale: Scale) -> Float64Array:
    """float64[b, n_items]: an item's rank, from 0 for the lowest to 1 for the best; its place between the lowest and
    the highest score; or its distance from the mean in standard deviations. 0 where not allowed, or all are the same.
    """
    if scale == "rank":
        return _min_max(-places(scores, allowed), allowed)
    return _min_max(scores, allowed) if scale == "min-max" else _z_scores(scores, allowed)


def places(scores: Float64Array, allowed: BoolArray) -> Float64Array:
    """float64[b, n_items]: 1 for a user's best item, 2 for the next; tied ones share the mean of theirs. Items that
    are not allowed come after the others.
    """
    from scipy.stats import rankdata

    return np.asarray(rankdata(np.where(allowed, -scores, np.inf), axis=1), np.float64)


def _min_max(scores: Float64Array, allowed: BoolArray) -> Float64Array:
    low = np.where(allowed, scores, np.inf).min(axis=1, keepdims=True)
    high = np.where(allowed, scores, -np.inf).max(axis=1, keepdims=True)
    spread = np.where(high > low, high - low, 1)
    return np.where(allowed, (scores - low) / spread, 0)


def _z_scores(scores: Float64Array, allowed: BoolArray) -> Float64Array:
    n = np.maximum(allowed.sum(axis=1, keepdims=True), 1)
    mean = np.where(allowed, scores, 0).sum(axis=1, keepdims=True) / n
    centred = np.where(allowed, scores - mean, 0)
    deviation = np.sqrt((centred**2).sum(axis=1, keepdims=True) / n)
    return centred / np.where(deviation > 0, deviation, 1)
