"""What a splitter is: options, and the part of every row in each of its folds."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from pydantic import Field, ValidationInfo, field_validator

from bench.config import Config
from bench.errors import DataError
from bench.interactions import Interactions
from bench.protocol.fold import Fold, Parts, make_fold
from bench.protocol.rules import Rules


@dataclass(frozen=True, eq=False)
class Assignment:
    """The part of each row, int8[n], and how many users or interactions were excluded, by reason."""

    part: Parts
    excluded: Mapping[str, int] = field(default_factory=dict)


class Splitter(Config):
    """Base of all splitters: a config whose `assign` gives every row its part, in each of `n_folds` folds."""

    @property
    def n_folds(self) -> int:
        """How many folds it makes of a data set."""
        return 1

    @property
    def validates(self) -> bool:
        """Whether there is a validation part."""
        return True

    def located(self, folder: Path) -> Self:
        """The same splitter, with the relative paths among its options taken from `folder`."""
        return self

    def split(self, data: Interactions, seed: int, rules: Rules | None = None) -> list[Fold]:
        """The folds of `data`; the same data and seed give the same folds."""
        rules = replace(rules or Rules(), validates=self.validates, seed=seed)
        return [self._fold(data, seed, index, rules) for index in range(self.n_folds)]

    def _fold(self, data: Interactions, seed: int, index: int, rules: Rules) -> Fold:
        assigned = self.assign(data, seed, index)
        try:
            return make_fold(data, assigned.part, assigned.excluded, rules)
        except DataError as error:
            if self.n_folds == 1:
                raise
            raise DataError(f"fold {index + 1} of {self.n_folds}: {error}") from None

    @abstractmethod
    def assign(self, data: Interactions, seed: int, index: int) -> Assignment:
        """What each row is in the fold of that index, from 0."""


class Shares(Splitter):
    """Base of the splitters that hold out two shares of something."""

    validation: float = Field(default=0.1, ge=0, lt=1)
    """Share that validates, at least one; 0 for no validation part."""
    test: float = Field(default=0.1, gt=0, lt=1)
    """Share that is tested, at least one."""

    @field_validator("test")
    @classmethod
    def _leaves_something(cls, test: float, info: ValidationInfo) -> float:
        validation: float = info.data.get("validation", 0)
        if validation + test >= 1:
            raise ValueError(f"must be below 1 - validation = {1 - validation:g}, to leave something to train on")
        return test

    @property
    def validates(self) -> bool:
        return self.validation > 0
