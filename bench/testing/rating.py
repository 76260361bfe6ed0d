"""What a fitted model must do when it predicts ratings. Algorithms that predict none pass."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.algorithm import Need, RatingPredictor
from bench.interactions import Float32Array, Int32Array
from bench.testing.case import AlgorithmCase, evaluation_batch, scores_of
from bench.testing.data import N_ITEMS, N_USERS, tiny_fold


def assert_ratings_declared(case: AlgorithmCase) -> None:
    """It has `Need.RATINGS` among its needs, also where it names others."""
    model = case.new()
    if isinstance(model, RatingPredictor):
        case.require(Need.RATINGS in model.needs, "have 'ratings' among its `needs`", f"Got {sorted(model.needs)}.")


def assert_ratings_sound(case: AlgorithmCase) -> None:
    """Ratings are float32 [n] and finite: of all pairs, those of unknown users and items included, of one, of none."""
    if isinstance(case.fitted, RatingPredictor):
        users, items = _all_pairs()
        for some in (slice(None), slice(1), slice(0)):
            _sound(case, case.fitted, users[some], items[some])


def _sound(case: AlgorithmCase, model: RatingPredictor[Any], users: Int32Array, items: Int32Array) -> Float32Array:
    ratings = model.predict(users, items)
    typed = isinstance(ratings, np.ndarray) and ratings.dtype == np.float32
    got = f"Got {getattr(ratings, 'dtype', type(ratings).__name__)} {list(getattr(ratings, 'shape', []))}."
    case.require(typed and ratings.shape == users.shape, f"predict float32 [n] = {list(users.shape)}", got)
    bad = int((~np.isfinite(ratings)).sum())
    case.require(bad == 0, "predict finite ratings", f"{bad} of {ratings.size} are NaN or inf.")
    return ratings


def assert_ratings_independent(case: AlgorithmCase) -> None:
    """A pair's rating is the same when asked again, bit for bit; alone and in another order, within the tolerance."""
    model = case.fitted
    if not isinstance(model, RatingPredictor):
        return
    users, items = _all_pairs()
    together = _sound(case, model, users, items)
    case.require_same(_sound(case, model, users, items), together, "predict the same ratings when asked again")
    _close(case, _sound(case, model, users[::-1], items[::-1])[::-1], together, "in another order as in this one")
    few = np.arange(0, len(users), 37)
    alone = np.concatenate([_sound(case, model, users[at : at + 1], items[at : at + 1]) for at in few])
    _close(case, alone, together[few], "alone as among others")


def assert_ratings_agree_with_scores(case: AlgorithmCase) -> None:
    """It scores items by the ratings that it predicts, within the tolerance."""
    model = case.fitted
    if not isinstance(model, RatingPredictor):
        return
    batch = evaluation_batch(tiny_fold())
    users, items = np.repeat(batch.users, N_ITEMS), np.tile(np.arange(N_ITEMS, dtype=np.int32), len(batch))
    _close(case, scores_of(model, batch).ravel(), _sound(case, model, users, items), "as a score as by itself")


def _close(case: AlgorithmCase, other: Float32Array, ratings: Float32Array, how: str) -> None:
    allowed = case.tolerance * max(1.0, float(np.abs(ratings).max()))
    difference = float(np.abs(other - ratings).max())
    rule = f"predict a rating the same {how}, within {allowed:g}"
    case.require(difference <= allowed, rule, f"Ratings differ by up to {difference:g}.")


def _all_pairs() -> tuple[Int32Array, Int32Array]:
    """Every user with every item, int32[n] each: in training or not."""
    users, items = np.divmod(np.arange(N_USERS * N_ITEMS, dtype=np.int32), np.int32(N_ITEMS))
    return users, items
