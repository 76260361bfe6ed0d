"""Typed search ranges: a hyperparameter's annotation is also its Optuna search space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from bench.errors import UsageError

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

Scalar = bool | int | float | str


@runtime_checkable
class SearchRange(Protocol):
    """Something that can propose a value for one field."""

    def suggest(self, trial: BaseTrial, name: str) -> Scalar:
        """The value the trial gives to the field `name`."""
        ...

    def grid(self, points: int) -> list[Scalar]:
        """At most `points` values, evenly spread, both ends included; all of them where they have no order."""
        ...


@dataclass(frozen=True)
class IntRange:
    """Integers from low to high, both included; `log` spreads them by magnitude."""

    low: int
    high: int
    log: bool = False

    def __post_init__(self) -> None:
        _check_bounds(self.low, self.high, self.log)

    def suggest(self, trial: BaseTrial, name: str) -> int:
        return trial.suggest_int(name, self.low, self.high, log=self.log)

    def grid(self, points: int) -> list[Scalar]:
        return list(dict.fromkeys(round(value) for value in _spread(self.low, self.high, self.log, points)))

    def __str__(self) -> str:
        return f"{self.low} … {self.high}{' (log)' if self.log else ''}"


@dataclass(frozen=True)
class FloatRange:
    """Real numbers from low to high."""

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        _check_bounds(self.low, self.high, self.log)

    def suggest(self, trial: BaseTrial, name: str) -> float:
        return trial.suggest_float(name, self.low, self.high, log=self.log)

    def grid(self, points: int) -> list[Scalar]:
        return list(_spread(self.low, self.high, self.log, points))

    def __str__(self) -> str:
        return f"{self.low:g} … {self.high:g}{' (log)' if self.log else ''}"


class LogRange(FloatRange):
    """Positive real numbers, spread by magnitude."""

    def __init__(self, low: float, high: float) -> None:
        super().__init__(low, high, log=True)


@dataclass(frozen=True, init=False)
class Choice:
    """One of the given values."""

    options: tuple[Scalar, ...]

    def __init__(self, *options: Scalar) -> None:
        if not options:
            raise UsageError("a Choice needs at least one option. Got none.")
        object.__setattr__(self, "options", options)

    def suggest(self, trial: BaseTrial, name: str) -> Scalar:
        chosen: Scalar = trial.suggest_categorical(name, self.options)  # type: ignore[assignment]
        return chosen

    def grid(self, points: int) -> list[Scalar]:
        return list(self.options)

    def __str__(self) -> str:
        return " | ".join(str(option) for option in self.options)


def _check_bounds(low: float, high: float, log: bool) -> None:
    if low > high or (log and low <= 0):
        raise UsageError(f"a search range must have low <= high{', both positive' if log else ''}. Got {low} … {high}.")


def _spread(low: float, high: float, log: bool, points: int) -> list[float]:
    """`points` values from low to high; the ends are exact, so that they lie within the range."""
    spread = np.geomspace if log else np.linspace
    return [low, *spread(low, high, points)[1:-1].tolist(), high]
