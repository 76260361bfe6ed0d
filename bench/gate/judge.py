"""From values per user to verdicts: two one-sided tests against the margin (docs/gate.md)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from bench.gate.measured import Measured, Run
from bench.gate.verdict import Verdict
from bench.interactions import Float64Array
from bench.policy import Outcome, Policy
from bench.statistics import AgainstMargin, against_margin, holm, minimum_detectable_effect
from bench.values import aligned

POWER = 0.8
"""With which an effect "could have been seen" and a number of users or seeds "would settle it" (Cohen 1988)."""
MANY_SEEDS = 100


@dataclass(frozen=True)
class Item:
    """What is judged: a gated metric of a row on a task."""

    task: str
    row: str
    metric: str

    def verdict(self, outcome: Outcome, reason: str, **values: object) -> Verdict:
        """A verdict on it."""
        return Verdict(self.row, self.task, self.metric, outcome, reason, **values)  # type: ignore[arg-type]


@dataclass(frozen=True, eq=False)
class Paired:
    """An item's users, and their values float64[n_users, n_seeds] of baseline and candidate, of the same seeds.

    lone: whether the result depends on a seed, and only one was trained.
    """

    item: Item
    users: tuple[str, ...]
    baseline: Float64Array
    candidate: Float64Array
    higher_is_better: bool
    lone: bool

    @property
    def n_one_sided(self) -> int:
        """Users who have a value on one side alone: a mean over the others would leave out what changed."""
        undefined = [np.isnan(side).any(axis=1) for side in (self.baseline, self.candidate)]
        return int((undefined[0] != undefined[1]).sum())

    @property
    def equal(self) -> bool:
        """Whether every user's value is the same, bit for bit."""
        return self.baseline.shape == self.candidate.shape and np.array_equal(
            self.baseline, self.candidate, equal_nan=True
        )


def pair(baseline: Measured, candidate: Measured, item: Item) -> Paired | Verdict:
    """The item's values, paired by user and seed; or why there is no verdict on it."""
    before, now = (one.runs(item.task, item.row) for one in (baseline, candidate))
    before, now = _shared_seeds(before, now)
    problem = _problem(baseline, before, now, item.metric)
    old, new = baseline.values(before, item.metric), candidate.values(now, item.metric)
    if problem or old is None or new is None:
        return item.verdict(Outcome.NO_VERDICT, problem or f"{item.metric} has no values per user")
    users = [tuple(dict.fromkeys(user for run in side for user in run.users.to_pylist())) for side in (old, new)]
    if set(users[0]) != set(users[1]):
        return item.verdict(Outcome.NO_VERDICT, "the users of the baseline are not those of the candidate")
    values = aligned({"baseline": old, "candidate": new})
    runs = [*before.values(), *now.values()]
    return Paired(
        item,
        users[0],
        values["baseline"],
        values["candidate"],
        runs[0].metrics[item.metric].higher_is_better,
        lone=any(run.seeded for run in runs) and len({run.seed for run in runs}) == 1,
    )


def _shared_seeds(before: Mapping[int, Run], now: Mapping[int, Run]) -> tuple[dict[int, Run], dict[int, Run]]:
    """The runs of the seeds that both have. One that does not depend on its seed has one, which stands for all."""
    sides = (before, now)
    if not all(run.seeded for side in sides for run in side.values()):
        return dict(before), dict(now)
    seeds = {run.seed for run in before.values()} & {run.seed for run in now.values()}
    shared = [{at: run for at, run in side.items() if run.seed in seeds} for side in sides]
    return shared[0], shared[1]


def _problem(baseline: Measured, before: Mapping[int, Run], now: Mapping[int, Run], metric: str) -> str | None:
    if not before or not now:
        return "the baseline and the candidate have no seed in common"
    folds = [{(run.seed, run.fold) for run in side.values()} for side in (before, now)]
    counts = [len({fold for _, fold in side}) * len({seed for seed, _ in side}) for side in folds]
    if any(len(side) != count for side, count in zip(folds, counts, strict=True)) or _n_folds(before) != _n_folds(now):
        return "the baseline and the candidate do not have the same folds of every seed"
    if metric not in baseline.contents.gated:
        known = ", ".join(baseline.contents.gated)
        return f"the baseline has no values per user of {metric}; it has {known}"
    versions = [
        {run.metrics[metric].version for run in side.values() if metric in run.metrics} for side in (before, now)
    ]
    if versions[0] != versions[1]:
        was, is_ = (", ".join(map(str, sorted(one))) or "none" for one in versions)
        return f"{metric} is defined otherwise: version {was} in the baseline, {is_} now"
    return None


def _n_folds(runs: Mapping[int, Run]) -> set[int]:
    return {run.fold for run in runs.values()}


def judge(pairs: Sequence[Paired], policy: Policy) -> list[Verdict]:
    """A verdict on every pair.

    That something regressed is corrected by Holm over all pairs, but for those of equal values, which cannot have. That
    all pass needs no correction: it is claimed only where every single test says so (an intersection–union test:
    Berger 1982).
    """
    margins = [policy.margin_of(one.item.metric).of(_mean(one.baseline)) for one in pairs]
    tests = [_test(one, margin, policy.alpha) for one, margin in zip(pairs, margins, strict=True)]
    in_question = [math.nan if one.equal else test.p_below for one, test in zip(pairs, tests, strict=True)]
    n_tests = sum(not math.isnan(p) for p in in_question)
    together = zip(pairs, margins, tests, holm(in_question), strict=True)
    return [_verdict(one, margin, test, float(p), policy, n_tests) for one, margin, test, p in together]


