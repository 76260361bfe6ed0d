"""How a configuration was found: the budget, what became of it, and every trial."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from bench.card import Strict
from bench.config import describe_validation_error
from bench.errors import DataError, UsageError

T = TypeVar("T")
TrialState = Literal["complete", "pruned", "failed"]


class TrialRecord(Strict):
    """One trial that counts against the budget. value: the validation metric, None unless complete.

    parameters: what was tried, None where only the result was kept.
    """

    model_config = ConfigDict(ser_json_inf_nan="strings")

    number: int
    state: TrialState
    value: float | None
    seconds: float
    parameters: dict[str, Any] | None = None


class TuningLedger(Strict):
    """What was spent on a configuration, and on what it was chosen."""

    trials: int
    completed: int
    pruned: int
    failed: int
    seconds: float
    sampler: str
    seed: int
    metric: str
    best_value: float
    best_trial: int
    command: str
    fold: str
    """Fingerprint of the fold whose validation part was looked at."""
    pruner: str = "median"
    objective_folds: int = 1
    """Parts of train and validation that a trial was validated on; 1: the task's own validation part."""
    budget_trials: int | None = None
    """Trials that were allowed; None in ledgers of before this was written down, as the next one."""
    budget_seconds: float | None = None
    """After which no trial was started; None: no such limit."""
    higher_is_better: bool = True
    """Of the metric."""
    history: list[TrialRecord] = []
    """The trials, in the order in which they ended."""
    importances: dict[str, float] = {}
    """Share of the variance between trials that each field explains, by Optuna's default evaluator (PED-ANOVA)."""

    def best_so_far(self) -> list[float | None]:
        """After each trial of the history, the best value so far; None before the first complete one."""
        best: float | None = None
        found = []
        for trial in self.history:
            if trial.value is not None:
                better = max if self.higher_is_better else min
                best = trial.value if best is None else better(best, trial.value)
            found.append(best)
        return found


class TunedRow(Strict):
    """The best configuration of a row on a task: what `bench tune` writes and `bench run --tuned` reads."""

    schema_version: Literal[2] = 2
    task: str
    row: str
    algorithm: str
    fold_index: int = 0
    """Which fold of a task that has several."""
    parameters: dict[str, Any]
    ledger: TuningLedger

    def after(self, n_trials: int) -> TunedRow:
        """What would have been found if tuning had ended after its first `n_trials` trials, under a row of its own.

        Raises UsageError if none of them was complete, or what was tried in them is not known.
        """
        history = self.ledger.history[:n_trials]
        best = self._best_of(history, n_trials)
        states = [trial.state for trial in history]
        ledger = self.ledger.model_copy(
            update={
                "trials": len(history),
                "completed": states.count("complete"),
                "pruned": states.count("pruned"),
                "failed": states.count("failed"),
                "seconds": sum(trial.seconds for trial in history),
                "best_value": best.value,
                "best_trial": best.number,
                "budget_trials": n_trials,
                "history": history,
                "importances": {},
            }
        )
        parameters = {**self.parameters, **(best.parameters or {})}
        return self.model_copy(
            update={"row": row_after(self.row, n_trials), "parameters": parameters, "ledger": ledger}
        )

    def _best_of(self, history: Sequence[TrialRecord], n_trials: int) -> TrialRecord:
        complete = [trial for trial in history if trial.value is not None and trial.parameters is not None]
        if not complete:
            raise UsageError(
                f"none of the first {n_trials} trials of '{self.row}' on '{self.task}' is known to be complete."
            )
        sign = 1 if self.ledger.higher_is_better else -1
        return max(complete, key=lambda trial: (sign * (trial.value or 0.0), -trial.number))


def row_after(row: str, n_trials: int) -> str:
    """The name of a row with what was found after so many trials: "ease-after-5-trials"."""
    return f"{row}-after-{n_trials}-trial{'' if n_trials == 1 else 's'}"


_ROW, _ROWS = TypeAdapter(TunedRow), TypeAdapter(list[TunedRow])


def read_tuned(path: Path) -> TunedRow:
    """One tuned row. Raises DataError if the file cannot be read or is not valid."""
    return _read(path, _ROW)


def read_all_tuned(path: Path) -> list[TunedRow]:
    """The tuned rows of a suite, from one file. Raises DataError if it cannot be read or is not valid."""
    return _read(path, _ROWS)


def dump_all_tuned(rows: Sequence[TunedRow]) -> str:
    """The content of a file for `read_all_tuned`: what was found and its ledger, but not what each trial tried."""
    kept = sorted((_shortened(row) for row in rows), key=lambda row: (row.row, row.task, row.fold_index))
    lines = [row.model_dump_json(exclude_defaults=True) for row in kept]
    return "[\n" + ",\n".join(lines) + "\n]\n"


def _shortened(row: TunedRow) -> TunedRow:
    history = [trial.model_copy(update={"parameters": None}) for trial in row.ledger.history]
    return row.model_copy(update={"ledger": row.ledger.model_copy(update={"history": history})})


def _read(path: Path, form: TypeAdapter[T]) -> T:
    try:
        return form.validate_json(path.read_bytes())
    except OSError as error:
        raise DataError(f"cannot read {path}: {error}.") from None
    except ValidationError as error:
        known = TunedRow.model_fields
        raise DataError(describe_validation_error(f"the tuned configuration {path}", error, known)) from None
