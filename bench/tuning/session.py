"""Tunes rows of a suite, one after the other, with the same budget each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.errors import UsageError
from bench.ledger import TunedRow
from bench.plugins import Registries
from bench.running.folds import PreparedFold
from bench.running.plan import Request
from bench.running.process import Limits
from bench.suite import Suite
from bench.tuning.budget import Budget
from bench.tuning.tuner import TrialDone, make_tuner

Display = Callable[[str, int], AbstractContextManager[Any]]
"""Shows the trials of one study, given its title and their number; has a method `trial_done`, a `TrialDone`."""
Folds = Mapping[str, Sequence[PreparedFold]]


@dataclass
class Tuning:
    """What came of tuning. problems: why nothing was found, one line each."""

    found: list[TunedRow] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class TuningSession:
    """What the studies of one invocation share.

    fixed: fields that keep a value, by row. storage: the URI of a shared study database, if any.
    """

    suite: Suite
    folds: Folds
    registries: Registries
    out: Path
    work: Path
    request: Request
    limits: Limits
    budget: Budget
    fixed: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    storage: str | None = None

    def studies(self) -> Iterator[tuple[str, str, PreparedFold]]:
        """(row, task, fold) of everything that has something to tune."""
        for row in self.suite.algorithms:
            fixed = self.fixed.get(row, {})
            space = self.suite.algorithm(row, self.registries).Config.search_space()
            if not self.suite.algorithms[row].tune or set(space) <= set(fixed):
                continue
            for task in self.suite.tasks:
                if row in self.suite.rows_of(task, self.registries):
                    yield from ((row, task, prepared) for prepared in self.folds[task])

    def run(self, display: Display) -> Tuning:
        """Tune everything. A row of which no trial succeeds costs none of the others.

        Raises UsageError if there is nothing to tune, or the budget does not fit a task.
        """
        tuning, studies = Tuning(), list(self.studies())
        if not studies:
            raise UsageError(f"no field is left to tune of {', '.join(self.suite.algorithms)}.")
        tuners = [self._tuner(*study) for study in studies]
        for (row, task, prepared), tuner in zip(studies, tuners, strict=True):
            fold = f" · fold {prepared.ref.index + 1} of {prepared.ref.count}" if prepared.ref.count > 1 else ""
            with display(f"{task} · {row}{fold}", self.budget.trials) as shown:
                done: TrialDone = shown.trial_done
                try:
                    tuning.found.append(tuner.run(self.budget, done))
                except UsageError as error:
                    tuning.problems.append(str(error))
        return tuning

    def _tuner(self, row: str, task: str, prepared: PreparedFold) -> Any:
        return make_tuner(
            self.suite,
            row,
            task,
            prepared,
            self.registries,
            self.out,
            self.work,
            self.request,
            self.limits,
            self.fixed.get(row, {}),
            self.budget.folds,
            self.storage,
        )
