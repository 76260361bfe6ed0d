"""How alike two users rate, or two items are rated: from the ratings they have in common."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from bench.interactions import Float32Array, Float64Array
from bench_algorithms.similarity import BLOCK_BYTES

RatingMeasure = Literal["msd", "cosine", "pearson"]

_BYTES_PER_PAIR = 128
"""Of one pair of rows: up to six sums over what they have in common, dense and sparse, and their similarity."""
_ROUNDING = 1e-9
"""A variance below this share of the mean square is that of equal ratings."""


class SimilarRaters:
    """Similarities between the rows of one matrix of ratings.

    ratings: float64 [n, n_terms], whose entries are the ratings. For two rows, over the c terms that both have:

    msd: 1 / (1 + mean squared difference) (Shardanand, Maes: Social information filtering. CHI 1995).
    cosine: x·y / (|x| |y|).
    pearson: the correlation.
    Each is 0 where nothing is in common or a correlation is undefined, negative ones are 0, and all are multiplied by
    c / (c + shrinkage). Nothing is similar to itself.
    """

    def __init__(self, ratings: sparse.csr_matrix, measure: RatingMeasure, shrinkage: float) -> None:
        self.measure, self.shrinkage = measure, shrinkage
        where = ratings.indices, ratings.indptr
        self.powers = [sparse.csr_matrix((ratings.data**power, *where), ratings.shape) for power in range(3)]
        self.columns = [entries.T.tocsr() for entries in self.powers]

    def blocks(self) -> Iterator[tuple[int, int]]:
        """Ranges of rows whose similarities to all rows fit the memory budget."""
        n = self.powers[0].shape[0]
        size = max(1, BLOCK_BYTES // (_BYTES_PER_PAIR * max(n, 1)))
        for start in range(0, n, size):
            yield start, min(start + size, n)

    def to(self, rows: NDArray[np.integer]) -> Float32Array:
        """float32[b, n], at least 0: similarities of the given rows, int[b], to all."""
        count = self._sums(rows, 0, 0)
        value = {"msd": self._msd, "cosine": self._cosine, "pearson": self._pearson}[self.measure](rows, count)
        value *= count / np.maximum(count + self.shrinkage, 1.0)
        value[np.arange(len(rows)), rows] = 0
        return np.asarray(np.maximum(value, 0), np.float32)

    def _sums(self, rows: NDArray[np.integer], ours: int, theirs: int) -> Float64Array:
        """float64[b, n]: Σ x^ours y^theirs over the common terms."""
        return np.asarray((self.powers[ours][rows] @ self.columns[theirs]).toarray(), np.float64)

    def _msd(self, rows: NDArray[np.integer], count: Float64Array) -> Float64Array:
        squares = self._sums(rows, 2, 0) + self._sums(rows, 0, 2) - 2 * self._sums(rows, 1, 1)
        return _ratio(count, count + np.maximum(squares, 0))

    def _cosine(self, rows: NDArray[np.integer], count: Float64Array) -> Float64Array:
        return _ratio(self._sums(rows, 1, 1), np.sqrt(self._sums(rows, 2, 0) * self._sums(rows, 0, 2)))

    def _pearson(self, rows: NDArray[np.integer], count: Float64Array) -> Float64Array:
        ours, theirs = self._sums(rows, 1, 0), self._sums(rows, 0, 1)
        spread = _variance(count, ours, self._sums(rows, 2, 0)) * _variance(count, theirs, self._sums(rows, 0, 2))
        return _ratio(count * self._sums(rows, 1, 1) - ours * theirs, np.sqrt(spread))


def _variance(count: Float64Array, sums: Float64Array, squares: Float64Array) -> Float64Array:
    """c² times the variance; exactly 0 for equal ratings."""
    value = count * squares - sums**2
    value[value <= _ROUNDING * count * squares] = 0
    return value


def _ratio(above: Float64Array, below: Float64Array) -> Float64Array:
    """0 where there is nothing to divide by."""
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)
