"""Tunes one row on one fold of a task.

A study is found again by the hash of everything its trials depend on, so killing and restarting goes on where it was,
and workers on several machines meet in it.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from bench import seeds
from bench.config import Config
from bench.errors import UsageError
from bench.interactions import content_hash
from bench.ledger import TrialRecord, TunedRow, TuningLedger
from bench.plugins import Registries
from bench.running.folds import PreparedFold
from bench.running.plan import Job, Request, plan
from bench.running.process import POLL_SECONDS, Child, Limits, end_all, start_server, wait_for
from bench.search import SearchRange
from bench.store import write_text
from bench.suite import Suite
from bench.tuning.blind import blind_folds
from bench.tuning.budget import Budget, grid, make_pruner, make_sampler
from bench.tuning.found import FOLDER, tuned_path
from bench.tuning.storage import HEARTBEAT_SECONDS, beat, give_back, open_storage
from bench.tuning.trial import main as run_trial

SECONDS, PROBLEM = "seconds", "problem"
"""Trial attributes; a trial without the first was cut off by the end of its run."""
TrialDone = Callable[[int, int, float | None, float | None], None]
"""Hears (finished trials, all trials, this trial's value or None, the best so far or None)."""
_STATES: dict[TrialState, Any] = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
}


def make_tuner(
    suite: Suite,
    row: str,
    task: str,
    prepared: PreparedFold,
    registries: Registries,
    out: Path,
    work: Path,
    request: Request,
    limits: Limits,
    fixed: Mapping[str, Any],
    folds: int = 1,
    storage: str | None = None,
) -> Tuner:
    """A tuner for one row on one fold of a task. fixed: fields that keep the given value. folds: of the objective.

    storage: the URI of a study database that is shared; by default a file in `out`. Raises UsageError if nothing is
    left to tune, or the task cannot be validated on.
    """
    if row not in suite.rows_of(task, registries):
        raise UsageError(f"'{row}' predicts no ratings, which '{task}' asks for.")
    config = suite.algorithm(row, registries).Config
    space = {name: search for name, search in config.search_space().items() if name not in fixed}
    if not space:
        raise UsageError(f"'{row}' has no field left to tune. Fixed: {', '.join(fixed) or '(none)'}.")
    own = suite.untuned().select([row], [task])
    blind = blind_folds(suite, task, prepared.fold, registries, folds)
    jobs = [plan(own, {task: [replace(prepared, fold=fold)]}, registries, work, request)[0] for fold in blind]
    start = config.parse(f"'{row}'", {**jobs[0].config, **fixed})
    path = tuned_path(out, suite, task, row, prepared.ref.index, prepared.ref.count)
    higher = suite.primary_of(task, registries).higher_is_better
    return Tuner(jobs, start, space, path, out / FOLDER, storage, work, limits, higher)


