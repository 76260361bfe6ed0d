"""Before time is spent: blind metrics, unmet needs, too few users, a full disk and the time are found and said."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from bench.errors import UsageError
from bench.records import Status, Timings
from bench.running.preflight import Check, preflight, require_no_problem
from bench.store import Stored

RATING = {"kind": "rating", "primary_metric": "rmse"}
STRONG = {"splitter": "strong-generalisation", "options": {"validation_users": 0, "test_users": 40}}


def check(
    world: Any,
    task: dict[str, Any] | None = None,
    *,
    earlier: list[Stored] | None = None,
    n_at_a_time: int = 1,
    left: slice = slice(None),
    **changes: Any,
) -> list[Check]:
    """The preflight of `world.suite(task, **changes)`; left: which of its jobs are still to run."""
    suite = world.suite(task, **changes)
    folds = world.folds(suite)
    jobs = world.plan(suite, folds)[left]
    return preflight(suite, folds, jobs, world.registries, earlier or [], world.folder / "not" / "there", n_at_a_time)


def only(checks: list[Check], part: str) -> Check:
    (found,) = [check for check in checks if part in check.text]
    return found


@pytest.mark.parametrize("task", [{}, {"candidates": {"n": 8}}, {"repeats": True}, STRONG, RATING])
def test_a_sound_task_passes(world: Any, task: dict[str, Any]) -> None:
    checks = check(world, task)
    assert "problem" not in {one.state for one in checks}
    assert only(checks, "tell a perfect prediction from a random one").state == "ok"
    require_no_problem(checks)


@pytest.mark.parametrize(("primary", "state"), [("hit@30", "problem"), ("ndcg@5", "warning")])
def test_a_metric_that_everything_is_perfect_in_is_blind(world: Any, primary: str, state: str) -> None:
    checks = check(world, metrics=["ndcg@5", "hit@30"], primary_metric=primary)
    found = only(checks, "cannot tell a perfect prediction from a random one")
    assert (found.what, found.state) == ("it", state)
    assert found.text.startswith("hit@30 cannot")
    if state == "problem":
        with pytest.raises(UsageError, match="it: hit@30 cannot tell a perfect prediction from a random one"):
            require_no_problem(checks)


def test_a_metric_of_errors_is_blind_where_all_ratings_are_the_same(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    loader = world.registries.datasets.get("made-up")
    data = loader.load(None)
    object.__setattr__(data.interactions, "rating", np.full(len(data.interactions), 4, np.float32))
    monkeypatch.setattr(type(loader), "load", lambda self, acquire: data)
    found = only(check(world, RATING), "cannot tell")
    assert (found.state, found.text.split(" cannot")[0]) == ("problem", "rmse, mae_user")


def test_a_metric_that_does_not_look_at_the_truth_is_not_vouched_for(world: Any) -> None:
    checks = check(world, metrics=["coverage@5"], primary_metric="coverage@5")
    assert only(checks, "do not look at the truth").state == "warning"
    assert only(checks, "coverage@5 has no value a user").state == "ok"


def test_unmet_needs_are_listed_row_by_row(world: Any) -> None:
    checks = check(world, STRONG)
    found = {one.text.split(" ")[0]: one.state for one in checks if one.text.startswith("'")}
    assert found == {"'means'": "warning", "'stopper'": "warning"}
    assert not [one for one in checks if "every algorithm has what it needs" in one.text]
    assert only(check(world), "every algorithm has what it needs").state == "ok"


def test_a_library_that_is_not_installed_is_told_before_the_run(world: Any) -> None:
    suite = world.suite()
    folds = world.folds(suite)
    jobs = [replace(job, imports=("no_such_library.part",)) for job in world.plan(suite, folds)]
    found = preflight(suite, folds, jobs, world.registries, [], world.folder, 1)
    told = only(found, f"'{jobs[0].row}' needs no_such_library.part, which is not installed.")
    assert told.state == "warning"


def test_the_detectable_difference_is_that_of_a_paired_t_test(world: Any) -> None:
    ran = world.run(metrics=["recall@5"], primary_metric="recall@5")
    values = ran.outcome.tables["per_user.parquet"].column("recall@5").to_numpy()
    n = len(values)
    quantiles = stats.t.ppf(0.975, n - 1) + stats.t.ppf(0.8, n - 1)
    text = only(check(world, metrics=["recall@5"], primary_metric="recall@5"), "80 % power").text
    effect = float(text.split(" in recall@5")[0].split()[-1])
    # the check breaks popularity's ties in another order than the run, which moves a few users
    assert effect == pytest.approx(quantiles * values.std(ddof=1) / np.sqrt(n), rel=0.1)
    assert text.startswith(f"{n} test users find")


def test_a_smaller_difference_of_interest_is_a_warning_with_the_users_it_would_take(world: Any) -> None:
    coarse, fine = (only(check(world, smallest_difference=smallest), "80 % power") for smallest in (0.5, 0.001))
    assert coarse.state == "ok"
    assert fine.state == "warning"
    effect = float(fine.text.split(" in ndcg@5")[0].split()[-1])
    needed = int(fine.text.split("for about ")[1].split(" users")[0].replace(",", ""))
    n_users = int(fine.text.split(" ")[0])
    assert needed == pytest.approx(n_users * (effect / 0.001) ** 2, rel=0.01)
    assert "the suite's smallest of interest is 0.001" in fine.text


def test_a_full_disk_is_a_problem_of_the_nearest_folder_that_exists(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []

    def usage(folder: Path) -> SimpleNamespace:
        asked.append(folder)
        return SimpleNamespace(free=1000)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    checks = check(world)
    assert asked == [world.folder]
    assert [one.state for one in checks if one.what == "disk"] == ["problem"]
    with pytest.raises(UsageError, match=r"disk: \d+ MiB at most are to be written, 0 MiB are free\."):
        require_no_problem(checks)


def test_what_is_to_be_written_grows_with_lists_and_with_ratings(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from bench.running.preflight import _bytes

    def needed(task: dict[str, Any] | None = None, **changes: Any) -> int:
        return _bytes(world.plan(world.suite(task, **changes))[0])

    short, long = needed(), needed(metrics=["ndcg@5", "recall@15"])
    users = world.run().job.fold.users["test"]
    assert long - short == users * (10 * 32 - 2 * 8)
    many = {**RATING, "splitter": "holdout", "options": {"test": 0.5}}
    assert needed(many) - needed(RATING) > 32 * users


def test_the_time_is_that_of_earlier_runs(world: Any, make_run: Any) -> None:
    def earlier(row: str, seconds: float, **fields: Any) -> Stored:
        found: Stored = make_run(row, timings=Timings(total_seconds=seconds), suite="made-up", **fields)
        return found

    def said(earlier: list[Stored], **options: Any) -> str:
        (found,) = [one.text for one in check(world, earlier=earlier, **options) if one.what == "time"]
        return found

    nothing_known = "jobs to run: 3; none has an earlier run to estimate its time from."
    assert said([]) == nothing_known
    failed = earlier("popularity", 900, task="it", status=Status.FAILED, day=2)
    assert said([failed]) == nothing_known
    here = [earlier("popularity", seconds, task="it", seed=seed) for seed, seconds in enumerate([10, 30, 80])]
    elsewhere = [earlier("popularity", 500, task="other"), earlier("means", 400, task="other")]
    some_known = "jobs to run: 3; about 7 min, without those that have no earlier run to go by: 1."
    assert said(here + elsewhere) == some_known
    last = earlier("stopper", 70, task="it")
    assert said([*here, *elsewhere, last], n_at_a_time=5) == "jobs to run: 3; about 100 s."
    assert said([*here, *elsewhere, last], left=slice(2, 3)) == "jobs to run: 1; about 70 s."


def test_a_task_without_jobs_is_passed_over(world: Any) -> None:
    checks = check(world, left=slice(0))
    assert [one.what for one in checks] == ["disk", "time"]
    assert checks[-1].text == "nothing is left to run."
