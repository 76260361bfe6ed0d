"""Lists beside what items are. An item's attributes are its tags and categories (or its words: see `attributes`)."""

from __future__ import annotations

import math

import numpy as np
from scipy import sparse

from bench.interactions import Float64Array
from bench.metrics.attributes import Float64Matrix, scaled
from bench.metrics.base import Evidence, UserMetric
from bench.metrics.judged import Judged

ALPHA = 0.01
"""How much of the history's distribution is mixed into the list's, so that their divergence is finite (Steck 2018)."""


class IntraListDiversity(UserMetric):
    """How unlike each other the recommended items are."""

    name = "intra_list_diversity"
    definition = "The mean over the pairs among the first k items of 1 − cosine similarity of their binary attributes; \
items without attributes are left out."
    reference = "Smyth, McClave: Similarity vs. diversity. ICCBR 2001; Ziegler, McNee, Konstan, Lausen: Improving \
recommendation lists through topic diversification. WWW 2005"
    undefined = "a user to whom fewer than two items with attributes are recommended"
    needs = frozenset({Evidence.ITEM_FEATURES})

    def values(self, judged: Judged) -> Float64Array:
        listed = judged.listed(self.k)
        total = listed @ judged.known.item_vectors
        n = listed @ judged.known.described.astype(np.float64)
        # The square of a sum of n unit vectors is n plus twice the cosines of its pairs.
        cosines, pairs = (_row_sums(total.multiply(total)) - n) / 2, n * (n - 1) / 2
        return np.where(n > 1, np.clip(1 - cosines / np.maximum(pairs, 1), 0.0, 1.0), np.nan)


class Serendipity(UserMetric):
    """Share of the recommended items that are relevant, each as far as it is unlike what the user had."""

    name = "serendipity"
    definition = "Σ_{i≤k} r_i · (1 − mean cosine similarity of item i to the items of the history) / k, over binary \
attributes. History items without attributes are left out; a recommended one without adds 0."
    reference = "Unexpectedness: Zhang, Ó Séaghdha, Quercia, Jambor: Auralist: introducing serendipity into music \
recommendation. WSDM 2012; with relevance: Kaminskas, Bridge: Diversity, serendipity, novelty, and coverage. ACM TiiS \
7(1), 2016"
    undefined = "a user without relevant items, or whose history has no item with attributes"
    needs = frozenset({Evidence.ITEM_FEATURES})

    def values(self, judged: Judged) -> Float64Array:
        known = judged.known
        had = known.seen @ known.described.astype(np.float64)
        tastes = scaled(known.seen @ known.item_vectors, had)
        rows, ranks = np.nonzero(judged.hits[:, : self.k])
        items = judged.topk.items[rows, ranks]
        cosines = _row_sums(tastes[rows].multiply(known.item_vectors[items]))
        unlike = np.clip(1 - cosines, 0.0, 1.0) * known.described[items]
        sums = np.bincount(rows, unlike, minlength=len(judged.topk))
        return np.where((judged.n_relevant > 0) & (had > 0), sums / self.k, np.nan)


class Calibration(UserMetric):
    """How far the attributes of the list, such as genres, are from those of the history: 0 if in the same shares."""

    name = "calibration"
    definition = f"Kullback–Leibler divergence Σ_g p_g log2(p_g / q̃_g), in bits, with q̃ = {1 - ALPHA:g} q + {ALPHA:g} \
p. p and q are the mean distributions of the history's distinct items and of the first k items; an item's is even over \
its attributes, and items without any are left out."
    reference = "Steck: Calibrated recommendations. RecSys 2018"
    range = (0.0, math.log2(1 / ALPHA))
    higher_is_better = False
    undefined = "a user whose history or list has no item with attributes"
    needs = frozenset({Evidence.ITEM_FEATURES})

    def values(self, judged: Judged) -> Float64Array:
        known = judged.known
        shares = scaled(known.attributes, np.diff(known.attributes.indptr))
        wanted, given = _distribution(known.seen @ shares), _distribution(judged.listed(self.k) @ shares)
        divergence = np.maximum(_divergence(wanted, (1 - ALPHA) * given + ALPHA * wanted), 0.0)
        return np.where((np.diff(wanted.indptr) > 0) & (np.diff(given.indptr) > 0), divergence, np.nan)


def _distribution(masses: Float64Matrix) -> Float64Matrix:
    return scaled(masses, _row_sums(masses))


def _divergence(p: Float64Matrix, q: Float64Matrix) -> Float64Array:
    """float64[b]: Σ_g p_g log2(p_g / q_g). q must be greater than 0 wherever p is."""
    inverse = sparse.csr_matrix((1 / q.data, q.indices, q.indptr), q.shape)
    ratios = sparse.csr_matrix(p.multiply(inverse))
    logarithms = sparse.csr_matrix((np.log2(ratios.data), ratios.indices, ratios.indptr), ratios.shape)
    return _row_sums(p.multiply(logarithms))


def _row_sums(matrix: Float64Matrix) -> Float64Array:
    return np.asarray(matrix.sum(1), np.float64).ravel()
