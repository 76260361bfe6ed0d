"""What is kept beside a job's record for people to look at: metrics by cut-off, and examples of a few users."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.algorithm import Reason, UserBatch
from bench.batches import EvalSet
from bench.errors import DataError
from bench.evaluation import by_cutoff, evaluate
from bench.examples import LONGEST_TITLE, N_USERS, Example, Examples, sample, titles
from bench.interactions import FeatureColumn, Features, Int32Array, ItemLists
from bench.metrics import Judged, parse_metrics
from bench.plugins import load_registries
from bench.protocol.fold import Fold
from bench.running.job import Outcome, execute
from bench.running.plan import Job
from bench.running.worker import make_record
from bench.store import EXAMPLES_FILE, PER_USER_FILE, TOPK_FILE, Store, read_examples, read_record

METRICS = ("ndcg@10", "recall@5", "coverage@10", "map@10", "mrr@7", "hit@10", "precision@3", "precision@10", "auc")


@pytest.fixture
def job(make_jobs: Any) -> Job:
    (ease, *_) = (job for job in make_jobs() if job.row == "ease")
    return replace(ease, metrics=METRICS)


@pytest.fixture
def fold(job: Job, folds: Any) -> Fold:
    fold: Fold = folds[job.task][0].fold
    return fold


@pytest.fixture
def outcome(job: Job, fold: Fold, tmp_path: Path) -> Outcome:
    return execute(job, fold, load_registries(), tmp_path)


def examples(outcome: Outcome) -> list[Example]:
    return Examples.model_validate_json(outcome.texts[EXAMPLES_FILE]).users


def test_a_metric_at_its_own_cutoff_is_the_last_of_its_curve(outcome: Outcome) -> None:
    curves, values = outcome.fields["by_cutoff"], outcome.fields["metrics"]
    assert {name: len(curve) for name, curve in curves.items()} == {
        **{"ndcg": 10, "recall": 5, "map": 10, "mrr": 7, "hit": 10, "precision": 10}
    }
    for label in METRICS:
        name, _, k = label.partition("@")
        if name in curves:
            assert curves[name][int(k) - 1] == values[label].value, label
    assert sorted(curves["hit"]) == curves["hit"] != sorted(curves["hit"], reverse=True)
    assert curves["hit"][0] == curves["precision"][0] == curves["mrr"][0]


def test_a_point_of_a_curve_is_the_metric_at_that_cutoff(outcome: Outcome, fold: Fold) -> None:
    code = {str(own): number for number, own in enumerate(fold.train.item_ids)}
    listed = outcome.tables[TOPK_FILE].column("item").to_pylist()
    items = np.array([code[item] for item in listed], np.int32).reshape(len(fold.test), -1)
    found = outcome.fields["by_cutoff"]
    relevant = [set(fold.test.truth.row(row).tolist()) for row in range(len(fold.test))]
    for k in (1, 4):
        recall = [len(set(row[:k].tolist()) & own) / len(own) for row, own in zip(items, relevant, strict=True)]
        assert found["recall"][k - 1] == pytest.approx(np.mean(recall), abs=1e-12)


def test_what_nobody_has_and_what_is_too_long_is_left_out() -> None:
    from bench.batches import TopK

    lists = TopK(np.arange(202, dtype=np.int32).reshape(2, 101), np.zeros((2, 101), np.float32))
    metrics = parse_metrics(["hit@101", "recall@2", "coverage@2", "novelty@2"], load_registries().metrics)
    truth = ItemLists.from_lists([[0], []], 202)
    assert by_cutoff(metrics, Judged(lists, truth)) == {"recall": [1.0, 1.0]}
    assert by_cutoff(metrics, Judged(lists, ItemLists.from_lists([[], []], 202))) == {}
    assert evaluate(metrics[:1], Judged(lists, truth))[0]["hit@101"].value == 1


def test_examples_are_what_the_tables_say(outcome: Outcome, fold: Fold) -> None:
    data, rows = fold.train, {str(fold.train.user_ids[user]): row for row, user in enumerate(fold.test.users)}
    topk = outcome.tables[TOPK_FILE].to_pylist()
    for example in examples(outcome):
        row = rows[example.user]
        known, truth = (data.item_ids[lists.row(row)].tolist() for lists in (fold.test.history, fold.test.truth))
        assert [one.item for one in example.history] == known[::-1][:12]
        assert (example.n_history, example.n_truth) == (len(known), len(truth))
        assert [one.item for one in example.truth] == truth[:12]
        listed = [(entry["item"], entry["score"]) for entry in topk if entry["user"] == example.user]
        assert [(one.item, one.score) for one in example.recommended] == listed
        assert [one.hit for one in example.recommended] == [item in truth for item, _ in listed]


def test_reasons_name_items_of_the_history_and_sum_to_the_score(outcome: Outcome, fold: Fold) -> None:
    told = examples(outcome)
    for example in told:
        for one in example.recommended:
            assert one.why is not None
            weights = [reason.weight for reason in one.why]
            assert weights == sorted(weights, reverse=True)
            assert len(one.why) == min(3, one.n_reasons)
            if one.n_reasons <= 3:
                assert sum(weights) == pytest.approx(one.score, abs=1e-5)
            assert {reason.kind for reason in one.why} <= {"item"}
            if example.n_history <= 12:
                assert {reason.what for reason in one.why} <= {item.item for item in example.history}
    assert fold.item_features is not None
    known = fold.item_features.columns["title"].values.tolist()
    assert {one.title for example in told for one in example.recommended} <= set(known)


def test_the_users_are_the_same_for_every_algorithm_and_differ_in_activity(
    make_jobs: Any, outcome: Outcome, fold: Fold, tmp_path: Path
) -> None:
    (popularity, *_) = (job for job in make_jobs() if job.row == "popularity")
    other = examples(execute(popularity, fold, load_registries(), tmp_path))
    assert [(one.user, one.activity) for one in other] == [(one.user, one.activity) for one in examples(outcome)]
    assert [one.activity for one in other] == ["low", "low", "middle", "middle", "high", "high"]
    assert [one.n_history for one in other] == sorted(one.n_history for one in other)
    assert all(one.why is None and one.n_reasons == 0 for example in other for one in example.recommended)


@pytest.mark.parametrize("lengths", [[3] * 20, [1, 5], [1, 1, 1, 1, 1, 9, 9]])
def test_a_sample_takes_what_there_is(lengths: list[int]) -> None:
    lists = ItemLists.from_lists([list(range(length)) for length in lengths], 10)
    users = EvalSet(np.arange(len(lengths), dtype=np.int32), lists, lists)
    rows = sample(users, 1)
    assert len(set(rows)) == len(rows) == min(N_USERS, len(lengths))
    assert sample(users, 1) == rows
    assert [lengths[row] for row in rows] == sorted(lengths[row] for row in rows)


def test_an_explanation_that_fails_costs_no_result(
    job: Job, fold: Fold, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bench_algorithms.linear import EASE

    def fails(self: EASE, batch: UserBatch, items: Int32Array) -> list[list[Reason]]:
        raise KeyError("no such item")

    monkeypatch.setattr(EASE, "explain", fails)
    outcome = execute(job, fold, load_registries(), tmp_path)
    assert "why items were recommended is not known: KeyError: 'no such item'" in outcome.fields["warnings"]
    assert all(one.why is None for example in examples(outcome) for one in example.recommended)
    monkeypatch.setattr(EASE, "explain", lambda *_: [[]])
    outcome = execute(job, fold, load_registries(), tmp_path)
    assert "must give a list of reasons for each of 10 items. Got 1." in outcome.fields["warnings"][-1]


def test_titles_are_data() -> None:
    ids = np.array(["1", "2", "3"], object)
    text = FeatureColumn("text", np.array(["<script>", "", "x" * 10_000], object))
    assert titles(None, ids) == titles(Features(ids, {"plot": text}), ids) == ["1", "2", "3"]
    assert titles(Features(ids, {"Name": text}), ids) == ["<script>", "2", f"{'x' * LONGEST_TITLE}…"]


def test_examples_lie_beside_the_record(job: Job, outcome: Outcome, tmp_path: Path) -> None:
    record = make_record(job, "1", "2026-01-01T00:00:00.000+00:00", status="ok", **outcome.fields)
    folder = Store(tmp_path).write(record, outcome.tables, outcome.texts)
    assert read_record(folder) == record
    assert record.fold.profile is not None
    found = read_examples(folder)
    assert found is not None
    assert found.users == examples(outcome)
    (folder / EXAMPLES_FILE).write_text('{"users": 3}')
    with pytest.raises(DataError, match=r"examples\.json"):
        read_examples(folder)
    (folder / EXAMPLES_FILE).unlink()
    assert read_examples(folder) is None


def test_a_rating_task_has_none(world: Any) -> None:
    ran = world.run("means", {"kind": "rating", "primary_metric": "rmse"})
    assert ran.outcome.texts == {}
    assert "by_cutoff" not in ran.outcome.fields
    assert PER_USER_FILE in ran.outcome.tables


@pytest.mark.parametrize("reason", [Reason("item", 10**6, 0.5), Reason("term", "genre", float("nan"))])
def test_a_reason_that_cannot_be_told_costs_no_result(
    job: Job, fold: Fold, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: Reason
) -> None:
    from bench_algorithms.linear import EASE

    monkeypatch.setattr(EASE, "explain", lambda self, batch, items: [[reason] for _ in items])
    outcome = execute(job, fold, load_registries(), tmp_path)
    (warning,) = [one for one in outcome.fields["warnings"] if one.startswith("why items were recommended")]
    assert "Error" in warning
    assert all(one.why is None for example in examples(outcome) for one in example.recommended)
