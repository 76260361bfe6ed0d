"""The process of one tuning trial: fit on train, score on validation, report on the way."""

from __future__ import annotations

import pickle
from multiprocessing import connection
from pathlib import Path

from bench.metrics.selection import parse_metrics
from bench.plugins import load_registries
from bench.running.plan import Job
from bench.running.worker import describe_failure, isolate


def main(job: Job, log: Path, pipe: connection.Connection) -> None:
    """Entry point of the child: sends ("report", step, score) and in the end ("result", score)."""
    isolate(job.settings.threads, log)
    try:
        work_dir = log.with_suffix("")
        work_dir.mkdir()
        pipe.send(("result", _score(job, work_dir, pipe)))
    except BaseException as error:
        failure = describe_failure(error)
        pipe.send(("failed", failure["status"], failure["reason"]))


def _score(job: Job, work_dir: Path, pipe: connection.Connection) -> float:
    from bench.running.job import make_context, new_algorithm

    fold, registries = pickle.loads(job.fold_path.read_bytes()), load_registries()
    algorithm = new_algorithm(job, fold, registries)
    context = make_context(job, fold, registries, work_dir, lambda *_: None)
    # the harness hands algorithms scores of which higher is better; a study has the metric's own values
    sign = 1 if parse_metrics([job.primary_metric], registries.metrics)[0].higher_is_better else -1
    context.report = lambda step, score: pipe.send(("report", step, sign * score))
    algorithm.fit(fold.train, fold.validation if algorithm.uses_validation else None, context)
    assert context.evaluate is not None
    return sign * context.evaluate(algorithm, fold.validation)
