"""Content-based filtering: recommend items whose attributes are like those of the history."""

from __future__ import annotations

from typing import Self

import numpy as np
from scipy import sparse

from bench.algorithm import Algorithm, Context, EvalSet, Need, Reason, UserBatch
from bench.interactions import Float32Array, Int32Array, Interactions
from bench.reasons import reasons
from bench_algorithms.item_vectors import VECTOR_IMPORTS, FeatureConfig, named_vectors


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
        self.items, terms = named_vectors(context.require_item_features(), train, self.config)
        self.names, self.named = np.unique(terms, return_inverse=True)
        self.terms = self.items.T.tocsr()
        return self

    def score(self, batch: UserBatch) -> Float32Array:
        """float32[b, n_items], in [0, 1]."""
        return np.asarray((self._profiles(batch) @ self.terms).toarray(), np.float32)

    def explain(self, batch: UserBatch, items: Int32Array) -> list[list[Reason]]:
        """The terms they share with the history, such as "genres=Comedy"; of a number, such as "year", how near."""
        common = self.items[items].multiply(self._profiles(batch)).tocsr()
        rows = [common[[row]] for row in range(len(items))]
        weights = [np.bincount(self.named[row.indices], row.data, minlength=len(self.names)) for row in rows]
        return [reasons("term", self.names, own) for own in weights]

    def _profiles(self, batch: UserBatch) -> sparse.csr_matrix:
        """float64 [b, n_terms]: the mean direction of each user's items, of length 1."""
        profiles = batch.history.csr().astype(np.float64) @ self.items
        lengths = np.sqrt(np.asarray(profiles.multiply(profiles).sum(axis=1))).ravel()
        return sparse.csr_matrix(sparse.diags_array(1 / np.where(lengths > 0, lengths, 1)) @ profiles)
