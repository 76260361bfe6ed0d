"""The process of one tuning trial: fit on train, score on validation, report on the way."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from multiprocessing import connection
from pathlib import Path
from statistics import fmean

from bench.metrics.selection import parse_metrics
from bench.plugins import Registries, load_registries
from bench.running.job import make_context, new_algorithm
from bench.running.plan import Job
from bench.running.worker import describe_failure, isolate

Report = Callable[[int, float], None]


def main(jobs: Sequence[Job], log: Path, pipe: connection.Connection) -> None:
    """Entry point of the child: sends ("report", step, score) and in the end ("result", score).

    jobs: the same one on each fold of the objective. The score is their mean, and after each fold the mean so far is
    reported; of a single fold, the validation curve is.
    """
    isolate(jobs[0].settings.threads, log)
    try:
        pipe.send(
            ("result", mean_score(jobs, log.with_suffix(""), lambda step, score: pipe.send(("report", step, score))))
        )
    except BaseException as error:
        failure = describe_failure(error)
        pipe.send(("failed", failure["status"], failure["reason"]))


def mean_score(jobs: Sequence[Job], work_dir: Path, report: Report) -> float:
    """The validation metric, in its own values, as a mean over the folds."""
    registries = load_registries()
    if len(jobs) == 1:
        return _score(jobs[0], registries, work_dir, report)
    scores: list[float] = []
    for step, job in enumerate(jobs, 1):
        scores.append(_score(job, registries, work_dir / str(step), lambda *_: None))
        report(step, fmean(scores))
    return fmean(scores)


def _score(job: Job, registries: Registries, work_dir: Path, report: Report) -> float:
    work_dir.mkdir(parents=True)
    fold = pickle.loads(job.fold_path.read_bytes())
    algorithm = new_algorithm(job, fold, registries)
    context = make_context(job, fold, registries, work_dir, lambda *_: None)
    # the harness hands algorithms scores of which higher is better; a study has the metric's own values
    sign = 1 if parse_metrics([job.primary_metric], registries.metrics)[0].higher_is_better else -1
    context.report = lambda step, score: report(step, sign * score)
    algorithm.fit(fold.train, fold.validation if algorithm.uses_validation else None, context)
    assert context.evaluate is not None
    return sign * context.evaluate(algorithm, fold.validation)
