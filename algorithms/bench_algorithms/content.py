"""Content-based filtering: recommend items whose attributes are like those of the history."""

from __future__ import annotations

from typing import Self

import numpy as np
from scipy import sparse

from bench.algorithm import Algorithm, Context, EvalSet, Need, UserBatch
from bench.interactions import Float32Array, Interactions
from bench_algorithms.item_vectors import VECTOR_IMPORTS, FeatureConfig, item_vectors


class Content(Algorithm[FeatureConfig]):
    """Cosine between an item's TF-IDF attributes and the mean of those of the history.

    Works with whatever attributes a data set has: text by its words, tags and categories as they are, numbers
    in bins. Learns from interactions only which items there are to take statistics over, so items never seen in
    training are recommended like any other.
    An empty history scores 0 everywhere.
    """

    seeded = False
    needs = frozenset({Need.ITEM_FEATURES})
    imports = VECTOR_IMPORTS
    paper = (
        "Lops, de Gemmis, Semeraro: Content-based recommender systems: state of the art and trends. "
        "Recommender Systems Handbook, 2011"
    )

    def fit(self, train: Interactions, validation: EvalSet | None, context: Context) -> Self:
        """Makes the item vectors. Raises UnmetNeedError if there are no item features in training."""
        self.items = item_vectors(context.require_item_features(), train, self.config)
        self.terms = self.items.T.tocsr()
        return self

    def score(self, batch: UserBatch) -> Float32Array:
        """float32[b, n_items], in [0, 1]."""
        profiles = batch.history.csr().astype(np.float64) @ self.items
        lengths = np.sqrt(np.asarray(profiles.multiply(profiles).sum(axis=1))).ravel()
        cosines = sparse.diags_array(1 / np.where(lengths > 0, lengths, 1)) @ profiles @ self.terms
        return np.asarray(cosines.toarray(), np.float32)
