"""Exact nearest rows of a sparse matrix, block by block within a memory budget."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy import sparse

from bench.config import Config
from bench.interactions import Float32Array, Float64Array, Int32Array, Int64Array
from bench.search import Choice, FloatRange

Measure = Literal["cosine", "asymmetric-cosine", "jaccard", "tversky"]

BLOCK_BYTES = 256 * 2**20
_BYTES_PER_PAIR = 64
"""Of one pair of rows with something in common: two products, their indices, similarities and sort keys."""


class SimilarityConfig(Config):
    """How alike two rows are: users, or items. Each is compared as the one that neighbours are sought for."""

    similarity: Annotated[Measure, Choice("cosine", "asymmetric-cosine", "jaccard", "tversky")] = "cosine"
    """How alike two users or items are."""
    shrinkage: Annotated[float, Field(ge=0), FloatRange(0, 100)] = 0.0
    """Number of common terms at which a similarity is halved; few in common count less."""
    asymmetry: Annotated[float, Field(ge=0, le=1), FloatRange(0, 1)] = 0.5
    """Of asymmetric-cosine only: whose length divides. At 1 that of the user or item that neighbours are sought for
    alone, which favours popular neighbours; at 0 the neighbour's alone; 0.5 is cosine."""
    tversky_alpha: Annotated[float, Field(ge=0, le=1), FloatRange(0, 1)] = 0.5
    """Of tversky only: what counts against a pair that the user or item that neighbours are sought for has alone."""
    tversky_beta: Annotated[float, Field(ge=0, le=1), FloatRange(0, 1)] = 0.5
    """Of tversky only: what counts against a pair that the neighbour has alone. With alpha, 1 and 1 are jaccard, ½
    and ½ the coefficient of Dice."""


class NearestRows:
    """Finds, among the rows of one matrix, those most similar to given rows.

    rows: float64 [n, n_terms], positive entries. With x the given row, y a row of the matrix, x·y the dot product and
    c the number of common terms:

    cosine: x·y / (|x| |y|).
    asymmetric-cosine: x·y / (|x|^2a |y|^2(1 − a)), a the asymmetry (Aiolli: Efficient top-N recommendation for very
    large scale binary rated datasets. RecSys 2013).
    jaccard: x·y / (|x|² + |y|² − x·y), which for binary rows is the share of common terms (Tanimoto).
    tversky: x·y / (x·y + α (|x|² − x·y) + β (|y|² − x·y)) (Tversky: Features of similarity. Psychological Review 84(4),
    1977). His α and β may be any from 0 on; above 1 those of weighted rows could divide by 0 or less.
    All are multiplied by c / (c + shrinkage), so that a similarity supported by few terms counts less
    (Bell, Koren: Scalable collaborative filtering with jointly derived neighborhood interpolation weights.
    ICDM 2007).
    """

    def __init__(self, rows: sparse.csr_matrix, config: SimilarityConfig) -> None:
        self.config = config
        self.columns = rows.T.tocsr()
        self.lengths = _squared_lengths(rows)

    def find(self, queries: sparse.csr_matrix, k: int, exclude: Int32Array) -> sparse.csr_matrix:
        """float32 [b, n], up to k similarities a query, all positive. exclude: int32[b], a row each that may
        not be found, or one that does not exist.

        Among equal similarities the lower row is found first; they are equal if they agree as float32.
        """
        parts = [
            self._find_block(queries[start:stop], k, exclude[start:stop])
            for start, stop in _blocks(queries.shape[0], len(self.lengths))
        ]
        none = sparse.csr_matrix((np.empty(0, np.float32), np.empty(0, np.int32), [0]), (0, len(self.lengths)))
        return sparse.csr_matrix(sparse.vstack([none, *parts]))

    def _find_block(self, queries: sparse.csr_matrix, k: int, exclude: Int32Array) -> sparse.csr_matrix:
        common = queries @ self.columns
        row = np.repeat(np.arange(queries.shape[0]), np.diff(common.indptr))
        values = self._similarities(queries, common, row)
        values[common.indices == exclude[row]] = 0
        return largest(sparse.csr_matrix((values, common.indices, common.indptr), common.shape), k)

    def _similarities(self, queries: sparse.csr_matrix, dot: sparse.csr_matrix, row: Int64Array) -> Float32Array:
        values = dot.data / self._scales(_squared_lengths(queries), dot, row)
        if self.config.shrinkage:
            # Weights are positive, so this product has the same entries as `dot`, in the same order.
            common = (_binary(queries) @ _binary(self.columns)).data
            values *= common / (common + self.config.shrinkage)
        return values.astype(np.float32)

    def _scales(self, lengths: Float64Array, dot: sparse.csr_matrix, row: Int64Array) -> Float64Array:
        """float64[nnz], what each dot product is divided by. lengths: float64[b], |x|² of the queries."""
        if self.config.similarity == "asymmetric-cosine":
            a = self.config.asymmetry
            return np.asarray((lengths**a)[row] * (self.lengths ** (1 - a))[dot.indices])
        left, right = lengths[row], self.lengths[dot.indices]
        if self.config.similarity == "cosine":
            return np.sqrt(left * right)
        alpha, beta = self._tversky
        return np.asarray(alpha * left + beta * right + (1 - alpha - beta) * dot.data)

    @property
    def _tversky(self) -> tuple[float, float]:
        return (1, 1) if self.config.similarity == "jaccard" else (self.config.tversky_alpha, self.config.tversky_beta)


def _squared_lengths(rows: sparse.csr_matrix) -> Float64Array:
    return np.asarray(rows.multiply(rows).sum(axis=1), np.float64).ravel()


def _binary(rows: sparse.csr_matrix) -> sparse.csr_matrix:
    return sparse.csr_matrix((np.ones(rows.nnz), rows.indices, rows.indptr), rows.shape)


def _blocks(n_queries: int, n_rows: int) -> Iterator[tuple[int, int]]:
    size = max(1, BLOCK_BYTES // (_BYTES_PER_PAIR * max(n_rows, 1)))
    for start in range(0, n_queries, size):
        yield start, min(start + size, n_queries)


def largest(matrix: sparse.csr_matrix, k: int) -> sparse.csr_matrix:
    """The k largest positive entries a row; columns ascend.

    Each value and its column are packed into one integer that sorts like the pair: a partial sort of them
    leaves no choice among ties. Non-negative float32 sort like their bits.
    """
    last = matrix.shape[1] - 1
    keys = (matrix.data.view(np.int32).astype(np.int64) << 32) + (last - matrix.indices)
    kept = [_top(keys[start:stop], k) for start, stop in zip(matrix.indptr[:-1], matrix.indptr[1:], strict=True)]
    best = np.concatenate([np.empty(0, np.int64), *kept])
    values = (best >> 32).astype(np.int32).view(np.float32)
    columns = last - (best & 0xFFFFFFFF)
    indptr = np.cumsum([0, *(len(part) for part in kept)])
    chosen = sparse.csr_matrix((values, columns, indptr), matrix.shape)
    chosen.eliminate_zeros()
    chosen.sort_indices()
    return chosen


def _top(keys: NDArray[np.int64], k: int) -> NDArray[np.int64]:
    return keys if len(keys) <= k else np.partition(keys, len(keys) - k)[len(keys) - k :]
