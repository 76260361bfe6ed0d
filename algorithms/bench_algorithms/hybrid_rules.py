"""Two algorithms, as a rule a collaborative and a content-based one, combined by rule: weighted, switching, cascade."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from bench.algorithm import Need, UserBatch
from bench.batches import Candidates
from bench.interactions import BoolArray, Float32Array, Float64Array, ItemLists
from bench.search import Choice, FloatRange, IntRange
from bench_algorithms.comparable import Scale, as_float64, places, recommendable, rescaled
from bench_algorithms.members import Ensemble, RolesConfig


class TwoMembersConfig(RolesConfig):
    """Which two algorithms are combined. Raises UnknownNameError, with the nearest name, on an unknown one."""

    roles: ClassVar[tuple[str, ...]] = ("collaborative", "content")
    collaborative: str = "item-knn"
    """Name of the first algorithm; collaborative filtering, as a rule."""
    content: str = "content"
    """Name of the second algorithm; content-based filtering, as a rule."""
    collaborative_config: dict[str, Any] = {}
    """Hyperparameters of the first algorithm."""
    content_config: dict[str, Any] = {}
    """Hyperparameters of the second algorithm."""


class HybridWeightedConfig(TwoMembersConfig):
    """Hyperparameters of the weighted hybrid."""

    content_weight: Annotated[float, Field(ge=0, le=1), FloatRange(0, 1)] = 0.1
    """Share of the content score in the sum; the collaborative score has the rest."""
    normalisation: Annotated[Scale, Choice("rank", "min-max", "z-score")] = "z-score"
    """How each member's scores of a user are made comparable, over the items not in the history: their rank,
    their place between the lowest and the highest, or their distance from the mean in standard deviations."""


class HybridWeighted(Ensemble[HybridWeightedConfig]):
    """A weighted sum of a collaborative and a content score, each normalised per user.

    A member that scores all items of a user the same leaves the decision to the other.
    """

    needs = frozenset({Need.ITEM_FEATURES})
    paper = "Burke: Hybrid recommender systems: survey and experiments. UMUAI 12(4), 2002 (weighted)"

    def score(self, batch: UserBatch) -> Float32Array:
        """float32[b, n_items]; items of the history score 0."""
        allowed, share = recommendable(batch), self.config.content_weight
        weights = {"collaborative": 1 - share, "content": share}
        total = np.zeros(allowed.shape)
        for role, scores in self.member_scores(batch):
            total += weights[role] * rescaled(scores, allowed, self.config.normalisation)
        return total.astype(np.float32)


class HybridSwitchingConfig(TwoMembersConfig):
    """Hyperparameters of the switching hybrid."""

    minimum_history: Annotated[int, Field(ge=0), IntRange(0, 50)] = 5
    """Items a user must have to be served by the collaborative member; shorter histories get content."""


class HybridSwitching(Ensemble[HybridSwitchingConfig]):
    """Content for users with a short history, collaborative filtering for the others."""

    needs = frozenset({Need.ITEM_FEATURES})
    paper = "Burke: Hybrid recommender systems: survey and experiments. UMUAI 12(4), 2002 (switching)"

    def score(self, batch: UserBatch) -> Float32Array:
        """float32[b, n_items]; the scale of a row is that of the member that serves the user."""
        scores = np.zeros((len(batch), batch.history.n_items), np.float32)
        short = batch.history.lengths < self.config.minimum_history
        for role, rows in (("content", short), ("collaborative", ~short)):
            if rows.any():
                scores[rows] = as_float64(self.members[role].score(_subset(batch, rows)))
        return scores


def _subset(batch: UserBatch, rows: BoolArray) -> UserBatch:
    restricted = batch.restricted and Candidates(_rows(batch.restricted.listed, rows), batch.restricted.only)
    return UserBatch(batch.users[rows], _rows(batch.history, rows), restricted)


def _rows(lists: ItemLists, rows: BoolArray) -> ItemLists:
    return ItemLists.from_lists([lists.row(r).tolist() for r in np.flatnonzero(rows).tolist()], lists.n_items)


class HybridCascadeConfig(RolesConfig):
    """Who makes the list of candidates, how long it is, and who puts it in order."""

    roles: ClassVar[tuple[str, ...]] = ("first", "second")
    first: str = "item-knn"
    """Name of the algorithm that makes the list of candidates."""
    second: str = "hybrid"
    """Name of the algorithm that puts the candidates in order."""
    first_config: dict[str, Any] = {}
    """Hyperparameters of the first algorithm."""
    second_config: dict[str, Any] = {}
    """Hyperparameters of the second algorithm."""
    candidates: Annotated[int, Field(ge=1), IntRange(10, 500, log=True)] = 100
    """Items on the list; those that the first scores like the last of them are on it too."""


class HybridCascade(Ensemble[HybridCascadeConfig]):
    """The first algorithm makes a list of candidates, which the second puts in order; the others follow below.

    The others keep the first's order. Differs from the paper: there the second only parts what the first scores the
    same. It does so here too, at the end of the list, where the first cannot tell what to leave out.
    """

    needs = frozenset({Need.ITEM_FEATURES})
    paper = "Burke: Hybrid recommender systems: survey and experiments. UMUAI 12(4), 2002 (cascade)"

    def score(self, batch: UserBatch) -> Float32Array:
        """float32[b, n_items]: minus an item's place, of which tied items share the mean."""
        allowed = recommendable(batch)
        by = dict(self.member_scores(batch))
        listed = allowed & (by["first"] >= _nth_highest(by["first"], allowed, self.config.candidates))
        above = listed.sum(axis=1, keepdims=True)
        place = np.where(listed, places(by["second"], listed), above + places(by["first"], allowed & ~listed))
        return -place.astype(np.float32)


def _nth_highest(scores: Float64Array, allowed: BoolArray, n: int) -> Float64Array:
    """float64[b, 1]: of the allowed ones; −inf where there are fewer."""
    n = min(n, scores.shape[1])
    return -np.partition(np.where(allowed, -scores, np.inf), n - 1, axis=1)[:, n - 1 : n]
