"""TF-IDF and BM25 for binary interactions: rows are the documents that are compared, columns their terms.

A row weighted so keeps its zeros, and every weight is positive.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import sparse

from bench.interactions import Float64Array

Weighting = Literal["none", "tf-idf", "bm25"]

BM25_K1 = 1.2
BM25_B = 0.75
"""Robertson, Zaragoza: The probabilistic relevance framework: BM25 and beyond. FnTIR 3(4), 2009."""


@dataclass(frozen=True, eq=False)
class TermWeights:
    """Weights learnt from one matrix, applied to any with the same columns.

    rarity: float64[n_terms], the weight of each term. mean_length: average number of terms a document, where
    BM25 asks for it, otherwise None.
    """

    rarity: Float64Array
    mean_length: float | None = None

    @classmethod
    def learn(cls, documents: sparse.csr_matrix, weighting: Weighting) -> TermWeights:
        """The weights for N documents, n of them with the term, and l terms in a document.

        none: 1. tf-idf: ln((1 + N) / (1 + n)) + 1, as scikit-learn's TfidfTransformer.
        bm25: ln(1 + (N − n + ½) / (n + ½)) · (k1 + 1) / (1 + k1 · (1 − b + b · l / mean l)), with Lucene's
        rarity, k1 = 1.2 and b = 0.75.
        """
        total, counts = documents.shape[0], documents.getnnz(axis=0).astype(np.float64)
        if weighting == "none":
            return cls(np.ones(documents.shape[1]))
        if weighting == "tf-idf":
            return cls(np.log((1 + total) / (1 + counts)) + 1)
        return cls(np.log1p((total - counts + 0.5) / (counts + 0.5)), max(documents.nnz / max(total, 1), 1.0))

    def apply(self, documents: sparse.csr_matrix) -> sparse.csr_matrix:
        """float64, the binary documents with weights in place of ones."""
        values = self.rarity[documents.indices]
        if self.mean_length is not None:
            lengths = np.diff(documents.indptr)
            factor = (BM25_K1 + 1) / (1 + BM25_K1 * (1 - BM25_B + BM25_B * lengths / self.mean_length))
            values = values * np.repeat(factor, lengths)
        return sparse.csr_matrix((values, documents.indices, documents.indptr), documents.shape)
