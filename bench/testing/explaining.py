"""What a fitted model must do when it says why. Algorithms that say nothing pass."""

from __future__ import annotations

import numpy as np

from bench.algorithm import Reason, UserBatch
from bench.interactions import Float32Array
from bench.testing.case import AlgorithmCase, evaluation_batch, scores_of
from bench.testing.data import tiny_fold

N_EXPLAINED = 10
"""Users who are told why."""


def assert_explains_soundly(case: AlgorithmCase) -> None:
    """Reasons are items of the history, training users who have the item, or terms; the highest weight is first, and
    the weights sum to the item's score, within the tolerance. Asked again, it says the same.
    """
    batch = evaluation_batch(tiny_fold())
    for row in range(min(N_EXPLAINED, len(batch))):
        user = batch.slice(row, row + 1)
        scores = scores_of(case.fitted, user)[0]
        items = np.argsort(-scores, kind="stable").astype(np.int32)[:5]
        told = case.fitted.explain(user, items)
        if told is None:
            return
        case.require(len(told) == len(items), f"give reasons for each of {len(items)} items", f"Got {len(told)}.")
        for item, why in zip(items.tolist(), told, strict=True):
            _require_known(case, user, item, why)
        _require_sums(case, scores[items], told)
        case.require(case.fitted.explain(user, items) == told, "give the same reasons when asked again")
    nobody = batch.slice(0, 1)
    case.require(case.fitted.explain(nobody, np.empty(0, np.int32)) == [], "give no reasons for no items")


def _require_known(case: AlgorithmCase, user: UserBatch, item: int, why: list[Reason]) -> None:
    train = tiny_fold().train
    known = {
        "item": set(user.history.row(0).tolist()),
        "user": set(train.user[train.item == item].tolist()),
        "term": {reason.what for reason in why if isinstance(reason.what, str) and reason.what},
    }
    for reason in why:
        rule = "give as reasons items of the history, training users who have the item, or terms"
        case.require(reason.what in known.get(reason.kind, ()), rule, f"Got {reason!r}.")
    weights = [reason.weight for reason in why]
    case.require(weights == sorted(weights, reverse=True), "give the highest weight first", f"Got {weights}.")


def _require_sums(case: AlgorithmCase, scores: Float32Array, told: list[list[Reason]]) -> None:
    sums = np.array([sum(reason.weight for reason in why) for why in told])
    allowed = case.tolerance * max(1.0, float(np.abs(scores).max()))
    difference = float(np.abs(sums - scores).max())
    rule = f"give reasons whose weights sum to the score, within {allowed:g}"
    case.require(difference <= allowed, rule, f"They differ by up to {difference:g}.")
