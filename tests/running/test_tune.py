"""Tuning spends its budget once, on validation only, and what it finds is what a run then uses."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import optuna
import pytest

from bench.errors import UsageError
from bench.plugins import load_registries
from bench.running.plan import Request
from bench.running.process import Limits
from bench.running.tune import Budget, Tuner, load_tuned, make_tuner
from bench.suite import Suite


@pytest.fixture
def tuner(suite: Suite, folds: Any, tmp_path: Path) -> Tuner:
    return tune(suite, folds, tmp_path)


def tune(suite: Suite, folds: Any, tmp_path: Path, row: str = "ease", **fixed: Any) -> Tuner:
    request = Request(command="bench tune")
    prepared = folds["holdout"]
    return make_tuner(suite, row, "holdout", prepared, load_registries(), tmp_path, tmp_path, request, Limits(), fixed)


def test_trials_cannot_see_test(tuner: Tuner, folds: Any) -> None:
    fold = pickle.loads(tuner.job.fold_path.read_bytes())
    assert len(fold.held_test) == len(fold.test) == 0
    assert len(fold.validation) == len(folds["holdout"][0].fold.validation)


def test_a_study_goes_on_where_it_was(tuner: Tuner, suite: Suite, tmp_path: Path) -> None:
    heard: list[int] = []
    tuner.run(Budget(2), lambda finished, *_: heard.append(finished))
    first = tuner.run(Budget(3), lambda finished, *_: heard.append(finished))
    again = tuner.run(Budget(3), lambda finished, *_: heard.append(finished))
    assert heard == [1, 2, 3]
    assert first == again
    assert (first.ledger.trials, first.ledger.completed) == (3, 3)
    assert first.ledger.best_value > 0
    found = load_tuned(tmp_path, suite)
    assert found["holdout", "ease"].parameters == first.parameters
    assert list(found) == [("holdout", "ease")]


def test_a_trial_cut_off_by_a_killed_run_does_not_count(tuner: Tuner) -> None:
    tuner.run(Budget(1), lambda *_: None)
    (name,) = optuna.get_all_study_names(tuner.storage)
    optuna.load_study(study_name=name, storage=tuner.storage).ask()
    content = tuner.run(Budget(2), lambda *_: None)
    assert (content.ledger.trials, content.ledger.completed, content.ledger.failed) == (2, 2, 0)
    states = [trial.state.name for trial in optuna.load_study(study_name=name, storage=tuner.storage).trials]
    assert states == ["COMPLETE", "FAIL", "COMPLETE"]


def test_it_starts_from_the_suites_own_parameters(tuner: Tuner) -> None:
    content = tuner.run(Budget(1), lambda *_: None)
    assert content.parameters == {"l2": 20.0}


def test_a_fixed_field_is_never_tuned(suite: Suite, folds: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"'ease' has no field left to tune. Fixed: l2"):
        tune(suite, folds, tmp_path, l2=3.0)
    with pytest.raises(UsageError, match="'popularity' has no field left to tune"):
        tune(suite, folds, tmp_path, row="popularity")


def test_nothing_tuned_says_what_to_do(suite: Suite, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Run bench tune first"):
        load_tuned(tmp_path, suite)
