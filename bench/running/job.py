"""What one job does, in whatever process: fit, final fit, recommend, metrics."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench import seeds
from bench.algorithm import Algorithm, Context, Need, no_progress
from bench.batches import EvalSet, TopK
from bench.errors import UnmetNeedError
from bench.evaluation import evaluate, measure
from bench.interactions import Float64Array, Int64Array
from bench.metrics.base import Judged, Metric
from bench.metrics.selection import parse_metrics
from bench.plugins import Registries
from bench.protocol.fold import Fold
from bench.ranking import Ranked, recommend
from bench.records import PER_USER_FILE, TOPK_FILE, Timings
from bench.running.plan import Job

if TYPE_CHECKING:
    import pyarrow as pa

Progress = Callable[[str, int, int, str], None]


@dataclass(frozen=True)
class Outcome:
    """The computed part of a record, and its tables by file name."""

    fields: dict[str, Any]
    tables: dict[str, pa.Table]


@dataclass
class Stopwatch:
    """Seconds by phase, from the monotonic clock."""

    seconds: dict[str, float] = field(default_factory=dict)
    started: float = field(default_factory=time.perf_counter)

    def lap(self, phase: str, since: float) -> None:
        """Store the seconds since a `time.perf_counter()` value."""
        self.seconds[phase] = time.perf_counter() - since

    def timings(self) -> Timings:
        return Timings(**self.seconds, total_seconds=time.perf_counter() - self.started)


@dataclass(frozen=True)
class Validator:
    """Scores a model on an evaluation set exactly as the harness scores it in the end."""

    name: str
    metric: Metric
    ties: Int64Array
    user_ids: np.ndarray[Any, np.dtype[np.object_]]

    def __call__(self, algorithm: Algorithm[Any], part: EvalSet) -> float:
        """The metric's value, negated where lower is better."""
        ranked = recommend(algorithm, self.name, part.users, part.history, self.metric.k, self.ties, self.user_ids)
        value = measure(self.metric, Judged(ranked.topk, part.truth))[0]
        return value if self.metric.higher_is_better else -value


def execute(job: Job, fold: Fold, registries: Registries, work_dir: Path, progress: Progress = no_progress) -> Outcome:
    """Run a job to its end. Raises whatever the algorithm raises, and BenchErrors for broken contracts."""
    watch = Stopwatch()
    metrics = parse_metrics(job.metrics, registries.metrics)
    ties = seeds.tie_order(job.fold.seed, fold.train.item_ids)
    context = make_context(job, fold, registries, work_dir, progress)
    algorithm = new_algorithm(job, fold, registries)
    fitted = fit(algorithm, fold, job.final_fit, context, watch)
    started = time.perf_counter()
    progress("recommend", 0, len(fold.test), "")
    cutoff = max(metric.k for metric in metrics)
    users, history = fold.test.users, fold.test.history
    ranked = recommend(fitted, job.row, users, history, cutoff, ties, fold.train.user_ids)
    watch.lap("recommend_seconds", started)
    started = time.perf_counter()
    judged = Judged(ranked.topk, fold.test.truth)
    values, per_user = evaluate(metrics, judged)
    watch.lap("metrics_seconds", started)
    fields = {
        "config_effective": fitted.fitted_config.model_dump(mode="json"),
        "cutoff": cutoff,
        "metrics": values,
        "n_masked": ranked.n_masked,
        "warnings": _warnings(ranked, len(users)),
        "curves": context.curves,
        "details": context.details,
        "timings": watch.timings(),
        "peak_bytes": peak_bytes(),
    }
    ids = fold.train.user_ids[users]
    tables = {PER_USER_FILE: per_user_table(ids, per_user), TOPK_FILE: topk_table(ids, fold, ranked.topk)}
    return Outcome(fields, tables)


