"""Neighbourhood models: recommend what similar users liked, or what is similar to what the user liked."""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
from pydantic import Field
from scipy import sparse

from bench.algorithm import Algorithm, Context, EvalSet, Reason, UserBatch
from bench.interactions import Float32Array, Int32Array, Interactions
from bench.reasons import reasons
from bench.search import Choice, IntRange
from bench_algorithms.item_item import by_history
from bench_algorithms.similarity import NearestRows, SimilarityConfig
from bench_algorithms.weighting import TermWeights, Weighting


class NeighbourhoodConfig(SimilarityConfig):
    """What both neighbourhood models have."""

    k: Annotated[int, Field(ge=1), IntRange(5, 500, log=True)] = 100
    """Neighbours that are kept: of each user, or of each item."""
    weighting: Annotated[Weighting, Choice("none", "tf-idf", "bm25")] = "none"
    """What rare terms count in a similarity: the items two users share, or the users two items share. BM25
    falls off faster with frequency than TF-IDF; its length normalisation changes nothing for cosine, which is
    normalised already."""


class UserKNN(Algorithm[NeighbourhoodConfig]):
    """Scores an item by the similarity of the k nearest training users who have it, summed.

    The user is compared by history, so users unseen in training are served. Users are never their own
    neighbours: the training row of the same user is left out. Similarities are not normalised to sum to one,
    as ranking does not depend on it. An empty history scores 0 everywhere.
    """

    seeded = False
    paper = "Herlocker, Konstan, Borchers, Riedl: An algorithmic framework for collaborative filtering. SIGIR 1999"

    def fit(self, train: Interactions, validation: EvalSet | None, context: Context) -> Self:
        """Keeps the training rows and their weights; the neighbours are found when scoring."""
        self.users = train.csr()
        self.weights = TermWeights.learn(self.users, self.config.weighting)
        weighted = self.weights.apply(self.users)
        self.nearest = NearestRows(weighted, self.config)
        return self

    def score(self, batch: UserBatch) -> Float32Array:
        """float32[b, n_items], at least 0."""
        return np.asarray((self._neighbours(batch) @ self.users).toarray(), np.float32)

    def explain(self, batch: UserBatch, items: Int32Array) -> list[list[Reason]]:
        """The neighbours who have them, by their similarity."""
        near = self._neighbours(batch)
        had = self.users[near.indices][:, items].toarray()
        return [reasons("user", near.indices, near.data * has) for has in had.T]

    def _neighbours(self, batch: UserBatch) -> sparse.csr_matrix:
        """float32 [b, n_users]: the similarity of each user's nearest."""
        history = self.weights.apply(batch.history.csr())
        return self.nearest.find(history, self.config.k, exclude=batch.users)


class ItemKNN(Algorithm[NeighbourhoodConfig]):
    """Scores an item by its similarity to the items of the history, summed over those among its k nearest.

    Unlike the paper, similarities are not normalised to sum to one for each item, which on implicit feedback
    favours items with few neighbours. Items without training rows, and all items for an empty history, score 0.
    """

    seeded = False
    paper = "Deshpande, Karypis: Item-based top-N recommendation algorithms. TOIS 22(1), 2004"

    def fit(self, train: Interactions, validation: EvalSet | None, context: Context) -> Self:
        """Finds the k nearest items of each item."""
        items = train.csr().T.tocsr()
        weighted = TermWeights.learn(items, self.config.weighting).apply(items)
        nearest = NearestRows(weighted, self.config)
        neighbours = nearest.find(weighted, self.config.k, exclude=np.arange(train.n_items, dtype=np.int32))
        self.contributions = neighbours.T.tocsr()
        """float32 [n_items, n_items]: what having the row's item adds to the column's score."""
        return self

    def score(self, batch: UserBatch) -> Float32Array:
        """float32[b, n_items], at least 0."""
        return np.asarray((batch.history.csr() @ self.contributions).toarray(), np.float32)

    def explain(self, batch: UserBatch, items: Int32Array) -> list[list[Reason]]:
        """What each item of the history adds to their scores."""
        return by_history(batch, items, self.contributions)