@dataclass(frozen=True)
class Tuner:
    """Tunes one row of a suite on one fold of a task.

    jobs: the row on each fold of the objective, all blind; start: the configuration tuning starts from, with what is
    fixed; space: the fields that are tuned; path: where the best configuration goes; folder: of the study database,
    unless `storage` is the URI of another; work: a folder for logs.
    """

    jobs: Sequence[Job]
    start: Config
    space: Mapping[str, SearchRange]
    path: Path
    folder: Path
    storage: str | None
    work: Path
    limits: Limits
    higher_is_better: bool
    """Of the primary metric."""

    @property
    def job(self) -> Job:
        """What is the same of all its jobs."""
        return self.jobs[0]

    def run(self, budget: Budget, done: TrialDone) -> TunedRow:
        """Spend what is left of the budget, and write the best configuration with its ledger.

        Raises UsageError if no trial succeeded.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        study = self._study(budget)
        _Workers(self, study, budget, done).spend()
        return self._write(study, budget)

    def _study(self, budget: Budget) -> optuna.Study:
        # a suite's own value, tried first, may lie outside the range that is searched
        warnings.filterwarnings("ignore", "Fixed parameter .* is out of range", UserWarning)
        name = self._name(budget)
        study = optuna.create_study(
            storage=open_storage(self.folder, self.storage),
            study_name=name,
            direction="maximize" if self.higher_is_better else "minimize",
            load_if_exists=True,
            pruner=make_pruner(budget.pruner),
        )
        if self.storage is None:  # nobody else works on this file, so what runs there is of a run that was killed
            for stale in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
                give_back(study, stale.number)
        study.sampler = make_sampler(budget.sampler, seeds.derive_seed(self.job.seed, "tune", name, len(study.trials)))
        if not study.trials:
            self._enqueue(study, budget)
        return study

    def _name(self, budget: Budget) -> str:
        """The task and row, and the hash of all that a trial's outcome and the choice of trials depend on."""
        identity = (self.job.fold.fingerprint, self.job.algorithm, self.start.model_dump(mode="json"), self.job.seed)
        space = sorted((name, str(search)) for name, search in self.space.items())
        size = budget.trials if budget.sampler == "grid" else None
        how = (budget.sampler, budget.pruner, len(self.jobs), size)
        on = (self.job.primary_metric, self.job.settings, self.job.code.content)
        return f"{self.job.task}/{self.job.row}/{content_hash(repr((identity, space, how, on)))}"

    def _enqueue(self, study: optuna.Study, budget: Budget) -> None:
        """The suite's own values come first, then those of a grid."""
        study.enqueue_trial({field: getattr(self.start, field) for field in self.space}, skip_if_exists=True)
        if budget.sampler == "grid":
            for point in grid(self.space, budget.trials - 1, seeds.generator(self.job.seed, "grid")):
                study.enqueue_trial(point, skip_if_exists=True)

    def begin(self, trial: optuna.Trial, context: ForkServerContext) -> Child:
        """Start a trial in a process of its own."""
        suggested = {name: search.suggest(trial, name) for name, search in self.space.items()}
        config = {**self.start.model_dump(mode="json"), **suggested}
        jobs = [replace(job, config=config) for job in self.jobs]
        return Child.start(context, run_trial, (jobs,), self.work / f"trial-{trial.number}.log", self.limits)

    def _write(self, study: optuna.Study, budget: Budget) -> TunedRow:
        trials = [_recorded(trial) for trial in spent(study)]
        counts = {state: sum(trial.state == state for trial in trials) for state in _STATES.values()}
        if not counts["complete"]:
            problems = {str(trial.user_attrs.get(PROBLEM)) for trial in spent(study)}
            raise UsageError(f"no trial of '{self.job.row}' succeeded: {'; '.join(sorted(problems))}.")
        ledger = TuningLedger(
            trials=len(trials),
            completed=counts["complete"],
            pruned=counts["pruned"],
            failed=counts["failed"],
            seconds=sum(trial.seconds for trial in trials),
            sampler=budget.sampler,
            seed=self.job.seed,
            metric=self.job.primary_metric,
            best_value=study.best_value,
            best_trial=study.best_trial.number,
            command=self.job.command,
            fold=self.job.fold.fingerprint,
            pruner=budget.pruner,
            objective_folds=len(self.jobs),
            budget_trials=budget.trials,
            budget_seconds=budget.seconds,
            higher_is_better=self.higher_is_better,
            history=trials,
            importances=_importances(study),
        )
        best = {name: study.best_params[name] for name in self.space}
        content = TunedRow(
            task=self.job.task,
            row=self.job.row,
            algorithm=self.job.algorithm,
            fold_index=self.job.fold.index,
            parameters=self.start.model_dump(mode="json", exclude_defaults=True) | best,
            ledger=ledger,
        )
        write_text(self.path, content.model_dump_json(indent=2) + "\n")
        return content


@dataclass
class _Running:
    """A trial under way."""

    trial: optuna.Trial
    child: Child
    started: float


