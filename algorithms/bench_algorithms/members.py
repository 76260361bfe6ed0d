"""Algorithms made of other algorithms: named members with their hyperparameters, fitted side by side."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Self, TypeVar

from pydantic import Field, model_validator

from bench.algorithm import Algorithm, Context, EvalSet, Need, UserBatch
from bench.card import Strict
from bench.config import Config
from bench.interactions import Float64Array, Interactions
from bench.plugins import load_registries
from bench_algorithms.comparable import as_float64

Found = Mapping[str, Mapping[str, Any]]
"""The hyperparameters in effect after fitting, by the member's label."""


class Member(Strict):
    """One of the algorithms that are combined."""

    algorithm: str
    """Its registered name."""
    config: dict[str, Any] = Field(default_factory=dict)
    """Its hyperparameters; those not given have their defaults."""

    def new(self) -> Algorithm[Any]:
        """The algorithm, not yet fitted. Raises UnknownNameError, with the nearest name, or UsageError."""
        kind: type[Algorithm[Any]] = load_registries().algorithms.get(self.algorithm)
        return kind(kind.Config.parse(f"the member '{self.algorithm}'", self.config))


class MembersConfig(Config):
    """Base of the configurations that name members. A wrong one is refused when the configuration is read."""

    @abstractmethod
    def labelled(self) -> dict[str, Member]:
        """The members by their labels."""

    @abstractmethod
    def with_found(self, found: Found) -> Self:
        """The same members with the hyperparameters that their fits found."""

    @model_validator(mode="after")
    def _members_exist(self) -> Self:
        for member in self.labelled().values():
            member.new()
        return self


class RolesConfig(MembersConfig):
    """Base of those whose members have roles: the field ROLE names the algorithm, ROLE_config its hyperparameters."""

    roles: ClassVar[tuple[str, ...]]

    def labelled(self) -> dict[str, Member]:
        """The members by their roles."""
        return {
            role: Member(algorithm=getattr(self, role), config=getattr(self, f"{role}_config")) for role in self.roles
        }

    def with_found(self, found: Found) -> Self:
        """The same members with the hyperparameters that their fits found."""
        return self.changed(**{f"{role}_config": dict(found[role]) for role in self.roles})


M = TypeVar("M", bound=MembersConfig)


class Ensemble(Algorithm[M]):
    """Base of the algorithms that combine the scores of fitted members.

    Needs what its members need, serves unseen users if all do, looks at validation if one does, and depends on the
    seed if one does. Every member has the job's own seed, so it is the one of a row of its own.
    """

    needs: frozenset[Need] = frozenset()
    """Of the default members; an instance has those of its own."""

    def __init__(self, config: M | None = None, **fields: Any) -> None:
        super().__init__(config, **fields)
        self.members = {label: member.new() for label, member in self.config.labelled().items()}
        members = self.members.values()
        self.imports = tuple(dict.fromkeys(module for member in members for module in member.imports))
        self.needs = frozenset(need for member in members for need in member.needs)
        self.seeded = any(member.seeded for member in members)
        self.serves_unseen_users = all(member.serves_unseen_users for member in members)

    @property
    def uses_validation(self) -> bool:
        return any(member.uses_validation for member in self.members.values())

    @property
    def fitted_config(self) -> M:
        """With what the members found."""
        return self.config.with_found(
            {label: member.fitted_config.model_dump() for label, member in self.members.items()}
        )

    def fit(self, train: Interactions, validation: EvalSet | None, context: Context) -> Self:
        """Fits the members. Their curves are "LABEL/train_loss" and the like, their details one entry each.
        A member's validation scores prune no trial, as they are not those of the whole.
        """
        for label, member in self.members.items():
            own = member_context(context)
            member.fit(train, validation if member.uses_validation else None, own)
            keep_logs(context, label, own)
        return self

    def member_scores(self, batch: UserBatch) -> Iterator[tuple[str, Float64Array]]:
        """Each member's label and its scores, float64[b, n_items]; one after the other, as all may be too large."""
        for label, member in self.members.items():
            yield label, as_float64(member.score(batch))


def member_context(context: Context, **changes: Any) -> Context:
    """What a member is given: the same, with curves and details of its own and no pruning."""
    return replace(context, report=lambda step, score: None, curves={}, details={}, **changes)


def keep_logs(context: Context, label: str, own: Context) -> None:
    """Put a member's curves and details among those of the whole, under its label."""
    context.curves.update({f"{label}/{curve}": points for curve, points in own.curves.items()})
    if own.details:
        context.details[label] = own.details
