"""Decompositions of the matrix of users and items that are solved in closed form, in one step or in turns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Self

import numpy as np
from pydantic import Field
from scipy import sparse

from bench import seeds
from bench.algorithm import Algorithm, Context, EvalSet, UserBatch
from bench.config import Config
from bench.interactions import Float32Array, Int64Array, Interactions
from bench.search import IntRange, LogRange
from bench_algorithms.profiles import profiles_of

if TYPE_CHECKING:
    import torch

_ZERO = 1e-8
"""Singular values up to this, relative to the greatest, are 0."""
_INITIAL_SCALE = 0.1
"""Standard deviation of the items' factors before the first iteration, times the root of their number, as Rendle et al.
have it."""
_BLOCK_BYTES = 4 * 2**20
"""Of the vectors and matrices of rows that are solved together: more than a cache holds is slower."""


class PureSVDConfig(Config):
    """How much of the matrix is kept."""

    factors: Annotated[int, Field(ge=1), IntRange(5, 500, log=True)] = 50
    """Singular vectors that are kept, those with the greatest singular values; as many as there are if there are
    fewer."""


class PureSVD(Algorithm[PureSVDConfig]):
    """Projects a history onto the leading right singular vectors of the matrix of users and items, and back.

    The scores of a history r are r Q Qᵀ, with the columns of Q the vectors. Unlike the paper, ratings are not used: the
    matrix is binary. Items without training rows, and all items for an empty history, score 0.
    """

    seeded = False
    imports = ("scipy.sparse.linalg",)
    paper = "Cremonesi, Koren, Turrin: Performance of recommender algorithms on top-N recommendation tasks. RecSys 2010"

    def fit(self, train: Interactions, validation: EvalSet | None, context: Context) -> Self:
        """Finds the vectors."""
        self.item_factors = singular_vectors(sparse.csr_matrix(train.csr(), dtype=np.float64), self.config.factors)
        """float32 [n_items, n_factors], orthonormal columns."""
        return self

    def score(self, batch: UserBatch) -> Float32Array:
        """float32[b, n_items]."""
        return np.asarray(batch.history.csr() @ self.item_factors @ self.item_factors.T, np.float32)


def singular_vectors(matrix: sparse.csr_matrix, n: int) -> Float32Array:
    """float32 [n_columns, ≤ n]: the leading right singular vectors, of singular values that are not 0.

    By ARPACK, which starts from a fixed vector; by a dense decomposition where all vectors are wanted.
    """
    from scipy.sparse.linalg import svds

    smaller = min(matrix.shape)
    if n < smaller:
        start = seeds.generator(0, "ARPACK").standard_normal(smaller)
        _, values, vectors = svds(matrix, n, v0=start)
    else:
        _, values, vectors = np.linalg.svd(matrix.toarray(), full_matrices=False)
    return np.ascontiguousarray(vectors[values > _ZERO * values.max()].T, np.float32)


class IALSConfig(Config):
    """The factors, and the weights of the objective that they minimise."""

    factors: Annotated[int, Field(ge=1), IntRange(8, 256, log=True)] = 64
    """Length of a user's and of an item's vector."""
    iterations: Annotated[int, Field(ge=1), IntRange(4, 32)] = 16
    """How often the vectors of all users, and then those of all items, are solved for."""
    unobserved_weight: Annotated[float, Field(gt=0), LogRange(0.01, 2)] = 0.2
    """Weight of the squared score of every pair, beside that of each interaction's squared error, which is 1: larger
    takes a missing interaction more for a dislike."""
    regularisation: Annotated[float, Field(gt=0), LogRange(3e-4, 0.3)] = 0.01
    """Penalty on the squares of a vector, times its frequency."""
    frequency_exponent: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Exponent of the frequency: 1 penalises what has many interactions as often, 0 penalises all vectors alike, for
    which `regularisation` must be larger."""


class IALS(Algorithm[IALSConfig]):
    """Factors of users and items for which all scores of a user that are not theirs are near 0: weighted least squares.

    Minimises Σ (w_u·h_i − 1)² over the interactions + a Σ (w_u·h_i)² over all pairs of a user and an item
    + λ Σ (|I_u| + a n_items)^ν |w_u|² + λ Σ (|U_i| + a n_users)^ν |h_i|², with a, λ, ν the last three hyperparameters,
    as Rendle et al. do (Revisiting the performance of iALS on item recommendation benchmarks. RecSys 2022); n_users
    counts those with training rows. The paper penalises all vectors alike, and weights interactions by their number,
    which is not used here. Users and items are solved in turns, each vector exactly. A history is scored by the vector
    that it would have in training, so users unseen in training are served as well. Items without training rows, and all
    items for an empty history, score 0.
    """

    paper = "Hu, Koren, Volinsky: Collaborative filtering for implicit feedback datasets. ICDM 2008"

    def fit(self, train: Interactions, validation: EvalSet | None, context: Context) -> Self:
        """Solves for users and items in turns, from random items."""
        import torch

        _, users = profiles_of(train)
        items = users.T.tocsr()
        size = (train.n_items, self.config.factors)
        scale = _INITIAL_SCALE / np.sqrt(self.config.factors)
        drawn = seeds.generator(context.seed, "ials").normal(scale=scale, size=size)
        self.item_factors = torch.from_numpy(drawn.astype(np.float32))
        for done in range(self.config.iterations):
            context.progress("iterations", done, self.config.iterations, "")
            user_factors = solve(users, self.item_factors, self.config)
            self.item_factors = solve(items, user_factors, self.config)
        return self

    def score(self, batch: UserBatch) -> torch.Tensor:
        """float32[b, n_items]."""
        return solve(batch.history.csr(), self.item_factors, self.config) @ self.item_factors.T


def solve(rows: sparse.csr_matrix, others: torch.Tensor, config: IALSConfig) -> torch.Tensor:
    """float32 [n, factors]: the vectors of rows that minimise the objective while those of the others stay.

    rows: [n, n_others], whose entries are interactions. others: float32 [n_others, factors].
    """
    import torch

    n_others, factors = others.shape
    every_pair = config.unobserved_weight * (others.T @ others)
    padded = torch.cat([others, others.new_zeros(1, factors)])
    solved = others.new_empty(rows.shape[0], factors)
    for members, lists, lengths in _blocks(rows, factors):
        own = padded[torch.from_numpy(lists)]
        frequency = torch.from_numpy(lengths).to(own.dtype) + config.unobserved_weight * n_others
        penalty = config.regularisation * frequency**config.frequency_exponent
        left = own.mT @ own + every_pair
        left.diagonal(dim1=1, dim2=2).add_(penalty[:, None])
        right = own.sum(dim=1)[:, :, None]
        solved[torch.from_numpy(members)] = torch.cholesky_solve(right, torch.linalg.cholesky(left))[:, :, 0]
    return solved


def _blocks(rows: sparse.csr_matrix, factors: int) -> Iterator[tuple[Int64Array, Int64Array, Int64Array]]:
    """Rows of similar length, as many as may be solved together: their places int64[b], their entries' columns
    int64[b, longest], padded with the number of columns, and how many those are, int64[b].
    """
    lengths = np.diff(rows.indptr).astype(np.int64)
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        longest = int(lengths[order[start]])
        size = max(1, _BLOCK_BYTES // (4 * factors * (longest + 2 * factors)))
        members = order[start : start + size]
        filled = np.arange(longest) < lengths[members][:, None]
        lists = np.full(filled.shape, rows.shape[1], np.int64)
        lists[filled] = rows[members].indices
        yield members, lists, lengths[members]
        start += size
