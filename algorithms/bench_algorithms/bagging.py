"""One algorithm trained many times, each time on another sample of the training data, and averaged."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from bench import seeds
from bench.algorithm import Algorithm, Context, EvalSet, UserBatch
from bench.errors import UsageError
from bench.interactions import Float32Array, Interactions
from bench.search import Choice, FloatRange, IntRange
from bench_algorithms.comparable import Scale, as_float64, recommendable, rescaled
from bench_algorithms.members import Ensemble, RolesConfig, keep_logs, member_context


class BaggingConfig(RolesConfig):
    """What is trained, how often, on what, and what is averaged."""

    roles: ClassVar[tuple[str, ...]] = ("base",)
    base: str = "ease"
    """The algorithm that is trained on each sample; any registered one."""
    base_config: dict[str, Any] = {}
    """Hyperparameters of the base."""
    n_estimators: Annotated[int, Field(ge=1), IntRange(5, 30)] = 10
    """How many samples are drawn; time and memory are so many times those of the base."""
    sample: Annotated[Literal["interactions", "users"], Choice("interactions", "users")] = "interactions"
    """What is drawn without replacement: interactions of each user, or users with all of theirs. The latter leaves
    users out, so the base must serve users it has not seen in training."""
    sample_share: Annotated[float, Field(gt=0, le=1), FloatRange(0.3, 1.0)] = 0.9
    """How many are drawn. A bootstrap sample holds 63.2 % of the rows, some of them several times; where users have few
    interactions, an estimator misses those that it is not given, and more is better."""
    average: Annotated[Scale, Choice("rank", "min-max", "z-score")] = "z-score"
    """What of a user's items is averaged: their rank, their place between the lowest and the highest score, or their
    distance from the mean in standard deviations."""

    @model_validator(mode="after")
    def _base_serves_who_is_left_out(self) -> Self:
        if self.sample == "users" and not self.labelled()["base"].new().serves_unseen_users:
            raise UsageError(
                f"'sample' must be 'interactions' for a base that cannot serve users it has not seen in training. "
                f"Got 'users' for '{self.base}'."
            )
        return self


class Bagging(Ensemble[BaggingConfig]):
    """Any algorithm, trained on several random samples of the data; the mean of what they say of an item.

    Differs from the paper: samples are drawn without replacement, as a user either has an item or has it not, and a
    second copy of an event would be another event to a sequential algorithm (subagging; Bühlmann, Yu: Analyzing
    bagging. Annals of Statistics 30(4), 2002). Every user keeps at least one interaction, or one user all of theirs.
    A base that stops early does so on its first sample; the others are trained with what was found there.
    """

    paper = "Breiman: Bagging predictors. Machine Learning 24, 1996"

    def __init__(self, config: BaggingConfig | None = None, **fields: Any) -> None:
        super().__init__(config, **fields)
        self.seeded = True

    def fit(self, train: Interactions, validation: EvalSet | None, context: Context) -> Self:
        """Trains one estimator a sample. Their curves are "estimator-1/train_loss" and the like."""
        base = self.members["base"]
        self.estimators: list[Algorithm[Any]] = []
        for number in range(self.config.n_estimators):
            estimator = type(base)(base.fitted_config) if number else base
            own = member_context(context, seed=seeds.derive_seed(context.seed, "estimator", number))
            drawn = sampled(train, self.config, seeds.generator(context.seed, "bagging", number))
            estimator.fit(drawn, validation if estimator.uses_validation else None, own)
            keep_logs(context, f"estimator-{number + 1}", own)
            self.estimators.append(estimator)
        return self

    def score(self, batch: UserBatch) -> Float32Array:
        """float32[b, n_items]; items that may not be recommended score 0."""
        allowed = recommendable(batch)
        total = np.zeros(allowed.shape)
        for estimator in self.estimators:
            total += rescaled(as_float64(estimator.score(batch)), allowed, self.config.average)
        return (total / len(self.estimators)).astype(np.float32)


def sampled(data: Interactions, config: BaggingConfig, rng: np.random.Generator) -> Interactions:
    """A random part of the data, in the order of the data; the vocabularies stay."""
    if config.sample == "users":
        users = np.unique(data.user)
        kept = rng.permutation(users)[: max(1, round(config.sample_share * len(users)))]
        return data.select(np.isin(data.user, kept))
    counts = np.bincount(data.user, minlength=data.n_users)
    order = np.lexsort((rng.random(len(data)), data.user))
    place = np.empty(len(data), np.int64)
    place[order] = np.arange(len(data)) - np.repeat(np.cumsum(counts) - counts, counts)
    wanted = np.maximum(1, np.round(config.sample_share * counts))
    return data.select(place < wanted[data.user])
