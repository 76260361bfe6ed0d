"""A run once more, from its record: the same data, split, algorithm, parameters, seed and settings.

Nothing is read from the suite's file, which may have changed since or be gone: the record is turned back into a suite
of one task and one row, and goes the way of every other job.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from bench.config import describe_validation_error
from bench.errors import BenchError, NoVerdictError, UsageError
from bench.metrics.base import SAMPLED
from bench.plugins import Registries
from bench.protocol.audit import LEAKS
from bench.protocol.filters import Filters
from bench.records import RunRecord, Status
from bench.running.folds import PreparedFold
from bench.running.local import Listener, LocalExecutor
from bench.running.plan import Job, Request, Tuned, plan
from bench.running.process import Limits
from bench.running.settings import Settings, checked_precision, resolve_device
from bench.store import Store, Stored
from bench.suite import Row, Suite, Task

USER_FEATURE = "user:"
"""Before the family of users divided by a feature."""


def suite_of(record: RunRecord, registries: Registries) -> Suite:
    """A suite of the record's one task and row. Metrics that are not known any more are left out.

    Raises UsageError if the run has no result, NoVerdictError if the data set is of another version by now, or what
    the run is made of is not installed or not allowed any more.
    """
    if record.status is not Status.OK:
        raise UsageError(f"only a finished run can be reproduced. This one ended as '{record.status}': {record.reason}")
    try:
        suite = _suite(record, [label for label in record.metrics if _name(label) in registries.metrics])
        suite.check(registries)
        version = suite.loader(registries).card.version
    except ValidationError as error:
        raise NoVerdictError(describe_validation_error("the run's suite", error, Suite.model_fields)) from None
    except BenchError as error:
        raise NoVerdictError(f"the run cannot be repeated with what is installed: {error}") from None
    if version != record.dataset.version:
        raise NoVerdictError(
            f"the run is on version {record.dataset.version} of the data set '{suite.dataset}', and its card is of "
            f"version {version} now: results on different data cannot be compared."
        )
    return suite


def _suite(record: RunRecord, metrics: list[str]) -> Suite:
    fold = record.fold
    task = Task.model_validate(
        {"splitter": fold.splitter, "options": fold.options, "allow_leaks": list(LEAKS), **fold.rules}
    )
    suite = Suite(
        name=record.suite.name,
        version=record.suite.version,
        description="From a record.",
        dataset=record.dataset.path or record.dataset.name,
        seed=fold.seed,
        metrics=metrics,
        primary_metric=record.primary_metric,
        final_fit=record.final_fit,
        filters=Filters.model_validate(fold.filters),
        slices=[family.removeprefix(USER_FEATURE) for family in record.slices if family.startswith(USER_FEATURE)],
        tasks={record.task: task},
        algorithms={"row": Row(algorithm=record.algorithm, parameters=record.config_passed)},
    )
    # the name of a row that was changed by --set may hold anything
    return suite.model_copy(update={"algorithms": {record.row: suite.algorithms["row"]}})


def _name(label: str) -> str:
    return label.removeprefix(SAMPLED).partition("@")[0]


def fold_of(record: RunRecord, folds: Sequence[PreparedFold]) -> PreparedFold | None:
    """The record's fold among those of its task; None if the same data is split in another way by now.

    Raises NoVerdictError if the data is not the same.
    """
    now = folds[0].dataset_ref
    if now.fingerprint != record.dataset.fingerprint:
        raise NoVerdictError(
            f"the content of the data set '{now.name}' is not what the run was made with: its fingerprint was "
            f"{record.dataset.fingerprint[:12]} and is {now.fingerprint[:12]} ({now.source})."
        )
    return next((one for one in folds if one.ref.fingerprint == record.fold.fingerprint), None)


def job_of(record: RunRecord, fold: PreparedFold, registries: Registries, work: Path, device: str | None = None) -> Job:
    """The record's job once more. device: in place of the record's. Raises UsageError if it is not there."""
    suite = suite_of(record, registries)
    settings = _settings(record, device)
    tuned = {(record.task, record.row, record.fold.index): Tuned({}, record.tuning)} if record.tuning else {}
    request = Request(settings=settings, tuned=tuned, command=record.command)
    seeded = suite.model_copy(update={"seed": record.seed})  # the fold is made, and keeps its own
    (job,) = plan(seeded, {record.task: [fold]}, registries, work, request)
    return replace(job, suite=record.suite)


def _settings(record: RunRecord, device: str | None) -> Settings:
    here = resolve_device(device or record.environment.device)
    return Settings(here, checked_precision(record.environment.precision, here), record.environment.threads)


def run_again(job: Job, work: Path, limits: Limits, listener: Listener) -> Stored:
    """Run the job in a process of its own; its result lies in `work`."""
    (stored,) = LocalExecutor(Store(work / "repeated"), work, limits, listener).run([job])
    return stored