def new_algorithm(job: Job, fold: Fold, registries: Registries) -> Algorithm[Any]:
    """The job's algorithm, unfitted. Raises UnmetNeedError if the fold lacks something that it needs."""
    algorithm: Algorithm[Any] = registries.algorithms.get(job.algorithm)(**job.config)
    have = {
        Need.TIMESTAMPS: fold.train.timestamp is not None,
        Need.ITEM_FEATURES: fold.item_features is not None,
        Need.USER_FEATURES: fold.user_features is not None,
    }
    missing = sorted(need for need in algorithm.needs if not have[need])
    if missing:
        raise UnmetNeedError(f"'{job.row}' needs {', '.join(missing)}, which this data set does not have.")
    known = fold.train if job.final_fit == "train" else fold.train_and_validation
    unseen = np.setdiff1d(fold.test.users, known.user)
    if len(unseen) and not algorithm.serves_unseen_users:
        raise UnmetNeedError(f"'{job.row}' cannot serve users unseen in training, and {len(unseen)} test users are.")
    return algorithm


def make_context(job: Job, fold: Fold, registries: Registries, work_dir: Path, progress: Progress) -> Context:
    """What the algorithm gets beside the data."""
    metric = parse_metrics([job.primary_metric], registries.metrics)[0]
    ties = seeds.tie_order(job.fold.seed, fold.train.item_ids)
    return Context(
        seed=job.seed,
        device=job.settings.device,
        precision=job.settings.precision,
        work_dir=work_dir,
        item_features=fold.item_features,
        user_features=fold.user_features,
        progress=progress,
        evaluate=Validator(job.row, metric, ties, fold.train.user_ids),
    )


def fit(algorithm: Algorithm[Any], fold: Fold, final_fit: str, context: Context, watch: Stopwatch) -> Algorithm[Any]:
    """The model to be tested.

    An algorithm that looks at validation is first fitted on train beside it; with `final_fit` on train and
    validation, a second model with the configuration so found is then fitted on both, blind.
    """
    started = time.perf_counter()
    on_both = final_fit == "train+validation"
    if algorithm.uses_validation:
        algorithm.fit(fold.train, fold.validation, context)
        watch.lap("fit_seconds", started)
        if not on_both:
            return algorithm
        started = time.perf_counter()
        final = type(algorithm)(algorithm.fitted_config)
        blind = _blind(context)
        final.fit(fold.train_and_validation, None, blind)
        context.curves.update({f"final_{name}": curve for name, curve in blind.curves.items()})
        context.details.update(blind.details)
        watch.lap("final_fit_seconds", started)
        return final
    algorithm.fit(fold.train_and_validation if on_both else fold.train, None, context)
    watch.lap("fit_seconds", started)
    return algorithm


def _blind(context: Context) -> Context:
    return Context(
        seed=context.seed,
        device=context.device,
        precision=context.precision,
        work_dir=context.work_dir,
        item_features=context.item_features,
        user_features=context.user_features,
        progress=lambda stage, done, total, note: context.progress(f"final {stage}", done, total, note),
    )


def per_user_table(ids: np.ndarray[Any, Any], per_user: dict[str, Float64Array]) -> pa.Table:
    """A row a user: user (string), and float64 columns named like "ndcg@10"; NaN where undefined."""
    import pyarrow as pa

    return pa.table({"user": pa.array(ids.tolist(), pa.string()), **per_user})


def topk_table(ids: np.ndarray[Any, Any], fold: Fold, topk: TopK) -> pa.Table:
    """A row a recommended item: user, item (strings), rank (int32, from 1), score (float32)."""
    import pyarrow as pa

    rows, ranks = np.nonzero(topk.filled)
    items = fold.train.item_ids[topk.items[rows, ranks]]
    return pa.table(
        {
            "user": pa.array(ids[rows].tolist(), pa.string()),
            "item": pa.array(items.tolist(), pa.string()),
            "rank": pa.array((ranks + 1).astype(np.int32)),
            "score": pa.array(topk.scores[rows, ranks]),
        }
    )


def peak_bytes() -> int:
    """The largest resident size this process has had; ru_maxrss is in KiB on Linux and in bytes on macOS."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _warnings(ranked: Ranked, n_users: int) -> list[str]:
    found = []
    if ranked.n_tied_users:
        found.append(f"all scores were tied for {ranked.n_tied_users} of {n_users} users; the seeded tie-break chose.")
    if ranked.n_masked:
        found.append(f"{ranked.n_masked} recommended items were already in the history; they were taken out.")
    return found
