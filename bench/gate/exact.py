"""The exact tier: the same seed on the same data must give the same values, user by user.

It tells no better from worse: what changed is looked at, and then saved as the new baseline.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.gate.judge import Item, Paired
from bench.gate.measured import Measured, Run, Value
from bench.gate.verdict import Verdict
from bench.policy import Outcome, Policy
from bench.records import Environment

HARNESS = "recsys-bench"
"""Its version is no part of what a result is computed with: its source is what is tested."""


@dataclass(frozen=True)
class _Tolerance:
    """loose: whether the mean alone is compared, with the wider tolerance."""

    policy: Policy
    loose: bool

    def of(self, mean: float) -> float:
        return self.policy.exact_seeded.of(mean) if self.loose else self.policy.exact


def judge_exactly(baseline: Measured, candidate: Measured, pairs: Sequence[Paired], policy: Policy) -> list[Verdict]:
    """A verdict on every pair, pass or changed. Where all pairs of a row pass, also on each of its other metrics whose
    mean changed: then it is the metric that did.
    """
    found = []
    for task, row in dict.fromkeys((one.item.task, one.item.row) for one in pairs):
        before, now = (next(iter(side.runs(task, row).values())) for side in (baseline, candidate))
        same = _computed_with(baseline.environment(before)) == _computed_with(candidate.environment(now))
        tolerance = _Tolerance(policy, loose=now.seeded and not same)
        gated = [_judge(one, tolerance) for one in pairs if (one.item.task, one.item.row) == (task, row)]
        found += gated
        if all(one.verdict is Outcome.PASS for one in gated):
            found += _others(before, now, tolerance, {one.metric for one in gated})
    return found


def _computed_with(environment: Environment) -> dict[str, Any]:
    """What may change the last bits of a result."""
    values = environment.model_dump(exclude={"cores", "memory_bytes"})
    return values | {"packages": {name: one for name, one in environment.packages.items() if name != HARNESS}}


def _judge(pair: Paired, tolerance: _Tolerance) -> Verdict:
    defined = ~(np.isnan(pair.baseline) | np.isnan(pair.candidate)).any(axis=1)
    means = [float(side[defined].mean()) if defined.any() else float("nan") for side in (pair.baseline, pair.candidate)]
    outcome, reason = _decide(pair, means, tolerance)
    return pair.item.verdict(
        outcome,
        reason,
        higher_is_better=pair.higher_is_better,
        baseline=means[0] if defined.any() else None,
        candidate=means[1] if defined.any() else None,
        difference=means[1] - means[0] if defined.any() else None,
        margin=tolerance.of(means[0]) if defined.any() else None,
        n_users=int(defined.sum()),
        n_seeds=pair.candidate.shape[1],
    )


def _decide(pair: Paired, means: Sequence[float], tolerance: _Tolerance) -> tuple[Outcome, str]:
    if np.isnan(means).any():
        return Outcome.NO_VERDICT, "no user has a value on both sides"
    if pair.equal:
        return Outcome.PASS, "the same for every user, bit for bit"
    gaps = np.abs(pair.candidate - pair.baseline).max(axis=1)
    undefined = np.isnan(pair.baseline).any(axis=1) != np.isnan(pair.candidate).any(axis=1)
    gaps = np.where(undefined, np.inf, np.nan_to_num(gaps))
    if tolerance.loose and not undefined.any():
        gap, allowed = abs(means[1] - means[0]), tolerance.of(means[0])
        how = (
            f"trained on another machine or with other packages; the mean is off by {gap:.2g} of {allowed:.2g} allowed"
        )
        return (Outcome.PASS if gap <= allowed else Outcome.CHANGED), how
    different = np.flatnonzero(gaps > tolerance.policy.exact)
    if not len(different):
        return Outcome.PASS, f"no user's value is off by more than {gaps.max():.1g}"
    first = different[0]
    was, is_ = float(pair.baseline[first, 0]), float(pair.candidate[first, 0])
    return (
        Outcome.CHANGED,
        f"{len(different)} of {len(gaps)} users differ; the first is '{pair.users[first]}': {was:.6g} → {is_:.6g}",
    )


def _others(before: Run, now: Run, tolerance: _Tolerance, gated: set[str]) -> Iterator[Verdict]:
    """By their means: of these metrics the baseline has no values per user."""
    for label, old in before.metrics.items():
        if label in gated:
            continue
        item, new = Item(now.task, now.row, label), now.metrics.get(label)
        if new is None:
            yield item.verdict(Outcome.NO_VERDICT, "is not measured any more")
        elif new.version != old.version:
            reason = f"{label} is defined otherwise: version {old.version} in the baseline, {new.version} now"
            yield item.verdict(Outcome.NO_VERDICT, reason)
        elif _gap(old, new) > (allowed := tolerance.of(old.value or 0.0)):
            yield item.verdict(
                Outcome.CHANGED,
                "the mean changed, though what is gated of the same lists did not",
                margin=allowed,
                higher_is_better=old.higher_is_better,
                baseline=old.value,
                candidate=new.value,
            )


def _gap(old: Value, new: Value) -> float:
    if old.value is None or new.value is None:
        return 0.0 if old.value is new.value else float("inf")
    return abs(new.value - old.value)
