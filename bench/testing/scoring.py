"""What a fitted model must do when it scores and recommends."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.algorithm import Algorithm, TopK, UserBatch
from bench.ranking import recommend
from bench.seeds import tie_order
from bench.testing.case import SEED, AlgorithmCase, batch_of, evaluation_batch, scores_of
from bench.testing.data import COLD_ITEM, N_ITEMS, UNSEEN_USERS, one_item_catalogue, tiny_fold


def assert_scores_sound(case: AlgorithmCase) -> None:
    """Scores are float32 [b, n_items] and finite, for many users and for one, the cold item included."""
    batch = evaluation_batch(tiny_fold())
    for part in (batch, batch.slice(0, 1)):
        _require_sound(case, case.fitted, part)


def _require_sound(case: AlgorithmCase, model: Algorithm[Any], batch: UserBatch) -> None:
    scores = model.score(batch)
    dtype = str(scores.dtype).removeprefix("torch.")
    case.require(dtype == "float32", "score in float32", f"Got {dtype}.")
    values, shape = scores_of(model, batch), (len(batch), batch.history.n_items)
    case.require(values.shape == shape, f"score a batch as [b, n_items] = {list(shape)}", f"Got {list(values.shape)}.")
    bad = int((~np.isfinite(values)).sum())
    case.require(bad == 0, "give finite scores", f"{bad} of {values.size} are NaN or inf.")


def assert_recommends_soundly(case: AlgorithmCase) -> None:
    """Lists hold no item of the history and none twice, best first, padded on the right where items run out."""
    batch = evaluation_batch(tiny_fold())
    ties = tie_order(SEED, tiny_fold().train.item_ids)
    for k in (1, 5, N_ITEMS + 3):
        _require_sound_lists(case, case.fitted.recommend(batch, k, ties), batch, k)


def _require_sound_lists(case: AlgorithmCase, topk: TopK, batch: UserBatch, k: int) -> None:
    shape = (len(batch), k)
    got = f"Got {topk.items.dtype} {list(topk.items.shape)} and {topk.scores.dtype} {list(topk.scores.shape)}."
    typed = topk.items.dtype == np.int32 and topk.scores.dtype == np.float32
    case.require(
        typed and topk.items.shape == topk.scores.shape == shape,
        f"recommend int32 items and float32 scores [b, k] = {list(shape)}",
        got,
    )
    for row, (items, scores) in enumerate(zip(topk.items, topk.scores, strict=True)):
        history = set(batch.history.row(row).tolist())
        n = min(k, batch.history.n_items - len(history))
        who = f"Row {row}: items {items.tolist()}, scores {scores.tolist()}, history {sorted(history)}."
        case.require((items[:n] >= 0).all() and (items[n:] == -1).all(), f"recommend {n} items, then −1", who)
        case.require(np.isneginf(scores[n:]).all(), "pad scores with −inf", who)
        case.require(len(set(items[:n].tolist())) == n, "recommend no item twice", who)
        case.require(not history & set(items[:n].tolist()), "recommend nothing the user has", who)
        case.require((np.diff(scores[:n]) <= 0).all(), "recommend the best first", who)


def assert_unseen_users_served(case: AlgorithmCase) -> None:
    """Users without training rows get finite scores, unless `serves_unseen_users` is false."""
    if case.fitted.serves_unseen_users:
        _require_sound(case, case.fitted, batch_of(UNSEEN_USERS, [[0, 2, 4], [COLD_ITEM]], N_ITEMS))


def assert_empty_history_served(case: AlgorithmCase) -> None:
    """Users with an empty history get finite scores, beside others and alone."""
    _require_sound(case, case.fitted, batch_of([0, 1], [[], [1, 3]], N_ITEMS))
    _require_sound(case, case.fitted, batch_of([0], [[]], N_ITEMS))
    if case.fitted.serves_unseen_users:
        _require_sound(case, case.fitted, batch_of(UNSEEN_USERS, [[], []], N_ITEMS))


def assert_one_item_served(case: AlgorithmCase) -> None:
    """A catalogue of one item works: it is recommended to whom has it not, and nothing to the others."""
    train, features = one_item_catalogue()
    model = case.fit_on(train, None, features, features.aligned(train.user_ids))
    batch = batch_of([0, 1], [[], [0]], 1)
    _require_sound(case, model, batch)
    ties = tie_order(SEED, train.item_ids)
    lists = recommend(model, case.name, batch, 2, ties, train.user_ids).topk.items
    expected = [[0, -1], [-1, -1]]
    case.require(lists.tolist() == expected, f"recommend {expected} of one item", f"Got {lists.tolist()}.")


def assert_batch_independent(case: AlgorithmCase) -> None:
    """A user's scores are the same alone, among others and in another order, within the tolerance."""
    batch = evaluation_batch(tiny_fold())
    together = scores_of(case.fitted, batch)
    order = np.arange(len(batch))[::-1]
    lists = [batch.history.row(row).tolist() for row in order.tolist()]
    reversed_ = scores_of(case.fitted, batch_of(batch.users[order], lists, N_ITEMS))[order]
    alone = np.concatenate([scores_of(case.fitted, batch.slice(r, r + 1)) for r in range(len(batch))])
    allowed = case.tolerance * max(1.0, float(np.abs(together).max()))
    for other, how in ((alone, "alone"), (reversed_, "in another order")):
        difference = float(np.abs(other - together).max())
        case.require(
            difference <= allowed,
            f"score a user the same {how} as in a batch, within {allowed:g}",
            f"Scores differ by up to {difference:g}.",
        )
