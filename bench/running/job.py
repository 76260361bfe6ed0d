"""What one job does, in whatever process: fit, final fit, recommend or predict, metrics."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import seeds
from bench.algorithm import Algorithm, Context, EvalSet, Need, no_progress
from bench.errors import UnmetNeedError
from bench.evaluation import by_cutoff, evaluate, evaluate_ratings
from bench.examples import examples_of
from bench.interactions import mask
from bench.metrics import Background, Metric, parse_metrics
from bench.plugins import Registries
from bench.protocol.fold import Fold
from bench.records import Timings
from bench.running.assess import (
    Validator,
    background,
    judge_lists,
    per_user_table,
    predictions_table,
    rate,
    topk_table,
    warnings_of,
)
from bench.running.plan import Job
from bench.slices import Groups, item_groups, rating_slices, slice_values, user_groups
from bench.store import EXAMPLES_FILE, PER_USER_FILE, PREDICTIONS_FILE, TOPK_FILE

if TYPE_CHECKING:
    import pyarrow as pa

Progress = Callable[[str, int, int, str], None]


@dataclass(frozen=True)
class Outcome:
    """The computed part of a record, and by file name what is kept beside it."""

    fields: dict[str, Any]
    tables: dict[str, pa.Table]
    texts: dict[str, str] = field(default_factory=dict)


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


def execute(job: Job, fold: Fold, registries: Registries, work_dir: Path, progress: Progress = no_progress) -> Outcome:
    """Run a job to its end. Raises whatever the algorithm raises, and BenchErrors for broken contracts."""
    watch = Stopwatch()
    metrics = parse_metrics(job.metrics, registries.metrics)
    context = make_context(job, fold, registries, work_dir, progress)
    algorithm = new_algorithm(job, fold, registries)
    fitted = fit(algorithm, fold, job.final_fit, context, watch)
    progress("recommend", 0, len(fold.test), "")
    judge = _judge_ratings if _predicts_ratings(job) else _judge_ranking
    judged = judge(job, fitted, fold, metrics, watch)
    common = {
        "config_effective": fitted.fitted_config.model_dump(mode="json"),
        "curves": _in_own_values(context.curves, parse_metrics([job.primary_metric], registries.metrics)[0]),
        "details": context.details,
        "timings": watch.timings(),
        "peak_bytes": peak_bytes(),
    }
    return replace(judged, fields=common | judged.fields)


Curves = dict[str, list[tuple[int, float]]]


def _in_own_values(curves: Curves, watched: Metric) -> Curves:
    """Algorithms watch a validation score of which higher is better; the record has the metric's own values."""
    if watched.higher_is_better or "validation" not in curves:
        return curves
    return {**curves, "validation": [(step, -score) for step, score in curves["validation"]]}


def _judge_ranking(job: Job, fitted: Algorithm[Any], fold: Fold, metrics: list[Metric], watch: Stopwatch) -> Outcome:
    started = time.perf_counter()
    ranked, judged = judge_lists(fitted, job.row, fold, metrics, seeds.tie_order(job.fold.seed, fold.train.item_ids))
    watch.lap("recommend_seconds", started)
    started = time.perf_counter()
    values, per_user, problems = evaluate(metrics, judged)
    watch.lap("metrics_seconds", started)
    fields = {
        "cutoff": ranked.topk.k,
        "metrics": values,
        "n_masked": ranked.n_masked,
        "by_cutoff": by_cutoff(metrics, judged),
    }
    groups = groups_of_users(job, fold)
    fields["slices"] = slice_values(metrics, judged, per_user, groups, item_groups(judged.known.item_users))
    ids = fold.train.user_ids[fold.test.users]
    tables = {PER_USER_FILE: per_user_table(ids, per_user, groups), TOPK_FILE: topk_table(ids, fold, ranked.topk)}
    examples, unexplained = examples_of(fitted, job.row, fold, judged, job.fold.seed)
    fields["warnings"] = [*warnings_of(ranked, fold.test), *problems, *unexplained]
    return Outcome(fields, tables, {EXAMPLES_FILE: examples.model_dump_json(indent=1)})


def _judge_ratings(job: Job, fitted: Algorithm[Any], fold: Fold, metrics: list[Metric], watch: Stopwatch) -> Outcome:
    started = time.perf_counter()
    rated = rate(fitted, job.row, fold.test)
    watch.lap("recommend_seconds", started)
    started = time.perf_counter()
    values, per_user = evaluate_ratings(metrics, rated)
    watch.lap("metrics_seconds", started)
    groups = groups_of_users(job, fold)
    ids = fold.train.user_ids[fold.test.users]
    tables = {PER_USER_FILE: per_user_table(ids, per_user, groups), PREDICTIONS_FILE: predictions_table(fold, rated)}
    return Outcome({"metrics": values, "slices": rating_slices(metrics, rated, groups)}, tables)


def groups_of_users(job: Job, fold: Fold) -> dict[str, Groups]:
    """The families that the test users are divided into."""
    return user_groups(fold.test, fold.train_and_validation, fold.user_features, job.slices)


def new_algorithm(job: Job, fold: Fold, registries: Registries) -> Algorithm[Any]:
    """The job's algorithm, unfitted. Raises UnmetNeedError if the fold lacks something that it needs."""
    algorithm: Algorithm[Any] = registries.algorithms.get(job.algorithm)(**job.config)
    have = {
        Need.RATINGS: fold.train.rating is not None,
        Need.TIMESTAMPS: fold.train.timestamp is not None,
        Need.ITEM_FEATURES: fold.item_features is not None,
        Need.USER_FEATURES: fold.user_features is not None,
    }
    missing = sorted(need for need in algorithm.needs if not have[need])
    if missing:
        raise UnmetNeedError(f"'{job.row}' needs {', '.join(missing)}, which this data set does not have.")
    if algorithm.uses_validation and not len(fold.validation):
        raise UnmetNeedError(f"'{job.row}' stops early on a validation part, and this task has none.")
    known = fold.train if job.final_fit == "train" else fold.train_and_validation
    n_unseen = int((~mask(known.user, known.n_users)[fold.test.users]).sum())
    if n_unseen and not algorithm.serves_unseen_users and not _predicts_ratings(job):
        raise UnmetNeedError(f"'{job.row}' cannot serve users unseen in training, and {n_unseen} test users are.")
    return algorithm


def _predicts_ratings(job: Job) -> bool:
    """A rating may be predicted for any pair, a ranking is of a user whom the model knows something of."""
    return job.fold.rules.get("kind") == "rating"


def make_context(job: Job, fold: Fold, registries: Registries, work_dir: Path, progress: Progress) -> Context:
    """What the algorithm gets beside the data."""
    metric = parse_metrics([job.primary_metric], registries.metrics)[0]
    ties = seeds.tie_order(job.fold.seed, fold.train.item_ids)

    @cache
    def known(part: EvalSet) -> Background:
        return background(part, fold.train, fold.item_features)

    return Context(
        seed=job.seed,
        device=job.settings.device,
        precision=job.settings.precision,
        work_dir=work_dir,
        item_features=fold.item_features,
        user_features=fold.user_features,
        progress=progress,
        evaluate=Validator(job.row, metric, ties, fold.train.user_ids, known),
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


def peak_bytes() -> int:
    """The largest resident size this process has had; ru_maxrss is in KiB on Linux and in bytes on macOS."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
