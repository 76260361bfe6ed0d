"""A job's key changes with everything that could change its result, and with nothing else."""

from dataclasses import replace
from typing import Any

import pytest

from bench.errors import UsageError
from bench.ledger import TuningLedger
from bench.running import identity
from bench.running import plan as planning
from bench.running.plan import Tuned
from bench.running.settings import Settings
from bench.suite import Row, Suite


def keys(jobs: list[Any]) -> list[str]:
    return [job.key for job in jobs]


def test_planning_twice_gives_the_same_keys(make_jobs: Any) -> None:
    assert keys(make_jobs()) == keys(make_jobs(command="another command line"))
    assert len(set(keys(make_jobs()))) == 4


def test_seeds_are_counted_from_the_suite_seed(make_jobs: Any, suite: Suite) -> None:
    random = suite.model_copy(update={"algorithms": {"random": Row(), "ease": suite.algorithms["ease"]}})
    jobs = make_jobs(suite=random, n_seeds=2)
    assert [job.seed for job in jobs if job.row == "random"] == [3, 4] * 2
    assert {job.fold.seed for job in jobs} == {3}
    assert set(keys(make_jobs(suite=random))) < set(keys(jobs))


def test_what_does_not_depend_on_its_seed_is_planned_once(make_jobs: Any) -> None:
    assert keys(make_jobs(n_seeds=3)) == keys(make_jobs())
    assert not any(job.seeded for job in make_jobs())


def test_the_key_covers_the_configuration_in_effect(make_jobs: Any, suite: Suite) -> None:
    spelled_out = suite.model_copy(update={"algorithms": {**suite.algorithms}})
    spelled_out.algorithms["ease"] = suite.algorithms["ease"].model_copy(update={"parameters": {"l2": 20}})
    assert keys(make_jobs(suite=spelled_out)) == keys(make_jobs())
    changed = suite.model_copy(update={"algorithms": {**suite.algorithms}})
    changed.algorithms["ease"] = suite.algorithms["ease"].model_copy(update={"parameters": {"l2": 21.0}})
    same = [a == b for a, b in zip(keys(make_jobs(suite=changed)), keys(make_jobs()), strict=True)]
    assert same == [True, True, False, False]


@pytest.mark.parametrize("settings", [Settings(threads=2), Settings(device="cuda"), Settings(precision="bf16-mixed")])
def test_the_key_covers_settings(make_jobs: Any, settings: Settings) -> None:
    assert not set(keys(make_jobs(settings=settings))) & set(keys(make_jobs()))


@pytest.mark.parametrize("field", ["metrics", "primary_metric", "final_fit"])
def test_the_key_covers_the_suite(make_jobs: Any, suite: Suite, field: str) -> None:
    change = {"metrics": ["ndcg@10", "recall@5"], "primary_metric": "recall@5", "final_fit": "train"}[field]
    assert not set(keys(make_jobs(suite=suite.model_copy(update={field: change})))) & set(keys(make_jobs()))


def test_the_key_covers_code_and_packages(make_jobs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    before = set(keys(make_jobs()))
    with monkeypatch.context() as patch:
        patch.setattr(planning, "package_versions", lambda: {**identity.package_versions(), "torch": "0.0"})
        assert not set(keys(make_jobs())) & before
    with monkeypatch.context() as patch:
        other = identity.Code(version="0", content="other")
        patch.setattr(planning, "code_of", lambda algorithm: other)
        assert not set(keys(make_jobs())) & before


def test_a_metric_version_changes_the_key(make_jobs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from bench.metrics.accuracy import NDCG

    before = set(keys(make_jobs()))
    monkeypatch.setattr(NDCG, "version", 2)
    assert not set(keys(make_jobs())) & before


def test_a_tuned_configuration_of_another_split_is_refused(make_jobs: Any) -> None:
    ledger = TuningLedger(
        trials=1,
        completed=1,
        pruned=0,
        failed=0,
        seconds=1.0,
        sampler="tpe",
        seed=3,
        metric="ndcg@10",
        best_value=0.5,
        best_trial=0,
        command="bench tune",
        fold="another",
    )
    tuned = {("holdout", "ease", 0): Tuned({"l2": 3.0}, ledger)}
    with pytest.raises(UsageError, match="'ease' was found on another split"):
        make_jobs(tuned=tuned)
    fitting = ledger.model_copy(update={"fold": make_jobs()[2].fold.fingerprint})
    jobs = make_jobs(tuned={("holdout", "ease", 0): Tuned({"l2": 3.0}, fitting)})
    assert [job.config.get("l2") for job in jobs] == [None, None, 3.0, 20.0]


def test_the_fingerprint_is_that_of_the_whole_suite(make_jobs: Any, suite: Suite) -> None:
    part = suite.select(["ease"], ["holdout"]).override(["ease.l2=3"])
    assert make_jobs(suite=part)[0].suite == make_jobs()[0].suite


def test_a_fold_of_another_split_is_another_job(make_jobs: Any, folds: Any) -> None:
    """The record says which fold of how many it is, so one of a task that has changed cannot stand in for it."""
    (one,) = folds["holdout"]
    of = [replace(one, ref=one.ref.model_copy(update={"count": n, "split": "s" * n, "index": 1})) for n in (2, 3)]
    first, second = (keys(make_jobs(folds={**folds, "holdout": [fold]})) for fold in of)
    assert len({*first, *second, *keys(make_jobs())}) == 2 * 3 + 2, "two rows, thrice, and two on the other task"
