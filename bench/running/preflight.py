"""What is checked before a suite spends time: can the metric tell, are needs met, users, disk and time enough?"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Literal

import numpy as np
import torch

from bench import seeds
from bench.errors import UnmetNeedError, UsageError
from bench.evaluation import lacking, measure
from bench.interactions import Float64Array
from bench.metrics import Background, Evidence, HitMetric, Judged, Metric, Rated, RatingMetric
from bench.plugins import Registries
from bench.records import Status
from bench.running.assess import DEFAULT_CUTOFF, background
from bench.running.folds import PreparedFold
from bench.running.job import new_algorithm
from bench.running.plan import Job
from bench.statistics import compare, minimum_detectable_effect
from bench.store import Stored
from bench.suite import Suite
from bench.topk import best, ranks_of, sort_keys

SCORES = 2 * 10**7
"""How many scores the checks look at: as many of the first test users as that gives."""
BYTES_PER_RECORD, BYTES_PER_ITEM, BYTES_PER_VALUE = 2**16, 32, 8
"""What a record, an item recommended or rated, and a value a user take on disk, before compression."""


@dataclass(frozen=True)
class Check:
    """What one check found. A problem ends the run before it starts; a warning is said."""

    what: str
    state: Literal["ok", "warning", "problem"]
    text: str


def preflight(
    suite: Suite,
    folds: Mapping[str, Sequence[PreparedFold]],
    jobs: Sequence[Job],
    registries: Registries,
    earlier: Sequence[Stored],
    out: Path,
    n_at_a_time: int,
) -> list[Check]:
    """All checks, task by task, and then those of the whole run. A task that has nothing left to run is passed over.

    jobs: those still to run; earlier: any results, to estimate the time from; out: where results will go.
    """
    found: list[Check] = []
    for task in suite.tasks:
        own = [job for job in jobs if job.task == task]
        found += _task(suite, task, folds[task], own, registries) if own else []
    return [*found, _disk(jobs, out), _time(jobs, earlier, n_at_a_time)]


def require_no_problem(checks: Sequence[Check]) -> None:
    """Raises UsageError with the first problem."""
    for check in checks:
        if check.state == "problem":
            raise UsageError(f"{check.what}: {check.text}")


def _task(
    suite: Suite, task: str, folds: Sequence[PreparedFold], jobs: Sequence[Job], registries: Registries
) -> Iterator[Check]:
    metrics, primary = suite.metrics_of(task, registries), suite.primary_of(task, registries)
    smallest = min(folds, key=lambda prepared: len(prepared.fold.test))
    if len(smallest.fold.test) < 2:
        yield Check(task, "problem", f"{len(smallest.fold.test)} user is tested: nothing can be said from so few.")
        return
    trial = _Trial(smallest, metrics)
    yield from _discriminates(task, [m for m in metrics if _is_about_truth(m)], primary, trial)
    yield _detectable(suite, task, primary, trial, len(smallest.fold.test))
    yield from _needs(task, folds, jobs, registries)


def _is_about_truth(metric: Metric) -> bool:
    return isinstance(metric, HitMetric | RatingMetric) or Evidence.RANKS in metric.needs


Kind = Literal["perfect", "random", "popular"]


class _Trial:
    """Makes a perfect, a random and a popularity ranking of a fold's users (or such ratings), and measures them."""

    def __init__(self, prepared: PreparedFold, metrics: Sequence[Metric]) -> None:
        self.fold = prepared.fold
        test = self.fold.test
        self.part = test.slice(0, int(np.clip(SCORES // max(test.truth.n_items, 1), 100, len(test) + 100)))
        self.cutoff = max(metric.k for metric in metrics) or DEFAULT_CUTOFF
        self.random = seeds.generator(prepared.ref.seed, "preflight")
        self.made: dict[Kind, Judged] = {}

    def values(self, metric: Metric, kind: Kind) -> Float64Array | None:
        """float64[b], one value a user; None where the metric has none or cannot be computed here."""
        if isinstance(metric, RatingMetric):
            return metric.per_user(self._rated(kind))
        judged = self.made.get(kind) or self.made.setdefault(kind, self._judged(kind))
        return None if lacking(metric, judged) else measure(metric, judged)[1]

    def _rated(self, kind: Kind) -> Rated:
        assert self.part.ratings is not None
        actual = self.part.ratings.astype(np.float64)
        mean = np.full(len(actual), actual.mean())
        predicted = {"perfect": actual, "random": self.random.permutation(actual), "popular": mean}[kind]
        return Rated(self.part.truth.rows, actual, predicted, len(self.part))

    def _judged(self, kind: Kind) -> Judged:
        """The candidates in order, cut at the largest cut-off, and the ranks of the relevant ones."""
        test, truth = self.part, self.part.truth
        scores = self.random.random((len(test), truth.n_items), np.float32)
        if kind == "popular":
            scores += self.known.item_users.astype(np.float32)
        if kind == "perfect":
            scores[truth.rows, truth.items] += 1
        dense = torch.from_numpy(scores)
        keys = sort_keys(dense, test.batch.candidates, np.arange(truth.n_items))
        return Judged(best(dense, keys, self.cutoff), truth, self.known, ranks_of(truth, keys))

    @cached_property
    def known(self) -> Background:
        return background(self.part, self.fold.train_and_validation, self.fold.item_features)


def _discriminates(task: str, metrics: Sequence[Metric], primary: Metric, trial: _Trial) -> Iterator[Check]:
    """A perfect prediction must be significantly better than a random one."""
    blind, n_tried = [], 0
    for metric in metrics:
        perfect, random = trial.values(metric, "perfect"), trial.values(metric, "random")
        if perfect is None or random is None:
            continue
        n_tried += 1
        found = compare(perfect[:, None], random[:, None], draws=100, permutations=100)
        better = found.difference > 0 if metric.higher_is_better else found.difference < 0
        if not (better and found.p_t < 0.05):
            blind.append(metric.label)
    if not blind:
        can = "metrics tell" if n_tried else "metrics do not look at the truth: none is there to tell"
        yield Check(task, "ok" if n_tried else "warning", f"its {can} a perfect prediction from a random one.")
        return
    state: Literal["problem", "warning"] = "problem" if primary.label in blind else "warning"
    yield Check(task, state, f"{', '.join(blind)} cannot tell a perfect prediction from a random one on this fold.")


def _detectable(suite: Suite, task: str, primary: Metric, trial: _Trial, n_users: int) -> Check:
    """From the spread of a popularity ranking's values, taken as that of the differences between two systems (which it
    is if their values correlate at .5).
    """
    values = trial.values(primary, "popular")
    if values is None or np.isnan(values).all():
        return Check(task, "ok", f"{primary.label} has no value a user: no interval can be given.")
    spread = float(np.nanstd(values, ddof=1))
    if not spread > 0:
        text = f"a popularity ranking has no spread in {primary.label}, from which to tell what can be found."
        return Check(task, "ok", text)
    effect = minimum_detectable_effect(spread, n_users)
    wanted = suite.smallest_difference
    text = f"{n_users} test users find a difference of about {effect:.4f} in {primary.label} (80 % power, level 5 %)"
    if wanted is not None and effect > wanted:
        needed = int(np.ceil(n_users * (effect / wanted) ** 2))
        return Check(
            task, "warning", f"{text}; the suite's smallest of interest is {wanted:g}, for about {needed:,} users."
        )
    return Check(task, "ok", f"{text}.")


def _needs(task: str, folds: Sequence[PreparedFold], jobs: Sequence[Job], registries: Registries) -> Iterator[Check]:
    by_fold = {prepared.ref.fingerprint: prepared.fold for prepared in folds}
    unmet = {}
    for job in jobs:
        absent = [module for module in job.imports if find_spec(module.partition(".")[0]) is None]
        if absent:
            unmet[job.row] = f"'{job.row}' needs {', '.join(absent)}, which is not installed."
            continue
        try:
            new_algorithm(job, by_fold[job.fold.fingerprint], registries)
        except UnmetNeedError as error:
            unmet[job.row] = str(error)
    for text in unmet.values():
        yield Check(task, "warning", text)
    if not unmet:
        yield Check(task, "ok", "every algorithm has what it needs.")


def _disk(jobs: Sequence[Job], out: Path) -> Check:
    existing = next(folder for folder in (out.absolute(), *out.absolute().parents) if folder.exists())
    free, needed = shutil.disk_usage(existing).free, sum(map(_bytes, jobs))
    text = f"{_size(needed)} at most are to be written, {_size(free)} are free."
    return Check("disk", "ok" if free > needed else "problem", text)


def _bytes(job: Job) -> int:
    users, ratings = job.fold.users.get("test", 0), job.fold.interactions.get("test", 0)
    cutoff = max(int(label.partition("@")[2] or 0) for label in job.metrics) or DEFAULT_CUTOFF
    predictions = ratings if job.fold.rules.get("kind") == "rating" else users * cutoff
    return BYTES_PER_RECORD + predictions * BYTES_PER_ITEM + users * len(job.metrics) * BYTES_PER_VALUE


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 2**20:,.0f} MiB" if n_bytes < 10 * 2**30 else f"{n_bytes / 2**30:,.0f} GiB"


def _time(jobs: Sequence[Job], earlier: Sequence[Stored], n_at_a_time: int) -> Check:
    """Each job takes what its row took on the task before, or its algorithm anywhere."""
    good = [stored.record for stored in earlier if stored.record.status is Status.OK]
    seconds, unknown = 0.0, 0
    for job in jobs:
        same = [r for r in good if (r.suite.name, r.task, r.row) == (job.suite.name, job.task, job.row)]
        alike = same or [r for r in good if r.algorithm == job.algorithm]
        seconds += median(r.timings.total_seconds for r in alike) if alike else 0.0
        unknown += not alike
    if not jobs:
        return Check("time", "ok", "nothing is left to run.")
    if unknown == len(jobs):
        return Check("time", "ok", f"jobs to run: {len(jobs)}; none has an earlier run to estimate its time from.")
    rest = f", without those that have no earlier run to go by: {unknown}" if unknown else ""
    return Check("time", "ok", f"jobs to run: {len(jobs)}; about {_duration(seconds / n_at_a_time)}{rest}.")


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
