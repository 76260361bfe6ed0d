"""What a check found: a verdict on every gated metric of every algorithm on every task, and how the check ends."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from bench.policy import FAILING, Outcome, Policy

WORSE = {Outcome.REGRESSED, Outcome.SUSPICIOUS, Outcome.CHANGED}
"""Fails with 1; what fails otherwise could not be told, and fails with 3."""


@dataclass(frozen=True)
class Verdict:
    """On one metric of one algorithm (a row of the suite) on one task.

    baseline and candidate: means over users and seeds. difference: candidate − baseline over the users and seeds that
    both have; low and high: its bounds, each of which the true difference is beyond with probability alpha. margin: how
    much worse is not yet a regression, positive. p: one-sided against the margin, that of a regression after Holm's
    correction where it is the difference that is below, else that of a pass. All in the metric's unit; None where there
    is nothing to say. failed: whether the job itself failed.
    """

    algorithm: str
    task: str
    metric: str
    verdict: Outcome
    reason: str
    higher_is_better: bool = True
    baseline: float | None = None
    candidate: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    margin: float | None = None
    p: float | None = None
    n_users: int = 0
    n_seeds: int = 0
    failed: bool = False

    @property
    def name(self) -> str:
        """ "holdout · ease · ndcg@10"."""
        return f"{self.task} · {self.algorithm} · {self.metric}"


@dataclass(frozen=True)
class Report:
    """All verdicts of a check. suite: its label. exact: whether it was the exact tier."""

    suite: str
    baseline: str
    exact: bool
    policy: Policy
    verdicts: tuple[Verdict, ...]

    def fails(self, verdict: Verdict) -> bool:
        """Whether a verdict fails the check."""
        return verdict.failed or verdict.verdict is Outcome.CHANGED or verdict.verdict in self.policy.fail_on

    @property
    def failing(self) -> tuple[Verdict, ...]:
        """The verdicts that fail the check."""
        return tuple(one for one in self.verdicts if self.fails(one))

    @property
    def compared(self) -> bool:
        """Whether anything was."""
        return any(one.verdict is not Outcome.NO_VERDICT for one in self.verdicts)

    @property
    def exit_code(self) -> int:
        """0 good; 1 something is worse, implausibly better, or a job failed; 3 it could not be told.

        A check that compared nothing never ends with 0, whatever the policy says.
        """
        failing = self.failing
        if any(one.failed or one.verdict in WORSE for one in failing):
            return 1
        return 3 if failing or not self.compared else 0

    def summary(self) -> str:
        """One line: "passed: 33 pass", "failed: 1 regressed, 32 pass"."""
        counts = Counter(one.verdict for one in self.verdicts)
        listed = ", ".join(f"{counts[one]} {one}" for one in (Outcome.CHANGED, *FAILING, Outcome.PASS) if counts[one])
        tolerated = dict.fromkeys(
            str(one.verdict) for one in self.verdicts if one.verdict is not Outcome.PASS and not self.fails(one)
        )
        allowed = f" ({', '.join(tolerated)} allowed by the policy)" if tolerated else ""
        state = {0: "passed", 1: "failed", 3: "no verdict"}[self.exit_code]
        return f"{state}: {listed or 'nothing was compared'}{allowed}"
