"""Accuracy as it would be if which interactions are observed did not depend on popularity."""

from __future__ import annotations

import numpy as np

from bench.interactions import Float64Array
from bench.metrics.base import Evidence, UserMetric
from bench.metrics.judged import Judged

GAMMA = 2.0
"""The exponent of the power law between being observed and being relevant; the paper tries 1.5 … 3."""


class RecallIPS(UserMetric):
    """Recall in which a relevant item counts the more, the less likely it was to be observed."""

    name = "recall_ips"
    definition = (
        f"Σ_{{relevant, rank ≤ k}} w / Σ_{{relevant}} w, with w = popularity^−((γ + 1) / 2) and γ = {GAMMA:g}: \
self-normalised inverse propensity scoring. Popularity is the number of training users who have the item; an item that \
nobody has counts as one that a single user has."
    )
    reference = "Yang, Cui, Xuan, Wang, Belongie, Estrin: Unbiased offline recommender evaluation for \
missing-not-at-random implicit feedback. RecSys 2018"
    needs = frozenset({Evidence.TRAINING})

    def values(self, judged: Judged) -> Float64Array:
        weights = np.maximum(judged.known.item_users, 1.0) ** (-(GAMMA + 1) / 2)
        hits = judged.hits[:, : self.k]
        found = np.where(hits, weights[judged.topk.items[:, : self.k]], 0.0).sum(1)
        truth = judged.truth
        possible = np.bincount(truth.rows, weights[truth.items], minlength=len(truth))
        return np.where(possible > 0, np.minimum(found / np.where(possible > 0, possible, 1.0), 1.0), np.nan)
