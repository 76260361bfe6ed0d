"""Tuning spends its budget once, on validation only, and what it finds is what a run then uses."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest

from bench.errors import DataError, UsageError
from bench.plugins import load_registries
from bench.suite import Suite
from bench.tuning import storage, tuner
from bench.tuning.budget import Budget, grid
from bench.tuning.found import load_found
from bench.tuning.trial import mean_score


def nobody(*_: Any) -> None:
    """Hears of trials, says nothing."""


class Spy:
    """Stands where the test part is; whoever looks at it is found out."""

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(f"tuning looked at test: {name}")

    def __len__(self) -> int:
        raise AssertionError("tuning looked at test")


@pytest.mark.parametrize("n_folds", [1, 2])
def test_tuning_never_looks_at_test(make: Any, folds: Any, n_folds: int) -> None:
    prepared = folds["holdout"][0]
    spied: Any = {"test": Spy(), "held_test": Spy(), "test_history": Spy()}
    fold = replace(prepared.fold, **spied)
    with pytest.raises(AssertionError, match="looked at test"):
        pickle.dumps(fold)
    found = make(n_folds=n_folds, prepared=replace(prepared, fold=fold)).run(Budget(2), nobody)
    assert found.ledger.completed == 2
    assert found.ledger.best_value > 0


def test_trials_get_a_fold_without_test(make: Any, folds: Any) -> None:
    own = folds["holdout"][0].fold
    (one,) = [pickle.loads(job.fold_path.read_bytes()) for job in make().jobs]
    assert len(one.held_test) == len(one.test) == 0
    assert len(one.validation) == len(own.validation)


def test_a_cross_validated_objective_validates_each_known_interaction_once(make: Any, folds: Any) -> None:
    known = folds["holdout"][0].fold.train_and_validation
    own = [pickle.loads(job.fold_path.read_bytes()) for job in make(n_folds=3).jobs]
    assert sum(len(fold.held_validation) for fold in own) == len(known)
    for fold in own:
        assert len(fold.train) + len(fold.held_validation) == len(known)
        assert len(fold.test) == len(fold.held_test) == 0


def test_the_score_of_several_folds_is_their_mean(make: Any, tmp_path: Path) -> None:
    jobs = make(n_folds=2).jobs
    single = [mean_score([job], tmp_path / str(n), nobody) for n, job in enumerate(jobs)]
    heard: list[tuple[int, float]] = []
    both = mean_score(jobs, tmp_path / "both", lambda step, score: heard.append((step, score)))
    assert both == pytest.approx(sum(single) / 2)
    assert heard == [(1, single[0]), (2, both)]
    assert single[0] != single[1]


def test_a_cross_validated_objective_is_refused_where_time_counts(make: Any) -> None:
    with pytest.raises(UsageError, match=r"at random, by holdout or k-fold\. 'next-item' splits by leave-last-n"):
        make(task="next-item", n_folds=3)


def test_each_fold_of_a_task_is_tuned_on_its_own(make: Any, suite: Suite, folds: Any, tmp_path: Path) -> None:
    found = [make(task="crossed", index=index).run(Budget(2), nobody) for index in (0, 1)]
    assert [one.ledger.fold for one in found] == [one.ref.fingerprint for one in folds["crossed"]]
    assert load_found(tmp_path, suite) == found
    assert [one.fold_index for one in found] == [0, 1]


def test_a_study_goes_on_where_it_was(make: Any, suite: Suite, tmp_path: Path) -> None:
    heard: list[int] = []
    study = make()
    study.run(Budget(2), lambda finished, *_: heard.append(finished))
    first = study.run(Budget(3), lambda finished, *_: heard.append(finished))
    again = study.run(Budget(3), lambda finished, *_: heard.append(finished))
    assert heard == [1, 2, 3]
    assert first == again
    assert (first.ledger.trials, first.ledger.completed, first.ledger.budget_trials) == (3, 3, 3)
    assert load_found(tmp_path, suite) == [first]
    values = [trial.value for trial in first.ledger.history]
    assert first.ledger.best_value == max(values)
    assert first.ledger.best_so_far()[-1] == max(values)
    assert first.ledger.history[0].parameters == {"l2": 20.0}, "it starts from the suite's own parameters"


def test_several_workers_share_one_budget(make: Any) -> None:
    found = make("item-knn").run(Budget(4, workers=3), nobody)
    assert (found.ledger.trials, found.ledger.completed) == (4, 4)


def test_a_trial_that_a_killed_run_cut_off_is_tried_again_and_counts_once(make: Any) -> None:
    study = make()
    study.run(Budget(1), nobody)
    opened = storage.open_storage(study.folder, None)
    (name,) = optuna.get_all_study_names(opened)
    killed = optuna.load_study(study_name=name, storage=opened)
    l2 = study.space["l2"].suggest(killed.ask(), "l2")
    found = study.run(Budget(2), nobody)
    assert (found.ledger.trials, found.ledger.completed, found.ledger.failed) == (2, 2, 0)
    trials = optuna.load_study(study_name=name, storage=opened).trials
    assert [trial.state.name for trial in trials] == ["COMPLETE", "FAIL", "COMPLETE"]
    assert trials[2].params == {"l2": l2}


def test_an_interrupted_run_gives_its_trials_back(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    study = make()

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(tuner, "wait_for", interrupt)
        with pytest.raises(KeyboardInterrupt):
            study.run(Budget(2), nobody)
    opened = storage.open_storage(study.folder, None)
    (name,) = optuna.get_all_study_names(opened)
    assert [t.state.name for t in optuna.load_study(study_name=name, storage=opened).trials] == ["FAIL", "WAITING"]
    assert study.run(Budget(2), nobody).ledger.trials == 2


def test_workers_meet_in_a_shared_database_and_take_over_from_the_dead(
    make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "HEARTBEAT_SECONDS", 1)
    monkeypatch.setattr(storage, "GRACE_SECONDS", 1)
    shared = make(storage=f"sqlite:///{tmp_path / 'shared.db'}")
    study = shared._study(Budget(2))
    study.set_user_attr("made by", "another machine")
    dead = study.ask()
    shared.space["l2"].suggest(dead, "l2")
    storage.beat(study, [dead])
    found = shared.run(Budget(2), nobody)
    assert (found.ledger.trials, found.ledger.completed) == (2, 2)
    states = [trial.state.name for trial in shared._study(Budget(2)).trials]
    assert states.count("FAIL") == 1
    assert states.count("COMPLETE") == 2


def test_an_unusable_database_is_one_clear_error(make: Any, tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("no database " * 200)
    with pytest.raises(DataError, match=r"notes\.txt is not a usable study database: file is not a database"):
        make(storage=f"sqlite:///{file}").run(Budget(1), nobody)
    with pytest.raises(DataError, match=r"postgresql\+psycopg://me:\*\*\*@") as error:
        make(storage="postgresql+psycopg://me:secret@localhost:1/none").run(Budget(1), nobody)
    assert "secret" not in str(error.value)


def test_a_fixed_field_is_never_tuned(make: Any) -> None:
    with pytest.raises(UsageError, match=r"'ease' has no field left to tune. Fixed: l2"):
        make(l2=3.0)
    with pytest.raises(UsageError, match="'popularity' has no field left to tune"):
        make("popularity")
    found = make("item-knn", k=7).run(Budget(2), nobody)
    assert found.parameters["k"] == 7
    assert all("k" not in (trial.parameters or {}) for trial in found.ledger.history)


def test_a_grid_has_evenly_spread_values_and_fits_its_budget(make: Any) -> None:
    found = make().run(Budget(4, sampler="grid"), nobody)
    tried = sorted((trial.parameters or {})["l2"] for trial in found.ledger.history)
    assert tried == pytest.approx([1, 20.0, 100, 10_000])


def test_the_points_of_a_grid_are_as_many_as_the_budget_allows() -> None:
    space = load_registries().algorithms.get("rp3beta").Config.search_space()
    del space["normalise"]
    points = grid(space, 30, np.random.default_rng(0))
    assert len(points) == len({tuple(point.items()) for point in points}) == 27
    assert {point["beta"] for point in points} == {0, 0.5, 1}
    with pytest.raises(UsageError, match=r"has 8 points, and as many trials are needed\. Got 7"):
        grid(space, 7, np.random.default_rng(0))


def test_unknown_samplers_and_pruners_are_refused() -> None:
    with pytest.raises(UsageError, match=r"one of tpe, random, grid\. Got 'tpee'"):
        Budget(1, sampler="tpee")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"one of median, hyperband, none\. Got 'asha'"):
        Budget(1, pruner="asha")  # type: ignore[arg-type]


def test_a_hopeless_trial_is_pruned() -> None:
    class Child:
        alive = True

        def messages(self) -> list[tuple[Any, ...]]:
            return [("report", 7, 0.1)]

    study = optuna.create_study(direction="maximize", pruner=optuna.pruners.MedianPruner(5, 5))
    for _ in range(5):
        earlier = study.ask()
        earlier.report(0.5, 7)
        study.tell(earlier, 0.5)
    assert tuner._heard(Child(), study.ask()) == (optuna.trial.TrialState.PRUNED, None)  # type: ignore[arg-type]


def test_nothing_tuned_says_what_to_do(suite: Suite, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Run bench tune first"):
        load_found(tmp_path, suite)
