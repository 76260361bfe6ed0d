"""What the lists of all users together say about the catalogue."""

from __future__ import annotations

import numpy as np

from bench.batches import TopK
from bench.metrics.base import CatalogueMetric


class Coverage(CatalogueMetric):
    """Share of the catalogue that is recommended to anybody."""

    name = "coverage"
    definition = "|∪_u top-k of u| / n_items, over the full catalogue."
    reference = "Ge, Delgado-Battenfeld, Jannach: Beyond accuracy: evaluating recommender systems by coverage and \
serendipity. RecSys 2010"

    def overall(self, topk: TopK, n_items: int) -> float:
        shown = topk.items[:, : self.k]
        return float(len(np.unique(shown[shown >= 0])) / n_items) if n_items else float("nan")
