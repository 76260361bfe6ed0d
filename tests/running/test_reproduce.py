"""A job made from a stored record alone is the same job, and its result is judged for what it is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bench.dataset_source import Acquire
from bench.errors import NoVerdictError, UsageError
from bench.plugins import Registries, load_registries
from bench.records import FoldRef, Status
from bench.running.folds import PreparedFold, build_folds
from bench.running.local import LocalExecutor
from bench.running.plan import Job, Request, plan
from bench.running.process import Limits
from bench.running.reproduce import fold_of, job_of, run_again, suite_of
from bench.running.verdict import LAST_DIGIT, Outcome, judge, split_otherwise
from bench.store import PER_USER_FILE, PREDICTIONS_FILE, RECORD_FILE, TOPK_FILE, Store, Stored, read_record
from bench.suite import Suite

VALUES: dict[str, Any] = {
    "name": "fast",
    "version": 4,
    "description": "Fast rows of two tasks.",
    "dataset": "smoke",
    "seed": 3,
    "metrics": ["ndcg@10", "recall@5", "coverage@10"],
    "primary_metric": "ndcg@10",
    "filters": {"min_rating": 4.0, "k_core": 2},
    "tasks": {
        "sampled": {"splitter": "holdout", "options": {"test": 0.2}, "candidates": {"n": 30}},
        "crossed": {"splitter": "k-fold", "options": {"folds": 3}, "repeats": True},
    },
    "algorithms": {
        "ease": {"parameters": {"l2": 20.0}, "per_task": {"crossed": {"l2": 9.0}}},
        "vae": {"parameters": {"hidden_units": 16, "latent_units": 8, "epochs": 6, "patience": 1}},
    },
}


class Silent:
    """Hears of jobs and says nothing."""

    def started(self, job: Job) -> None: ...
    def progress(self, job: Job, stage: str, done: int, total: int, note: str) -> None: ...
    def finished(self, job: Job, record: object) -> None: ...


@dataclass(frozen=True)
class Ran:
    """Jobs, and the results of those that were run, by label."""

    jobs: Mapping[str, Job]
    results: Mapping[str, Stored]
    folds: Mapping[str, list[PreparedFold]]


@pytest.fixture(scope="module")
def registries() -> Registries:
    return load_registries()


@pytest.fixture(scope="module")
def ran(registries: Registries, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    work = tmp_path_factory.mktemp("ran")
    suite = Suite.model_validate(VALUES).override(["ease.l2=7"])
    folds = build_folds(suite, registries, Acquire())
    jobs = {job.label: job for job in plan(suite, folds, registries, work, Request(n_seeds=2))}
    wanted = ["crossed · ease-l2-7 · fold 2 of 3 · seed 3", "sampled · vae · seed 4"]
    stored = LocalExecutor(Store(work / "runs"), work, Limits(), Silent()).run([jobs[label] for label in wanted])
    return Ran(jobs, dict(zip(wanted, stored, strict=True)), folds)


@pytest.fixture
def ease(ran: Ran) -> Stored:
    """On the second of three folds, with a parameter that --set changed."""
    return ran.results["crossed · ease-l2-7 · fold 2 of 3 · seed 3"]


@pytest.fixture
def vae(ran: Ran) -> Stored:
    """Stops early; of the second seed, on sampled candidates."""
    return ran.results["sampled · vae · seed 4"]


Tamper = Callable[..., Stored]


@pytest.fixture
def tampered(tmp_path: Path) -> Tamper:
    """Makes a copy of a run with parts of its record replaced, such as {"environment": {"threads": 2}}."""

    def tamper(run: Stored, changes: dict[str, Any]) -> Stored:
        folder = tmp_path / "tampered"
        shutil.copytree(run.path, folder, dirs_exist_ok=True)
        values = json.loads((folder / RECORD_FILE).read_text())
        (folder / RECORD_FILE).write_text(json.dumps(_merged(values, changes)))
        return Stored(folder, read_record(folder))

    return tamper


def _merged(values: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    nested = {key: _merged(values[key], new) for key, new in changes.items() if isinstance(new, dict) and key in values}
    return {**values, **changes, **nested}


def repeat(run: Stored, registries: Registries, work: Path) -> Stored:
    """From the record alone to the result of its job."""
    suite = suite_of(run.record, registries)
    fold = fold_of(run.record, build_folds(suite, registries, Acquire())[run.record.task])
    assert fold is not None
    return run_again(job_of(run.record, fold, registries, work), work, Limits(), Silent())


@pytest.mark.parametrize("name", ["ease", "vae"])
def test_a_run_comes_out_again_bit_for_bit(
    name: str, request: pytest.FixtureRequest, registries: Registries, tmp_path: Path
) -> None:
    run: Stored = request.getfixturevalue(name)
    again = repeat(run, registries, tmp_path)
    verdict = judge(run, again)
    assert (verdict.outcome, verdict.differences) == (Outcome.IDENTICAL, ())
    assert again.record.attempt != run.record.attempt
    assert again.path != run.path
    assert verdict.predicted is not None and verdict.predicted.n_users == run.record.fold.users["test"]
    assert [one.label for one in verdict.metrics] == list(run.record.metrics)


def test_the_record_holds_all_that_made_the_key(ran: Ran, registries: Registries, tmp_path: Path) -> None:
    """A key covers everything that could change a result, so a job of the same key lacks nothing."""
    for run in ran.results.values():
        record = run.record
        fold = fold_of(record, build_folds(suite_of(record, registries), registries, Acquire())[record.task])
        assert fold is not None
        job = job_of(record, fold, registries, tmp_path)
        assert (job.key, job.suite, job.label) == (record.key, record.suite, job.label)
        assert job == replace(ran.jobs[job.label], fold_path=job.fold_path)


def test_the_second_fold_is_run_and_not_the_first(ease: Stored, ran: Ran) -> None:
    fold = fold_of(ease.record, ran.folds["crossed"])
    assert fold is not None
    assert (fold.ref.index, fold.ref.count) == (1, 3)
    assert fold.fold is ran.folds["crossed"][1].fold


def test_user_features_that_divide_users_are_found_in_the_slices(vae: Stored, registries: Registries) -> None:
    slices = {**vae.record.slices, "user:gender": {}}
    asked = vae.record.model_copy(update={"slices": slices})
    assert suite_of(asked, registries).slices == ["gender"]
    assert suite_of(vae.record, registries).slices == []


def test_changed_lists_are_another_result(ease: Stored, tampered: Tamper) -> None:
    changed = tampered(ease, {})
    lists = pd.read_parquet(changed.path / TOPK_FILE)
    lists.loc[[0, 1], "item"] = lists.loc[[1, 0], "item"].to_numpy()
    lists.to_parquet(changed.path / TOPK_FILE)
    verdict = judge(changed, ease)
    assert verdict.outcome is Outcome.DIFFERENT
    assert verdict.predicted is not None and verdict.predicted.n_changed == 1
    assert verdict.reasons == (
        f"the predictions of 1 of {verdict.predicted.n_users} users differ.",
        "every metric's mean is the same.",
        "nothing that may change a result differs, so nothing is tolerated: the algorithm does not do the same "
        "twice, or the stored result was altered.",
    )


def test_changed_scores_alone_are_another_result(ease: Stored, tampered: Tamper) -> None:
    changed = tampered(ease, {})
    lists = pd.read_parquet(changed.path / TOPK_FILE)
    lists.loc[0, "score"] += 0.5
    lists.to_parquet(changed.path / TOPK_FILE)
    verdict = judge(changed, ease)
    assert verdict.outcome is Outcome.DIFFERENT
    assert verdict.reasons[0] == "every list holds the same items; scores differ by up to 0.5."


def test_changed_values_of_users_are_another_result(ease: Stored, tampered: Tamper) -> None:
    changed = tampered(ease, {})
    values = pd.read_parquet(changed.path / PER_USER_FILE)
    values.loc[:1, "ndcg@10"] += 0.25
    values.to_parquet(changed.path / PER_USER_FILE)
    verdict = judge(changed, ease)
    assert verdict.outcome is Outcome.DIFFERENT
    assert {one.label: one.n_changed for one in verdict.metrics} == {"ndcg@10": 2, "recall@5": 0, "coverage@10": 0}


def test_another_metric_is_another_result(ease: Stored, tampered: Tamper) -> None:
    value = ease.record.metrics["ndcg@10"].value
    assert value is not None
    verdict = judge(tampered(ease, {"metrics": {"ndcg@10": {"value": value + 1e-9}}}), ease)
    assert verdict.outcome is Outcome.DIFFERENT
    assert verdict.reasons[:2] == (
        "every prediction is the same, and the values of metrics are not.",
        "beyond what is tolerated: ndcg@10.",
    )


def test_other_packages_are_listed_even_if_nothing_came_of_them(ease: Stored, tampered: Tamper) -> None:
    packages = {"numpy": "1.0", "torch": ease.record.environment.packages["torch"]}
    old = tampered(ease, {"environment": {"packages": packages}, "code": {"commit": "abc"}})
    verdict = judge(old, ease)
    assert verdict.outcome is Outcome.IDENTICAL
    found = {(one.kind, one.what, one.stored, one.cause) for one in verdict.differences}
    assert found == {("code", "commit", "abc", False), ("package", "numpy", "1.0", True)}


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"environment": {"packages": {"numpy": "1.0"}}}, "numpy"),
        ({"environment": {"processor": "another"}}, "processor"),
        ({"environment": {"threads": 8}}, "threads"),
        ({"code": {"content": "0" * 64}}, "the code's content"),
    ],
)
def test_a_small_difference_is_tolerated_where_something_may_have_made_it(
    ease: Stored, tampered: Tamper, change: dict[str, Any], cause: str
) -> None:
    values = pd.read_parquet(ease.path / PER_USER_FILE)["ndcg@10"]
    tolerance = 0.1 * values.std() / len(values) ** 0.5
    value = ease.record.metrics["ndcg@10"].value
    assert value is not None and tolerance > LAST_DIGIT
    near = {**change, "metrics": {"ndcg@10": {"value": value - 0.9 * tolerance}}}
    verdict = judge(tampered(ease, near), ease)
    assert verdict.outcome is Outcome.WITHIN_TOLERANCE
    assert verdict.metrics[0].tolerance == pytest.approx(tolerance)
    assert verdict.reasons[-1] == f"it may come from what differs: {cause}."
    far = {**change, "metrics": {"ndcg@10": {"value": value - 1.1 * tolerance}}}
    assert judge(tampered(ease, far), ease).outcome is Outcome.DIFFERENT


def test_what_cannot_change_a_result_excuses_nothing(ease: Stored, tampered: Tamper) -> None:
    value = ease.record.metrics["ndcg@10"].value
    assert value is not None
    harmless = {"code": {"commit": "abc", "dirty": True}, "environment": {"memory_bytes": 1, "cores": 99}}
    verdict = judge(tampered(ease, {**harmless, "metrics": {"ndcg@10": {"value": value + 1e-6}}}), ease)
    assert verdict.outcome is Outcome.DIFFERENT
    assert not any(one.cause for one in verdict.differences)


def test_a_gpu_excuses_a_small_difference(ease: Stored, tampered: Tamper, tmp_path: Path) -> None:
    value = ease.record.metrics["ndcg@10"].value
    assert value is not None
    gpu = {"environment": {"device": "cuda", "device_name": "a GPU"}}
    shutil.copytree(ease.path, tmp_path / "first")
    first = Stored(tmp_path / "first", tampered(ease, gpu).record)
    verdict = judge(tampered(ease, {**gpu, "metrics": {"ndcg@10": {"value": value + 1e-5}}}), first)
    assert (verdict.outcome, verdict.differences) == (Outcome.WITHIN_TOLERANCE, ())
    assert "sums on a GPU" in verdict.reasons[-1]


def test_a_metric_that_became_undefined_is_never_tolerated(ease: Stored, tampered: Tamper) -> None:
    verdict = judge(tampered(ease, {"environment": {"threads": 8}, "metrics": {"recall@5": {"value": None}}}), ease)
    assert verdict.outcome is Outcome.DIFFERENT
    assert "beyond what is tolerated: recall@5." in verdict.reasons


def test_a_metric_of_another_version_is_not_compared(ease: Stored, tampered: Tamper) -> None:
    other = {"value": 0.9, "version": 7}
    verdict = judge(tampered(ease, {"metrics": {"recall@5": other}}), ease)
    assert verdict.outcome is Outcome.IDENTICAL
    assert {one.label: one.problem for one in verdict.metrics if one.problem} == {
        "recall@5": "defined in version 7 then and 1 now"
    }


def test_a_metric_that_is_gone_shortens_no_comparison(ease: Stored, tampered: Tamper, registries: Registries) -> None:
    gone = {"value": 0.9, "version": 1, "n_users": 3}
    old = tampered(ease, {"metrics": {"gone@50": gone}})
    assert suite_of(old.record, registries).metrics == VALUES["metrics"]
    verdict = judge(old, ease)
    assert verdict.outcome is Outcome.IDENTICAL
    assert verdict.metrics[-1].problem == "there is no such metric any more"


def test_without_a_comparable_metric_differing_lists_give_no_verdict(ease: Stored, tampered: Tamper) -> None:
    old = tampered(ease, {"metrics": {label: {"version": 7} for label in ease.record.metrics}})
    assert judge(old, ease).outcome is Outcome.IDENTICAL
    lists = pd.read_parquet(old.path / TOPK_FILE)
    lists.loc[0, "item"] = "another"
    lists.to_parquet(old.path / TOPK_FILE)
    with pytest.raises(NoVerdictError, match="no metric is left"):
        judge(old, ease)


def test_without_the_stored_lists_there_is_no_verdict(ease: Stored, tampered: Tamper) -> None:
    old = tampered(ease, {})
    (old.path / TOPK_FILE).unlink()
    with pytest.raises(NoVerdictError, match=TOPK_FILE):
        judge(old, ease)


def test_predicted_ratings_are_compared_pair_by_pair(ease: Stored, tampered: Tamper) -> None:
    rating = tampered(ease, {"fold": {"rules": {"kind": "rating"}}})
    ratings = pd.DataFrame({"user": ["a", "a", "b"], "item": ["x", "y", "x"], "prediction": [4.0, 3.5, 2.0]})
    ratings.to_parquet(rating.path / PREDICTIONS_FILE)
    again = Stored(rating.path.with_name("again"), rating.record)
    shutil.copytree(rating.path, again.path)
    assert judge(rating, again).outcome is Outcome.IDENTICAL
    ratings.assign(prediction=[4.0, 3.25, 2.0]).to_parquet(again.path / PREDICTIONS_FILE)
    predicted = judge(rating, again).predicted
    assert predicted is not None
    assert (predicted.n_users, predicted.n_changed, predicted.largest_gap) == (2, 1, 0.25)


@pytest.mark.parametrize("status", [Status.TIMEOUT, Status.OUT_OF_MEMORY, Status.INTERRUPTED])
def test_a_run_that_was_cut_off_gives_no_verdict(ease: Stored, status: Status) -> None:
    cut = replace(ease, record=ease.record.model_copy(update={"status": status, "reason": "it took too long"}))
    with pytest.raises(NoVerdictError, match="it took too long"):
        judge(ease, cut)


def test_a_run_that_fails_this_time_is_another_result(ease: Stored) -> None:
    failed = replace(ease, record=ease.record.model_copy(update={"status": Status.DIVERGED, "reason": "nan"}))
    verdict = judge(ease, failed)
    assert (verdict.outcome, verdict.reasons) == (Outcome.DIFFERENT, ("this time it ended as 'diverged': nan",))


def test_a_failed_run_cannot_be_reproduced(ease: Stored, registries: Registries) -> None:
    failed = ease.record.model_copy(update={"status": Status.DIVERGED, "reason": "nan in epoch 2"})
    with pytest.raises(UsageError, match="ended as 'diverged': nan in epoch 2") as raised:
        suite_of(failed, registries)
    assert raised.value.exit_code == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"algorithm": "eaze"}, "unknown algorithm 'eaze'. Did you mean 'ease'"),
        ({"config_passed": {"l2": 20.0, "l3": 1}}, "has no field 'l3'"),
        ({"dataset": {"name": "smoky"}}, "unknown dataset 'smoky'"),
        ({"dataset": {"version": 99}}, "on version 99 of the data set 'smoke', and its card is of version"),
        ({"fold": {"splitter": "half"}}, "unknown splitter 'half'"),
        ({"fold": {"filters": {"max_rating": 1}}}, "max_rating"),
        ({"primary_metric": "gone@10"}, "unknown metric 'gone'"),
    ],
)
def test_what_is_not_to_be_had_any_more_gives_no_verdict(
    ease: Stored, tampered: Tamper, registries: Registries, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(NoVerdictError) as raised:
        suite_of(tampered(ease, change).record, registries)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_other_data_gives_no_verdict(ease: Stored, tampered: Tamper, ran: Ran) -> None:
    old = tampered(ease, {"dataset": {"fingerprint": "a" * 64}}).record
    with pytest.raises(NoVerdictError, match="its fingerprint was aaaaaaaaaaaa and is ") as raised:
        fold_of(old, ran.folds["crossed"])
    assert raised.value.exit_code == 3


def test_another_split_of_the_same_data_is_another_result(ease: Stored, tampered: Tamper, ran: Ran) -> None:
    old = tampered(ease, {"fold": {"fingerprint": "b" * 64}}).record
    assert fold_of(old, ran.folds["crossed"]) is None
    now: FoldRef = ran.folds["crossed"][1].ref
    verdict = split_otherwise(old, now, ease.record.environment)
    assert verdict.outcome is Outcome.DIFFERENT
    assert [(one.kind, one.stored, one.now) for one in verdict.differences] == [
        ("fold", "b" * 12, now.fingerprint[:12])
    ]


def test_a_device_that_is_not_here_is_refused(
    ease: Stored, tampered: Tamper, ran: Ran, registries: Registries, tmp_path: Path
) -> None:
    old = tampered(ease, {"environment": {"device": "cuda:77"}}).record
    with pytest.raises(UsageError, match="--device must be one of those here"):
        job_of(old, ran.folds["crossed"][1], registries, tmp_path)
    assert job_of(old, ran.folds["crossed"][1], registries, tmp_path, "cpu").settings.device == "cpu"


def test_changed_slices_are_another_result(ease: Stored, tampered: Tamper) -> None:
    family, groups = next(iter(ease.record.slices.items()))
    group = next(iter(groups))
    changed = tampered(ease, {"slices": {family: {group: {"metrics": {"ndcg@10": 0.99}}}}})
    verdict = judge(changed, ease)
    assert verdict.outcome is Outcome.DIFFERENT
    assert verdict.reasons == ("every prediction and every metric is the same, but the metrics by groups are not.",)
    assert judge(ease, ease).outcome is Outcome.IDENTICAL