class _Workers:
    """Keeps as many trials under way as the budget has workers, until it is spent."""

    def __init__(self, tuner: Tuner, study: optuna.Study, budget: Budget, done: TrialDone) -> None:
        self.tuner, self.study, self.budget, self.done = tuner, study, budget, done
        self.started = time.monotonic()
        self.running: list[_Running] = []
        self._next_beat = self.started

    def spend(self) -> None:
        """Until all trials have ended, here and elsewhere. What is cut off is given back."""
        context = start_server(self.tuner.job.imports, self.tuner.job.settings.threads)
        try:
            while self._left() or self.running:
                while len(self.running) < self.budget.workers and self._may_start():
                    self._start(context)
                self._beat()
                self._wait()
                self._collect()
        finally:
            end_all([one.child for one in self.running], "the trial was ended")
            for one in self.running:
                one.child.close()
                give_back(self.study, one.trial.number)

    def _left(self) -> bool:
        """Whether trials are missing, or still under way at another worker, who may die."""
        return len(spent(self.study)) < self.budget.trials and not self._out_of_time

    def _may_start(self) -> bool:
        under_way = self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        return not self._out_of_time and len(spent(self.study)) + len(under_way) < self.budget.trials

    @property
    def _out_of_time(self) -> bool:
        return self.budget.seconds is not None and time.monotonic() - self.started > self.budget.seconds

    def _start(self, context: ForkServerContext) -> None:
        trial = self.study.ask()
        self.running.append(_Running(trial, self.tuner.begin(trial, context), time.monotonic()))
        self._next_beat = time.monotonic()

    def _beat(self) -> None:
        if time.monotonic() >= self._next_beat:
            beat(self.study, [one.trial for one in self.running])
            self._next_beat = time.monotonic() + HEARTBEAT_SECONDS

    def _wait(self) -> None:
        if self.running:
            wait_for([one.child for one in self.running])
        else:  # the last trials are another worker's
            time.sleep(POLL_SECONDS)

    def _collect(self) -> None:
        for one in list(self.running):
            ended = _heard(one.child, one.trial)
            if ended is None:
                continue
            state, value = ended
            self.running.remove(one)
            end_all([one.child], "the trial was ended")
            one.child.close()
            one.trial.set_user_attr(SECONDS, time.monotonic() - one.started)
            self.study.tell(one.trial, value, state=state, skip_if_finished=True)
            self.done(len(spent(self.study)), self.budget.trials, value, _best(self.study))


def _heard(child: Child, trial: optuna.Trial) -> tuple[TrialState, float | None] | None:
    """How a trial ended: by itself, or because it is worse than the others were at its step. None if it goes on."""
    alive = child.alive
    for kind, *content in child.messages():
        if kind == "result":
            return TrialState.COMPLETE, content[0]
        if kind == "report":
            trial.report(content[1], content[0])
            if trial.should_prune():
                return TrialState.PRUNED, None
    child.enforce_limits()
    if alive:
        return None
    status, reason, _ = child.death()
    trial.set_user_attr(PROBLEM, f"{status}: {reason}")
    return TrialState.FAIL, None


def spent(study: optuna.Study) -> list[FrozenTrial]:
    """Trials that count against the budget, in the order in which they ended: not those that a killed run cut off."""
    trials = study.get_trials(deepcopy=False)
    counted = [trial for trial in trials if trial.state.is_finished() and SECONDS in trial.user_attrs]
    return sorted(counted, key=lambda trial: (trial.datetime_complete or datetime.max, trial.number))


def _recorded(trial: FrozenTrial) -> TrialRecord:
    value = trial.value if trial.state is TrialState.COMPLETE else None
    seconds = float(trial.user_attrs[SECONDS])
    return TrialRecord(
        number=trial.number, state=_STATES[trial.state], value=value, seconds=seconds, parameters=trial.params
    )


def _best(study: optuna.Study) -> float | None:
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return study.best_value if complete else None


def _importances(study: optuna.Study) -> dict[str, float]:
    """Of each field; nothing where too few trials are complete, or all are alike."""
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len({trial.value for trial in complete}) < 2:
        return {}
    return {name: float(share) for name, share in optuna.importance.get_param_importances(study).items()}