def _mean(values: Float64Array) -> float:
    defined = values[~np.isnan(values).any(axis=1)]
    return float(defined.mean()) if len(defined) else math.nan


def _test(pair: Paired, margin: float, alpha: float) -> AgainstMargin:
    """Of how much better the candidate is, in the direction of the metric."""
    sides = (pair.candidate, pair.baseline) if pair.higher_is_better else (pair.baseline, pair.candidate)
    return against_margin(*sides, margin, alpha=alpha)


def _verdict(
    pair: Paired, margin: float, test: AgainstMargin, adjusted: float, policy: Policy, n_tests: int
) -> Verdict:
    outcome, reason = _decide(pair, margin, test, adjusted, policy, n_tests)
    sign = 1 if pair.higher_is_better else -1
    low, high = sorted((sign * test.low, sign * test.high))
    values = {
        "baseline": _mean(pair.baseline),
        "candidate": _mean(pair.candidate),
        "difference": sign * test.difference,
        "low": low,
        "high": high,
        "margin": margin,
        "p": adjusted if test.difference < -margin else test.p_above,
    }
    known = {name: None if math.isnan(value) else value for name, value in values.items()}
    return replace(
        pair.item.verdict(outcome, reason, n_users=test.n_users, n_seeds=test.n_seeds),
        higher_is_better=pair.higher_is_better,
        **known,  # type: ignore[arg-type]
    )


def _decide(
    pair: Paired, margin: float, test: AgainstMargin, adjusted: float, policy: Policy, n_tests: int
) -> tuple[Outcome, str]:
    if pair.equal and test.n_users:
        return Outcome.PASS, "the same for every user, bit for bit"
    if pair.n_one_sided:
        return Outcome.NO_VERDICT, f"{pair.n_one_sided} users have a value on one side alone"
    if math.isnan(test.p_above):
        return Outcome.NO_VERDICT, f"only {test.n_users} users have values: a test needs two"
    mean = _mean(pair.baseline)
    if pair.higher_is_better and margin >= abs(mean):
        return Outcome.NO_VERDICT, f'a margin of {margin:g} allows any drop from {mean:.4g}: give a share, such as "2%"'
    if test.low > policy.suspicious.of(mean):
        gain = _share(test.low, mean)
        return Outcome.SUSPICIOUS, f"better by {gain} or more: look for a leak before a new baseline is saved"
    if pair.lone:
        return (
            Outcome.INCONCLUSIVE,
            "trained once, and another seed might say the opposite: save and check with --seeds 5",
        )
    if test.p_above < policy.alpha:
        return Outcome.PASS, _passed(test, margin, mean)
    if adjusted < policy.alpha:
        return Outcome.REGRESSED, f"worse by {_share(-test.high, mean)} or more, and {_share(margin, mean)} is allowed"
    return Outcome.INCONCLUSIVE, _inconclusive(test, margin, mean, policy, n_tests)


def _passed(test: AgainstMargin, margin: float, mean: float) -> str:
    if test.low >= 0:
        return f"better by {_share(test.low, mean)} or more" if test.low > 0 else "not worse"
    return f"worse by at most {_share(-test.low, mean)}, and {_share(margin, mean)} is allowed"


def _share(value: float, mean: float) -> str:
    """ "0.0049 (2 %)"."""
    share = 100 * value / abs(mean) if mean else math.inf
    percent = f"{share:.2g}" if abs(share) < 100 else f"{share:.0f}"
    return f"{value:.2g} ({percent} %)" if mean else f"{value:.2g}"


def _inconclusive(test: AgainstMargin, margin: float, mean: float, policy: Policy, n_tests: int) -> str:
    """What could have been seen, and what would settle it."""
    if test.p_below < policy.alpha:
        return f"below the margin, but of {n_tests} comparisons one may be by chance (p {test.p_below:.2g} before Holm)"
    sd = test.standard_error * math.sqrt(test.n_users)
    seen = minimum_detectable_effect(sd, test.n_users, alpha=2 * policy.alpha, power=POWER)
    could = f"a drop of {_share(margin + seen, mean)} could have been seen, {_share(margin, mean)} is allowed"
    return f"{could}; {settling(test, margin, policy.alpha)}"


def settling(test: AgainstMargin, margin: float, alpha: float) -> str:
    """How many users or seeds would make it pass with probability `POWER`, if nothing changed."""
    quantiles = float(special.ndtri(1 - alpha) + special.ndtri(POWER))
    wanted = (margin / quantiles) ** 2
    users, seeds = test.users_se**2, max(0.0, test.standard_error**2 - test.users_se**2)
    ways = []
    if wanted > seeds:
        ways.append(f"{_rounded(test.n_users * users / (wanted - seeds)):,} users")
    if (
        test.n_seeds > 1
        and wanted > users
        and (needed := _rounded(test.n_seeds * seeds / (wanted - users))) <= MANY_SEEDS
    ):
        ways.append(f"{max(needed, test.n_seeds + 1)} seeds")
    if not ways:
        return "more of both users and seeds, or a wider margin (bench calibrate), would settle it"
    return f"about {' or '.join(ways)} would settle it"


def _rounded(number: float) -> int:
    """Up, to two digits: it is no more exact."""
    if number < 100:
        return math.ceil(number)
    unit = 10 ** (int(math.log10(number)) - 1)
    return int(math.ceil(number / unit) * unit)
