"""The gate's policy: which metrics are gated, how much worse is too much, and what fails a check.

It is the table `[gate]` of a suite's file, of `bench.toml` in the working folder, or both; what the latter says wins,
and the command line wins over either.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, ValidationError, field_validator

from bench.card import Strict
from bench.config import describe_validation_error
from bench.errors import UsageError

PROJECT_FILE = "bench.toml"


class Outcome(StrEnum):
    """What a check says of one metric of one algorithm on one task."""

    PASS = "pass"
    REGRESSED = "regressed"
    INCONCLUSIVE = "inconclusive"
    SUSPICIOUS = "suspicious"
    NO_VERDICT = "no verdict"
    CHANGED = "changed"
    """Of the exact tier, which knows no better and no worse."""


@dataclass(frozen=True, slots=True)
class Margin:
    """A difference: in the metric's own unit, or as a share of the baseline's mean."""

    value: float
    relative: bool

    def of(self, mean: float) -> float:
        """In the metric's unit."""
        return self.value * abs(mean) if self.relative else self.value

    def __str__(self) -> str:
        return f"{100 * self.value:g}%" if self.relative else f"{self.value:g}"


def parse_margin(given: object) -> Margin:
    """ "2%" of the baseline's mean, or a number in the metric's unit. Raises ValueError on anything else."""
    if isinstance(given, Margin):
        return given
    text = str(given).strip()
    try:
        number = float(text.removesuffix("%"))
    except ValueError:
        number = 0.0
    if isinstance(given, bool) or not 0 < number < float("inf"):
        raise ValueError('should be a share of the baseline\'s mean, such as "2%", or a positive number')
    return Margin(number / 100, True) if text.endswith("%") else Margin(number, False)


MarginField = Annotated[Margin, BeforeValidator(parse_margin), PlainSerializer(str)]
FAILING = (Outcome.REGRESSED, Outcome.SUSPICIOUS, Outcome.INCONCLUSIVE, Outcome.NO_VERDICT)


class Policy(Strict):
    """What is gated and when a check fails."""

    metrics: Annotated[list[str], AfterValidator(lambda labels: list(dict.fromkeys(labels)))] = []
    """Those that are gated; by default each task's primary metric."""
    margin: MarginField = Margin(0.02, True)
    """How much worse is not yet a regression: "2%" of the baseline's mean, or a number in the metric's unit."""
    margins: dict[str, MarginField] = Field(default_factory=dict)
    """Of single metrics, in place of `margin`."""
    seeds: int | None = Field(default=None, ge=1)
    """How often an algorithm that depends on its seed is trained; by default as often as in the baseline."""
    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    """Of the one-sided tests: the share of false alarms, and of regressions that pass, at most."""
    fail_on: list[Outcome] = list(FAILING)
    """Which verdicts fail the check."""
    suspicious: MarginField = Margin(0.25, True)
    """An improvement that is certainly larger than this looks like a leak."""
    exact: float = Field(default=1e-9, ge=0)
    """Of the exact tier: how far a user's value may be off, where the algorithm does not depend on its seed."""
    exact_seeded: MarginField = Margin(0.02, True)
    """Of the exact tier: how far the mean over users may be off, where the algorithm depends on its seed and was
    trained on another machine or with other packages. On the same machine `exact` holds for it too."""

    @field_validator("fail_on")
    @classmethod
    def _can_fail(cls, fail_on: list[Outcome]) -> list[Outcome]:
        allowed = [str(one) for one in FAILING]
        if not set(fail_on) <= set(FAILING) or Outcome.REGRESSED not in fail_on:
            raise ValueError(f"should hold 'regressed' and may hold what else can fail: {', '.join(allowed)}")
        return list(dict.fromkeys(fail_on))

    def margin_of(self, metric: str) -> Margin:
        """How much worse is not yet a regression by a metric."""
        return self.margins.get(metric, self.margin)


class ProjectFile(Strict):
    """`bench.toml`: what a project that uses the harness sets once."""

    gate: dict[str, Any] = Field(default_factory=dict)


def parse_policy(owner: str, values: Mapping[str, Any]) -> Policy:
    """Raises UsageError, which names the field, what is allowed and what was given."""
    try:
        return Policy.model_validate(dict(values))
    except ValidationError as error:
        raise UsageError(describe_validation_error(owner, error, Policy.model_fields)) from None


def project_table(folder: Path) -> dict[str, Any]:
    """The table `[gate]` of `bench.toml` in a folder; empty where there is none. Raises UsageError if it is wrong."""
    path = folder / PROJECT_FILE
    if not path.exists():
        return {}
    try:
        return ProjectFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8"))).gate
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"cannot read {path}: {error}.") from None
    except ValidationError as error:
        raise UsageError(describe_validation_error(str(path), error, ProjectFile.model_fields)) from None


def resolve_policy(suite: Policy | None, given: Mapping[str, Any], folder: Path = Path()) -> Policy:
    """The policy from a suite's table, `bench.toml` in `folder`, and what was given on the command line."""
    own = suite.model_dump(exclude_unset=True) if suite else {}
    project = project_table(folder)
    parse_policy(f"the table [gate] of {PROJECT_FILE}", project)
    return parse_policy("the gate", {**own, **project, **given})
