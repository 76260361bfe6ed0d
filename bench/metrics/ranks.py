"""Accuracy of the whole ranking: from the rank of every relevant item among a user's N candidates, no cut-off."""

from __future__ import annotations

import numpy as np

from bench.interactions import BoolArray, Float64Array, Int64Array
from bench.metrics.base import Evidence, UserMetric
from bench.metrics.judged import Judged


class AUC(UserMetric):
    """Probability that a relevant candidate is ranked above one that is not."""

    name = "auc"
    definition = "The share of the n · (N − n) pairs of a relevant and a not relevant candidate in which the relevant \
one ranks higher: Σ_{relevant} (N − rank) − n(n − 1) / 2, divided by n(N − n)."
    reference = "Rendle, Freudenthaler, Gantner, Schmidt-Thieme: BPR: Bayesian personalized ranking from implicit \
feedback. UAI 2009"
    undefined = "a user without relevant items, with one whose rank is not known, or whose candidates are all relevant"
    takes_cutoff = False
    needs = frozenset({Evidence.RANKS})

    def values(self, judged: Judged) -> Float64Array:
        n, candidates = judged.n_relevant, judged.known.n_candidates
        below = _per_user(judged, candidates[judged.truth.rows] - judged.ranks)
        right, pairs = below - n * (n - 1) // 2, n * (candidates - n)
        defined = (pairs > 0) & (_per_user(judged, judged.ranks == 0) == 0)
        return np.where(defined, right / np.maximum(pairs, 1), np.nan)


class RPrecision(UserMetric):
    """Precision at the cut-off n, where it equals recall."""

    name = "r_precision"
    definition = "The share of the n relevant items whose rank is at most n. An item of unknown rank counts as lower \
where the list would show it: it has n places, or ends before its last."
    reference = "Manning, Raghavan, Schütze: Introduction to Information Retrieval (2008), 8.4"
    undefined = "a user without relevant items, or with one whose rank is not known and a full list of fewer than n"
    takes_cutoff = False
    needs = frozenset({Evidence.RANKS})

    def values(self, judged: Judged) -> Float64Array:
        n, ranks = judged.n_relevant, judged.ranks
        found = _per_user(judged, (ranks > 0) & (ranks <= n[judged.truth.rows]))
        shown = (judged.topk.k >= n) | ~judged.topk.filled.all(1)
        defined = (n > 0) & (shown | (_per_user(judged, ranks == 0) == 0))
        return np.where(defined, found / np.maximum(n, 1), np.nan)


def _per_user(judged: Judged, values: Int64Array | BoolArray) -> Int64Array:
    """int64[b]: the sum of one whole number a relevant item over each user's."""
    return np.bincount(judged.truth.rows, values, minlength=len(judged.truth)).astype(np.int64)
