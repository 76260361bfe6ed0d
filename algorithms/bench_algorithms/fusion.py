"""Rank fusion: what any number of algorithms say of an item, merged into one score."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field, field_validator, model_validator

from bench.algorithm import Context, EvalSet, Need, UserBatch
from bench.errors import ContractError, UsageError
from bench.interactions import BoolArray, Float32Array, Float64Array, Interactions
from bench.search import Choice, LogRange
from bench_algorithms.comparable import places, recommendable, rescaled
from bench_algorithms.fusion_weights import MAX_SCORES, learnt_weights
from bench_algorithms.members import Ensemble, Found, Member, MembersConfig

Method = Literal["reciprocal-rank", "borda", "learnt"]


class FusionConfig(MembersConfig):
    """Who is merged, and how."""

    members: dict[str, Member] = Field({name: Member(algorithm=name) for name in ("ease", "item-knn")}, min_length=2)
    """The algorithms that are merged, by label: `ease = { config = { l2 = 200.0 } }`. Where the label is not the
    algorithm's name, that is given too: `small = { algorithm = "ease", config = { l2 = 9.0 } }`."""
    method: Annotated[Method, Choice("reciprocal-rank", "borda", "learnt")] = "reciprocal-rank"
    """What a member says of an item: 1 / (rank_constant + its place); the share of the other items that it is placed
    above; or its score, in standard deviations from the mean of the user's items, with weights learnt on validation."""
    rank_constant: Annotated[float, Field(ge=0), LogRange(1, 200)] = 60.0
    """The k of reciprocal rank: the larger, the less the first places stand out."""
    weights: dict[str, float] = {}
    """What each member counts, by label. If not given, all count the same, or `learnt` learns it."""

    @field_validator("members", mode="before")
    @classmethod
    def _label_names_the_algorithm(cls, members: Any) -> Any:
        if not isinstance(members, Mapping):
            return members
        return {
            k: {"algorithm": k, **member} if isinstance(member, Mapping) else member for k, member in members.items()
        }

    @model_validator(mode="after")
    def _one_weight_each(self) -> Self:
        values = self.weights.values()
        sound = self.weights.keys() == self.members.keys() and all(0 <= v < np.inf for v in values) and any(values)
        if self.weights and not sound:
            labels = ", ".join(self.members)
            raise UsageError(
                f"'weights' must have a number from 0 for each member ({labels}), and one above 0. Got {self.weights}."
            )
        return self

    def labelled(self) -> dict[str, Member]:
        """The members by their labels."""
        return dict(self.members)

    def with_found(self, found: Found) -> Self:
        """The same members with the hyperparameters that their fits found."""
        members = {k: {"algorithm": member.algorithm, "config": found[k]} for k, member in self.members.items()}
        return self.changed(members=members)


class Fusion(Ensemble[FusionConfig]):
    """Any number of algorithms, merged by the places or the scores that each gives to an item.

    Reciprocal rank fusion (the paper), Borda counts (Aslam, Montague: Models for metasearch. SIGIR 2001), or a linear
    combination of standard scores whose weights, one a member, are found by coordinate ascent on the validation metric
    (Metzler, Croft: Linear feature-based models for information retrieval. Information Retrieval 10, 2007): stacking.
    Learnt weights are taken only if weights learnt on one half of the validation users do better on the other half
    than equal ones. Members that stop early have seen the same users, so they may be trusted a little too much.
    Differs from the papers: places are among all items that may be recommended, and tied items share the
    mean of theirs.
    """

    needs: frozenset[Need] = frozenset()
    paper = "Cormack, Clarke, Büttcher: Reciprocal rank fusion outperforms Condorcet and individual rank learning \
methods. SIGIR 2009"

    def __init__(self, config: FusionConfig | None = None, **fields: Any) -> None:
        super().__init__(config, **fields)
        self.learnt: dict[str, float] = {}
        """The weights that `fit` found, by label; empty if it looked for none."""

    @property
    def weights(self) -> dict[str, float]:
        """What each member counts, by label."""
        return self.config.weights or self.learnt or dict.fromkeys(self.members, 1.0)

    @property
    def uses_validation(self) -> bool:
        return self._learns or super().uses_validation

    @property
    def _learns(self) -> bool:
        return self.config.method == "learnt" and not self.config.weights

    @property
    def fitted_config(self) -> FusionConfig:
        """With what the members found, and with the learnt weights, which are then learnt no more."""
        found = super().fitted_config
        return found.changed(weights=self.learnt) if self.learnt else found

    def fit(self, train: Interactions, validation: EvalSet | None, context: Context) -> Self:
        """Fits the members, then learns their weights. How good those are is in `context.details["learnt weights"]`."""
        super().fit(train, validation, context)
        self.learnt = {}
        if self._learns and validation is not None:
            if context.evaluate is None:
                raise ContractError("weights are learnt by `context.evaluate`; give it, or give `weights`.")
            users = validation.slice(0, max(1, MAX_SCORES // (len(self.members) * train.n_items)))
            found = learnt_weights(self._said(users), users, context.evaluate)
            self.learnt, context.details["learnt weights"] = found.weights, asdict(found)
        return self

    def _said(self, users: EvalSet) -> dict[str, Float32Array]:
        """What each member says of every item, float32[len(users), n_items], by label."""
        from bench.ranking import blocks

        n_items = users.history.n_items
        said = {label: np.empty((len(users), n_items), np.float32) for label in self.members}
        for start, stop in blocks(len(users), n_items):
            for label, part in self.parts(users.batch.slice(start, stop)):
                said[label][start:stop] = part
        return said

    def parts(self, batch: UserBatch) -> Iterator[tuple[str, Float64Array]]:
        """Each member's label and what it says of every item, float64[b, n_items], before it is weighted."""
        allowed = recommendable(batch)
        for label, scores in self.member_scores(batch):
            yield label, self._part(scores, allowed)

    def _part(self, scores: Float64Array, allowed: BoolArray) -> Float64Array:
        if self.config.method == "reciprocal-rank":
            return 1 / (self.config.rank_constant + places(scores, allowed))
        if self.config.method == "borda":
            n = allowed.sum(axis=1, keepdims=True)
            return np.asarray((n - places(scores, allowed)) / np.maximum(n - 1, 1))
        return rescaled(scores, allowed, "z-score")

    def score(self, batch: UserBatch) -> Float32Array:
        """float32[b, n_items]: the weighted sum of what the members say."""
        total = np.zeros((len(batch), batch.history.n_items))
        for label, part in self.parts(batch):
            total += self.weights[label] * part
        return total.astype(np.float32)
