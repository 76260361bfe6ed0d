"""What a leaderboard is made of: one board a task, one line an algorithm, means over its seeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.ledger import TuningLedger
from bench.records import Status
from bench.statistics import Estimate

MetricValues = Mapping[str, float | None]


@dataclass(frozen=True)
class BoardRow:
    """One algorithm on one task.

    rank: from 1, equal values share one; None where there is nothing to rank. seeds, statuses and records
    are parallel, one entry a run: a seed on a fold. n_missing: runs that others have and this row has not.
    status: "ok", or that of the first run that is not. metrics and timings (seconds) are means over the runs
    that are ok; peak_bytes is their maximum. estimate: of the metric that ranks; None without values a user.
    tied: whether it cannot be told from the best row by that metric. parameters: where they are from, a constant of
    `bench_reports.budgets`. lone: whether it depends on its seed and has only one: another might rank elsewhere.
    """

    algorithm: str
    rank: int | None
    seeds: tuple[int, ...]
    statuses: tuple[Status, ...]
    records: tuple[Path, ...]
    status: Status
    reason: str
    metrics: MetricValues
    timings: Mapping[str, float]
    users_per_second: float | None
    peak_bytes: int
    tuning: TuningLedger | None
    parameters: str
    n_missing: int = 0
    estimate: Estimate | None = None
    tied: bool = False
    lone: bool = False

    @property
    def fit_seconds(self) -> float:
        """All the training behind the tested model: the fit, and the final fit where there was one."""
        return self.timings["fit_seconds"] + self.timings["final_fit_seconds"]


@dataclass(frozen=True)
class TaskBoard:
    """The rows of one task, best first, all on the same fold; rows that cannot be ranked come last.

    suite: its label, "movielens-v1". metrics: the labels, in the order of the columns. sort: the one that
    ranks. lower_is_better: the labels of which it is true. notes: what a reader must know to trust the table, the last
    of them the `audit`. leaks: the audit in a sentence.
    n_users: test users, of the smallest fold where there are several; most_users: of the largest. candidates: what
    was ranked, where that is not the full catalogue.
    """

    suite: str
    task: str
    n_users: int
    metrics: tuple[str, ...]
    sort: str
    lower_is_better: frozenset[str]
    rows: tuple[BoardRow, ...]
    notes: tuple[str, ...]
    n_folds: int = 1
    most_users: int = 0
    candidates: str = ""
    audit: tuple[str, ...] = ()
    leaks: str = ""

    @property
    def title(self) -> str:
        """What the table is about: "movielens-v1 · holdout · 938 users"."""
        folds = f"{self.n_folds} folds of " if self.n_folds > 1 else ""
        most = f"–{self.most_users}" if self.most_users > self.n_users else ""
        return " · ".join(filter(None, [self.suite, self.task, f"{folds}{self.n_users}{most} users", self.candidates]))


@dataclass(frozen=True)
class Board:
    """The boards of every suite and task."""

    tasks: tuple[TaskBoard, ...]
