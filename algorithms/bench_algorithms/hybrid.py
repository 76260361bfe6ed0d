"""Collaborative and content-based filtering together: learnt jointly, mixed, or switched between."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal, Self, TypeVar

import numpy as np
from pydantic import Field, ValidationInfo, field_validator

from bench.algorithm import Algorithm, Context, EvalSet, Need, Scores, UserBatch
from bench.config import Config
from bench.errors import UnknownNameError
from bench.interactions import BoolArray, Float32Array, Float64Array, Interactions, ItemLists
from bench.plugins import load_registries
from bench.search import Choice, FloatRange, IntRange, LogRange
from bench_algorithms.item_vectors import VECTOR_IMPORTS, FeatureConfig, item_vectors
from bench_algorithms.linear import co_occurrences, item_weights

MEMBERS = ("collaborative", "content")


class HybridConfig(FeatureConfig):
    """Hyperparameters of the joint model."""

    l2: Annotated[float, Field(gt=0), LogRange(1, 10_000)] = 500.0
    """Ridge penalty on the item-item weights: larger trusts single co-occurrences less."""
    content_weight: Annotated[float, Field(ge=0), LogRange(0.1, 1_000)] = 10.0
    """Weight of rebuilding an item's attributes, in users: how many co-occurrences equal attributes are
    worth. 0 gives EASE."""


class Hybrid(Algorithm[HybridConfig]):
    """Item-item weights learnt from interactions and attributes jointly, in closed form (collective EASE).

    One ridge regression rebuilds, from the other items, each user's row and each attribute's row, as if an
    attribute were a user who likes the items that have it: P = (XᵀX + content_weight · F Fᵀ + l2 · I)⁻¹,
    and from there as EASE. F: the items' unit TF-IDF vectors, those of `content`; the paper's are binary.
    Unlike the paper's, the regression is over items with training rows, so that items to come shape nothing. Each
    other item is rebuilt from those by its attributes, and so is recommended; in a history it says nothing.
    Memory: as EASE.
    """

    seeded = False
    needs = frozenset({Need.ITEM_FEATURES})
    imports = VECTOR_IMPORTS
    paper = (
        "Jeunen, Van Balen, Goethals: Closed-form models for collaborative filtering with side-information. RecSys 2020"
    )

    def fit(self, train: Interactions, validation: EvalSet | None, context: Context) -> Self:
        """Solves for the weights. Raises UnmetNeedError if there are no item features in training."""
        items = item_vectors(context.require_item_features(), train, self.config)
        trained = np.unique(train.item)
        others = np.setdiff1d(np.arange(train.n_items), trained)
        gram, attributes = co_occurrences(train.compact()), items[trained]
        gram += self.config.content_weight * (attributes @ attributes.T).toarray().astype(gram.dtype)
        self.weights = np.zeros((train.n_items, train.n_items), np.float32)
        if len(others):
            alike = self.config.content_weight * (attributes @ items[others].T).toarray().astype(gram.dtype)
            self.weights[np.ix_(trained, others)] = _rebuilding(alike, gram, self.config.l2)
        self.weights[np.ix_(trained, trained)] = item_weights(gram, self.config.l2)
        return self

    def score(self, batch: UserBatch) -> Float32Array:
        """float32[b, n_items]."""
        return np.asarray(batch.history.csr() @ self.weights, np.float32)


def _rebuilding(
    alike: Float64Array | Float32Array, gram: Float64Array | Float32Array, l2: float
) -> Float64Array | Float32Array:
    """[n_trained, n_others]: the ridge weights that rebuild other items, whose products with the trained are given."""
    import torch

    matrix = torch.from_numpy(gram) + l2 * torch.eye(len(gram), dtype=torch.from_numpy(gram).dtype)
    return np.asarray(torch.cholesky_solve(torch.from_numpy(alike), torch.linalg.cholesky(matrix)).numpy())


class MembersConfig(Config):
    """Which two algorithms are combined. Raises UnknownNameError, with the nearest name, on an unknown one."""

    collaborative: str = "item-knn"
    """Name of the first algorithm; collaborative filtering, as a rule."""
    content: str = "content"
    """Name of the second algorithm; content-based filtering, as a rule."""
    collaborative_config: dict[str, Any] = {}
    """Hyperparameters of the first algorithm."""
    content_config: dict[str, Any] = {}
    """Hyperparameters of the second algorithm."""

    @field_validator(*MEMBERS)
    @classmethod
    def _known(cls, name: str) -> str:
        known = load_registries().algorithms
        if name not in known:
            raise UnknownNameError("algorithm", name, known)
        return name

    @field_validator(*(f"{member}_config" for member in MEMBERS))
    @classmethod
    def _valid(cls, values: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        member = info.data.get(str(info.field_name).removesuffix("_config"))
        if member is not None:
            _parsed(member, values)
        return values


def _parsed(name: str, values: Mapping[str, Any]) -> Algorithm[Any]:
    algorithm: type[Algorithm[Any]] = load_registries().algorithms.get(name)
    return algorithm(algorithm.Config.parse(f"the member '{name}'", values))


M = TypeVar("M", bound=MembersConfig)


class TwoMembers(Algorithm[M]):
    """Base of the hybrids that combine the scores of two fitted algorithms.

    Needs what its members need, serves unseen users if both do, and looks at validation if one does.
    """

    needs = frozenset({Need.ITEM_FEATURES})
    """Of the default members; an instance has those of its own."""

    def __init__(self, config: M | None = None, **fields: Any) -> None:
        super().__init__(config, **fields)
        self.collaborative = _parsed(self.config.collaborative, self.config.collaborative_config)
        self.content = _parsed(self.config.content, self.config.content_config)
        self.imports = (*self.collaborative.imports, *self.content.imports)
        self.needs = self.collaborative.needs | self.content.needs
        self.seeded = self.collaborative.seeded or self.content.seeded
        self.serves_unseen_users = self.collaborative.serves_unseen_users and self.content.serves_unseen_users

    @property
    def uses_validation(self) -> bool:
        return self.collaborative.uses_validation or self.content.uses_validation

    @property
    def fitted_config(self) -> M:
        return self.config.changed(
            collaborative_config=self.collaborative.fitted_config.model_dump(),
            content_config=self.content.fitted_config.model_dump(),
        )

    def fit(self, train: Interactions, validation: EvalSet | None, context: Context) -> Self:
        """Fits both members. Their curves are "collaborative/train_loss" and the like, their details one entry
        each. A member's validation scores prune no trial, as they are not those of the hybrid.
        """
        for name in MEMBERS:
            member: Algorithm[Any] = getattr(self, name)
            own = replace(context, report=lambda step, score: None, curves={}, details={})
            member.fit(train, validation if member.uses_validation else None, own)
            context.curves.update({f"{name}/{curve}": points for curve, points in own.curves.items()})
            if own.details:
                context.details[name] = own.details
        return self

    @abstractmethod
    def score(self, batch: UserBatch) -> Float32Array:
        """float32[b, n_items], from the scores of the members."""


class HybridWeightedConfig(MembersConfig):
    """Hyperparameters of the weighted hybrid."""

    content_weight: Annotated[float, Field(ge=0, le=1), FloatRange(0, 1)] = 0.1
    """Share of the content score in the sum; the collaborative score has the rest."""
    normalisation: Annotated[Literal["rank", "min-max", "z-score"], Choice("rank", "min-max", "z-score")] = "z-score"
    """How each member's scores of a user are made comparable, over the items not in the history: their rank,
    their place between the lowest and the highest, or their distance from the mean in standard deviations."""


class HybridWeighted(TwoMembers[HybridWeightedConfig]):
    """A weighted sum of a collaborative and a content score, each normalised per user.

    A member that scores all items of a user the same leaves the decision to the other.
    """

    paper = "Burke: Hybrid recommender systems: survey and experiments. UMUAI 12(4), 2002 (weighted)"

    def score(self, batch: UserBatch) -> Float32Array:
        """float32[b, n_items]; items of the history score 0."""
        candidates = _candidates(batch.history)
        normalise, share = _NORMALISATIONS[self.config.normalisation], self.config.content_weight
        collaborative = normalise(_array(self.collaborative.score(batch)), candidates)
        content = normalise(_array(self.content.score(batch)), candidates)
        return ((1 - share) * collaborative + share * content).astype(np.float32)


class HybridSwitchingConfig(MembersConfig):
    """Hyperparameters of the switching hybrid."""

    minimum_history: Annotated[int, Field(ge=0), IntRange(0, 50)] = 5
    """Items a user must have to be served by the collaborative member; shorter histories get content."""


class HybridSwitching(TwoMembers[HybridSwitchingConfig]):
    """Content for users with a short history, collaborative filtering for the others."""

    paper = "Burke: Hybrid recommender systems: survey and experiments. UMUAI 12(4), 2002 (switching)"

    def score(self, batch: UserBatch) -> Float32Array:
        """float32[b, n_items]; the scale of a row is that of the member that serves the user."""
        scores = np.zeros((len(batch), batch.history.n_items), np.float32)
        short = batch.history.lengths < self.config.minimum_history
        for member, rows in ((self.content, short), (self.collaborative, ~short)):
            if rows.any():
                scores[rows] = _array(member.score(_subset(batch, rows)))
        return scores


def _subset(batch: UserBatch, rows: BoolArray) -> UserBatch:
    lists = [batch.history.row(r).tolist() for r in np.flatnonzero(rows).tolist()]
    return UserBatch(batch.users[rows], ItemLists.from_lists(lists, batch.history.n_items))


def _array(scores: Scores) -> Float64Array:
    if isinstance(scores, np.ndarray):
        return scores.astype(np.float64)
    return np.asarray(scores.detach().cpu().numpy(), np.float64)


def _candidates(history: ItemLists) -> BoolArray:
    candidates = np.ones((len(history), history.n_items), np.bool_)
    candidates[history.rows, history.items] = False
    return candidates


def _ranks(scores: Float64Array, candidates: BoolArray) -> Float64Array:
    """In [0, 1], 1 for the best; tied items share the mean of their ranks."""
    from scipy.stats import rankdata

    ranks = np.asarray(rankdata(np.where(candidates, scores, -np.inf), axis=1), np.float64)
    return _min_max(ranks, candidates)


def _min_max(scores: Float64Array, candidates: BoolArray) -> Float64Array:
    low = np.where(candidates, scores, np.inf).min(axis=1, keepdims=True)
    high = np.where(candidates, scores, -np.inf).max(axis=1, keepdims=True)
    spread = np.where(high > low, high - low, 1)
    return np.where(candidates, (scores - low) / spread, 0)


def _z_scores(scores: Float64Array, candidates: BoolArray) -> Float64Array:
    n = np.maximum(candidates.sum(axis=1, keepdims=True), 1)
    mean = np.where(candidates, scores, 0).sum(axis=1, keepdims=True) / n
    centred = np.where(candidates, scores - mean, 0)
    deviation = np.sqrt((centred**2).sum(axis=1, keepdims=True) / n)
    return centred / np.where(deviation > 0, deviation, 1)


_NORMALISATIONS = {"rank": _ranks, "min-max": _min_max, "z-score": _z_scores}
