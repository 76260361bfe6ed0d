"""What the lists of all users together say about the catalogue. c_j is how often item j is in the first k of a list."""

from __future__ import annotations

import numpy as np

from bench.batches import TopK
from bench.interactions import Int64Array
from bench.metrics.base import CatalogueMetric


class Coverage(CatalogueMetric):
    """Share of the catalogue that is recommended to anybody."""

    name = "coverage"
    definition = "|∪_u top-k of u| / n_items, over the full catalogue."
    reference = "Ge, Delgado-Battenfeld, Jannach: Beyond accuracy: evaluating recommender systems by coverage and \
serendipity. RecSys 2010"
    undefined = "a catalogue without items"

    def overall(self, topk: TopK, n_items: int) -> float:
        return float((_counts(topk, self.k, n_items) > 0).mean()) if n_items else float("nan")


class Gini(CatalogueMetric):
    """How unevenly recommendations fall on items: 0 if all are recommended equally often, near 1 if few are."""

    name = "gini"
    definition = "Σ_j (2j − n_items − 1) c_j / (n_items Σ_j c_j), with c_1 ≤ c_2 ≤ … over the full catalogue. The \
denominator is n_items, not n_items − 1, so that one item alone gives 1 − 1 / n_items."
    reference = "Fleder, Hosanagar: Blockbuster culture's next rise or fall. Management Science 55(5), 2009; Shani, \
Gunawardana: Evaluating recommendation systems (2011), which divides by n_items − 1"
    undefined = "lists that recommend nothing"
    higher_is_better = False

    def overall(self, topk: TopK, n_items: int) -> float:
        return gini(_counts(topk, self.k, n_items))


class Entropy(CatalogueMetric):
    """How many bits it takes to say which item a recommendation is: high if they are spread over many."""

    name = "entropy"
    definition = "−Σ_j p_j log2 p_j, with p_j = c_j / Σ_j c_j; an item that is never recommended adds 0."
    reference = "Shani, Gunawardana: Evaluating recommendation systems. Recommender Systems Handbook (2011), 8.3.2.1"
    range = (0.0, float("inf"))
    undefined = "lists that recommend nothing"

    def overall(self, topk: TopK, n_items: int) -> float:
        counts = _counts(topk, self.k, n_items)
        shares = counts[counts > 0] / max(counts.sum(), 1)
        return float(shares @ -np.log2(shares)) if len(shares) else float("nan")


class UserCoverage(CatalogueMetric):
    """Share of users who are recommended anything."""

    name = "user_coverage"
    definition = "The share of users whose list holds at least one item, however short it is."
    reference = "Shani, Gunawardana: Evaluating recommendation systems. Recommender Systems Handbook (2011), 8.3.2.2"
    undefined = "no users"
    takes_cutoff = False

    def overall(self, topk: TopK, n_items: int) -> float:
        return float(topk.filled.any(1).mean()) if len(topk) else float("nan")


def gini(counts: Int64Array) -> float:
    """How unevenly counts, int64[n], fall on n items, as `Gini` defines it; NaN if all are 0."""
    n, ascending = len(counts), np.sort(counts)
    if not ascending.sum():
        return float("nan")
    return float((2 * np.arange(1, n + 1) - n - 1) @ ascending / (n * ascending.sum()))


def _counts(topk: TopK, k: int, n_items: int) -> Int64Array:
    """int64[n_items]: how often each item is among the first k of a list."""
    shown = topk.items[:, :k]
    return np.bincount(shown[shown >= 0], minlength=n_items)
