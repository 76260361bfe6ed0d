"""The plan: which jobs a suite asks for, each under the key of everything that could change its result."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bench.errors import UsageError
from bench.interactions import content_hash
from bench.ledger import TuningLedger
from bench.metrics.selection import parse_metrics
from bench.plugins import Registries
from bench.protocol.fold import Fold
from bench.records import Code, DatasetRef, FoldRef, SuiteRef
from bench.running.folds import PreparedFold
from bench.running.identity import NUMERIC_PACKAGES, code_of, package_versions, versions_of
from bench.running.settings import Settings
from bench.store import Place
from bench.suite import Suite


@dataclass(frozen=True)
class Job:
    """One (fold, algorithm, seed), with all that a process of its own needs to run it."""

    suite: SuiteRef
    task: str
    row: str
    algorithm: str
    origin: str
    passed: Mapping[str, Any]
    config: Mapping[str, Any]
    """Every hyperparameter, validated, with defaults filled in."""
    seed: int
    dataset: DatasetRef
    fold: FoldRef
    fold_path: Path
    metrics: tuple[str, ...]
    """Labels of those that judge this kind of task."""
    primary_metric: str
    final_fit: str
    slices: tuple[str, ...]
    """User features whose groups are reported on."""
    settings: Settings
    code: Code
    key: str = ""
    seeded: bool = True
    """Whether the seed can change the result."""
    imports: tuple[str, ...] = ()
    """Modules that its process is started with."""
    tuning: TuningLedger | None = None
    published: Mapping[str, float] = field(default_factory=dict)
    published_in: str = ""
    tunable: tuple[str, ...] = ()
    """Fields of the configuration that have a search range."""
    command: str = ""

    @property
    def place(self) -> Place:
        """Where its result goes."""
        return Place(f"{self.suite.name}-v{self.suite.version}", self.task, self.row, self.seed, self.key)

    @property
    def label(self) -> str:
        """For people: "holdout · ease · seed 2026", with the fold where there are several."""
        fold = f" · fold {self.fold.index + 1} of {self.fold.count}" if self.fold.count > 1 else ""
        return f"{self.task} · {self.row}{fold} · seed {self.seed}"


@dataclass(frozen=True)
class Tuned:
    """A configuration found by tuning, and how it was found."""

    parameters: Mapping[str, Any]
    ledger: TuningLedger


@dataclass(frozen=True)
class Request:
    """What was asked for on top of the suite: seeds, settings, tuned configurations by (task, row, fold index)."""

    n_seeds: int = 1
    settings: Settings = field(default_factory=Settings)
    tuned: Mapping[tuple[str, str, int], Tuned] = field(default_factory=dict)
    command: str = ""


def plan(
    suite: Suite, folds: Mapping[str, Sequence[PreparedFold]], registries: Registries, work: Path, request: Request
) -> list[Job]:
    """Every job of the suite, row by row; one that does not depend on its seed is planned for the first seed alone.

    Folds are written to `work`, one file each.
    """
    paths = {task: [_store_fold(one.fold, work) for one in prepared] for task, prepared in folds.items()}
    taking_part = {task: suite.rows_of(task, registries) for task in suite.tasks}
    jobs = [
        _job(suite, prepared, path, registries, request, task, row, suite.seed + offset)
        for row in suite.algorithms
        for task in suite.tasks
        if row in taking_part[task]
        for prepared, path in zip(folds[task], paths[task], strict=True)
        for offset in range(request.n_seeds)
    ]
    return [job for job in jobs if job.seeded or job.seed == suite.seed]


def _store_fold(fold: Fold, work: Path) -> Path:
    path = work / f"fold-{fold.fingerprint[:16]}.pickle"
    path.write_bytes(pickle.dumps(fold, protocol=5))
    return path


def _job(
    suite: Suite,
    prepared: PreparedFold,
    fold_path: Path,
    registries: Registries,
    request: Request,
    task: str,
    row: str,
    seed: int,
) -> Job:
    spec, algorithm = suite.algorithms[row], suite.algorithm(row, registries)
    name, tuned = spec.algorithm or row, request.tuned.get((task, row, prepared.ref.index))
    if tuned and tuned.ledger.fold != prepared.ref.fingerprint:
        raise UsageError(
            f"the tuned configuration of '{row}' was found on another split of the data, whose validation part may "
            f"hold what is tested here. Run bench tune --algorithm {row} --task {task} again."
        )
    passed = {**suite.passed(row, task), **(tuned.parameters if tuned else {})}
    config = algorithm.Config.parse(f"'{row}'", passed)
    job = Job(
        suite=SuiteRef(name=suite.name, version=suite.version, fingerprint=suite.fingerprint),
        task=task,
        row=row,
        algorithm=name,
        origin=registries.algorithms.origin(name),
        passed=passed,
        config=config.model_dump(mode="json"),
        seed=seed,
        dataset=prepared.dataset_ref,
        fold=prepared.ref,
        fold_path=fold_path,
        metrics=tuple(metric.label for metric in suite.metrics_of(task, registries)),
        primary_metric=suite.primary_of(task, registries).label,
        final_fit=suite.final_fit,
        slices=tuple(suite.slices),
        settings=request.settings,
        code=code_of(algorithm),
        seeded=algorithm(config).seeded,
        imports=algorithm(config).imports,
        tuning=tuned.ledger if tuned else _own_ledger(suite, row, task, prepared.ref.fingerprint),
        published=spec.published.get(task, {}),
        published_in=suite.published_in,
        tunable=tuple(algorithm.Config.search_space()) if spec.tune else (),
        command=request.command,
    )
    return replace(job, key=_key(job, registries))


def _own_ledger(suite: Suite, row: str, task: str, fold: str) -> TuningLedger | None:
    """That of the suite's own file, if it was found on this split: elsewhere its parameters are merely given."""
    tuned = suite.tuned_row(row, task)
    return tuned.ledger if tuned and tuned.ledger.fold == fold else None


def _key(job: Job, registries: Registries) -> str:
    """Sha256 of everything that could change the job's record, and of which row it is."""
    metrics = {metric.label: metric.version for metric in parse_metrics(job.metrics, registries.metrics)}
    packages = {package: package_versions()[package] for package in NUMERIC_PACKAGES} | versions_of(job.imports)
    ledger = job.tuning and job.tuning.model_dump(exclude={"command"})
    what = (job.task, job.row, job.algorithm, job.config, job.seed, ledger, job.fold.fingerprint, job.fold.seed)
    of = (job.fold.split, job.fold.index) if job.fold.count > 1 else ()
    how = (metrics, job.primary_metric, job.final_fit, job.slices, job.settings, job.code.content, packages)
    return content_hash(repr((what, of, how)))
