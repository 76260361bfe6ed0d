"""Tuning: Optuna over the typed ranges of one row, on validation only, resumable, with a ledger.

The fold that trials see has no test part. A study is found again by the hash of everything its trials
depend on, so killing and restarting goes on where it was.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any, Literal

import optuna
from optuna.trial import TrialState
from pydantic import ValidationError
from sqlalchemy.exc import DatabaseError

from bench.card import Strict
from bench.config import Config, describe_validation_error
from bench.errors import DataError, UsageError
from bench.interactions import content_hash
from bench.plugins import Registries
from bench.records import TuningLedger
from bench.running.folds import PreparedFold
from bench.running.plan import Job, Request, Tuned, plan
from bench.running.process import Child, Limits, end_all, start_server, wait_for
from bench.running.trial import main as run_trial
from bench.search import SearchRange
from bench.seeds import derive_seed
from bench.store import write_text
from bench.suite import Suite

FOLDER = "tuning"
SECONDS, PROBLEM = "seconds", "problem"
"""Trial attributes; a trial without the first was cut off by the end of its run."""
SamplerName = Literal["tpe", "random"]
TrialDone = Callable[[int, int, float | None, float | None], None]
"""Hears (finished trials, all trials, this trial's value or None, the best so far or None)."""


class TunedFile(Strict):
    """What `bench tune` writes and `bench run --tuned` reads."""

    schema_version: Literal[1] = 1
    algorithm: str
    parameters: dict[str, Any]
    ledger: TuningLedger


@dataclass(frozen=True)
class Budget:
    """How much a study may spend. n_trials counts those of earlier runs; seconds is per invocation."""

    n_trials: int
    seconds: float | None = None
    sampler: SamplerName = "tpe"


def tuned_path(out: Path, suite: Suite, task: str, row: str) -> Path:
    """Where a row's best configuration on a task lies."""
    return out / FOLDER / suite.label / task / f"{row}.json"


def load_tuned(out: Path, suite: Suite) -> dict[tuple[str, str], Tuned]:
    """The tuned configurations of a suite by (task, row). Raises UsageError if there are none."""
    found = {}
    for task in suite.tasks:
        for row in suite.algorithms:
            path = tuned_path(out, suite, task, row)
            if path.exists():
                found[task, row] = _read(path)
    if not found:
        raise UsageError(f"{out / FOLDER / suite.label} holds no tuned configuration. Run bench tune first.")
    return found


def _read(path: Path) -> Tuned:
    try:
        content = TunedFile.model_validate_json(path.read_bytes())
    except OSError as error:
        raise DataError(f"cannot read {path}: {error}.") from None
    except ValidationError as error:
        raise DataError(
            describe_validation_error(f"the tuned configuration {path}", error, TunedFile.model_fields)
        ) from None
    return Tuned(content.parameters, content.ledger)


def make_tuner(
    suite: Suite,
    row: str,
    task: str,
    folds: Sequence[PreparedFold],
    registries: Registries,
    out: Path,
    work: Path,
    request: Request,
    limits: Limits,
    fixed: Mapping[str, Any],
) -> Tuner:
    """A tuner for one row on one task. fixed: fields that keep the given value.

    Raises UsageError if nothing is left to tune, or the task has no single validation part to tune on.
    """
    if len(folds) > 1:
        raise UsageError(f"'{task}' has {len(folds)} folds, and one tests what another validates. Tune another task.")
    if not len(folds[0].fold.validation):
        raise UsageError(f"'{task}' has no validation part to tune on.")
    if row not in suite.rows_of(task, registries):
        raise UsageError(f"'{row}' predicts no ratings, which '{task}' asks for.")
    blind = replace(folds[0], fold=folds[0].fold.without_test())
    job = plan(suite.select([row], [task]), {task: [blind]}, registries, work, request)[0]
    config = suite.algorithm(row, registries).Config
    space = {name: search for name, search in config.search_space().items() if name not in fixed}
    if not space:
        raise UsageError(f"'{row}' has no field left to tune. Fixed: {', '.join(fixed) or '(none)'}.")
    start = config.parse(f"'{row}'", {**job.config, **fixed})
    storage = f"sqlite:///{(out / FOLDER / 'optuna.db').absolute()}"
    higher = suite.primary_of(task, registries).higher_is_better
    return Tuner(job, start, space, tuned_path(out, suite, task, row), storage, work, limits, higher)


@dataclass(frozen=True)
class Tuner:
    """Tunes one row of a suite on one task.

    job: with the blind fold; start: the configuration tuning starts from, with what is fixed; space: the
    fields that are tuned; path: where the best configuration goes; work: a folder for logs.
    """

    job: Job
    start: Config
    space: Mapping[str, SearchRange]
    path: Path
    storage: str
    work: Path
    limits: Limits
    higher_is_better: bool
    """Of the primary metric."""

    def run(self, budget: Budget, done: TrialDone) -> TunedFile:
        """Spend what is left of the budget, and write the best configuration with its ledger.

        Raises UsageError if no trial succeeded.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            study = self._study(budget)
        except DatabaseError as error:
            raise DataError(f"{self.storage} is not a usable study database: {error.orig}.") from None
        started = time.monotonic()
        context = start_server(self.job.imports, self.job.settings.threads)
        while (finished := len(_spent(study))) < budget.n_trials:
            if budget.seconds is not None and time.monotonic() - started > budget.seconds:
                break
            value = self._trial(study, context)
            done(finished + 1, budget.n_trials, value, _best(study))
        return self._write(study, budget)

    def _study(self, budget: Budget) -> optuna.Study:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        # a suite's own value, tried first, may lie outside the range that is searched
        warnings.filterwarnings("ignore", "Fixed parameter .* is out of range", UserWarning)
        identity = (self.job.fold.fingerprint, self.job.algorithm, self.start.model_dump(mode="json"), self.job.seed)
        space = sorted((name, str(search)) for name, search in self.space.items())
        name = f"{self.job.task}/{self.job.row}/" + content_hash(
            repr((identity, space, budget.sampler, self.job.primary_metric, self.job.settings, self.job.code.content))
        )
        study = optuna.create_study(
            storage=self.storage,
            study_name=name,
            direction="maximize" if self.higher_is_better else "minimize",
            load_if_exists=True,
            pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=5),
        )
        for stale in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            study.tell(stale.number, state=TrialState.FAIL)
        study.sampler = _sampler(budget.sampler, derive_seed(self.job.seed, "tune", name, len(study.trials)))
        waiting = study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
        if not _spent(study) and not waiting:
            study.enqueue_trial({field: getattr(self.start, field) for field in self.space})
        return study

    def _trial(self, study: optuna.Study, context: ForkServerContext) -> float | None:
        """One trial in a process of its own; its value, or None if it was pruned or failed."""
        trial = study.ask()
        suggested = {name: search.suggest(trial, name) for name, search in self.space.items()}
        started = time.monotonic()
        job = replace(self.job, config={**self.start.model_dump(mode="json"), **suggested})
        child = Child.start(context, run_trial, (job,), self.work / "trial.log", self.limits)
        try:
            state, value = _follow(child, trial)
        finally:
            end_all([child], "the trial was ended")
            child.close()
        trial.set_user_attr(SECONDS, time.monotonic() - started)
        study.tell(trial, value, state=state)
        return value

    def _write(self, study: optuna.Study, budget: Budget) -> TunedFile:
        spent = _spent(study)
        counts = {state: sum(t.state == state for t in spent) for state in TrialState}
        if not counts[TrialState.COMPLETE]:
            problems = {str(t.user_attrs.get(PROBLEM)) for t in spent}
            raise UsageError(f"no trial of '{self.job.row}' succeeded: {'; '.join(sorted(problems))}.")
        best = {name: study.best_params[name] for name in self.space}
        ledger = TuningLedger(
            trials=len(spent),
            completed=counts[TrialState.COMPLETE],
            pruned=counts[TrialState.PRUNED],
            failed=counts[TrialState.FAIL],
            seconds=sum(t.user_attrs.get(SECONDS, 0.0) for t in study.trials),
            sampler=budget.sampler,
            seed=self.job.seed,
            metric=self.job.primary_metric,
            best_value=study.best_value,
            best_trial=study.best_trial.number,
            command=self.job.command,
            fold=self.job.fold.fingerprint,
        )
        parameters = self.start.model_dump(mode="json", exclude_defaults=True) | best
        content = TunedFile(algorithm=self.job.algorithm, parameters=parameters, ledger=ledger)
        write_text(self.path, content.model_dump_json(indent=2) + "\n")
        return content


def _follow(child: Child, trial: optuna.Trial) -> tuple[TrialState, float | None]:
    """Listen to a trial until it ends or is worse than the others were at its step."""
    while True:
        alive = child.alive
        for kind, *content in child.messages():
            if kind == "result":
                return TrialState.COMPLETE, content[0]
            if kind == "report":
                trial.report(content[1], content[0])
                if trial.should_prune():
                    return TrialState.PRUNED, None
        child.enforce_limits()
        if not alive:
            status, reason, _ = child.death()
            trial.set_user_attr(PROBLEM, f"{status}: {reason}")
            return TrialState.FAIL, None
        wait_for([child])


def _sampler(name: SamplerName, seed: int) -> optuna.samplers.BaseSampler:
    if name == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    return optuna.samplers.TPESampler(seed=seed)


def _spent(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    """Trials that count against the budget: all that ended by themselves, not those of a killed run."""
    return [t for t in study.trials if t.state.is_finished() and SECONDS in t.user_attrs]


def _best(study: optuna.Study) -> float | None:
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return study.best_value if complete else None
