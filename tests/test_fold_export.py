"""An exported fold: exactly the parts of the fold, with the data set's own ids, whole or not at all."""

from __future__ import annotations

import csv
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench import fold_export
from bench.card import Card
from bench.dataset_source import Acquire, DatasetLoader
from bench.errors import UsageError
from bench.fold_export import export_fold, how_to_judge
from bench.interactions import Dataset, Interactions
from bench.lists import read_pairs
from bench.metrics.accuracy import NDCG, Recall
from bench.metrics.features import IntraListDiversity
from bench.metrics.rating import RMSE
from bench.plugins import Registries, new_registries
from bench.protocol.splitters import Holdout, StrongGeneralisation, Temporal
from bench.running.folds import PreparedFold, build_folds
from bench.suite import Suite

USERS = ["007", "NA", str(2**60), str(2**60 + 1), 'a,"b"\nc', "é"]
TASKS = {"holdout": Holdout, "temporal": Temporal}
SPLITTERS = TASKS | {"strong-generalisation": StrongGeneralisation}


class Generated(DatasetLoader):
    """Six users with hard ids and 40 interactions each; `plain` has neither ratings nor timestamps."""

    def __init__(self, plain: bool) -> None:
        self.plain = plain

    @property
    def card(self) -> Card:
        words = dict.fromkeys(("title", "description", "licence", "citation", "homepage"), "none")
        return Card.model_validate({"name": "generated", "version": 3, **words})

    def load(self, acquire: Acquire) -> Dataset:
        random = np.random.default_rng(1)
        user = np.repeat(np.array(USERS, object), 40)
        item = np.array([f"i{code}" for _ in USERS for code in random.permutation(60)[:40]], object)
        rating = None if self.plain else random.choice([1.0, 2.5, 0.1], len(user))
        timestamp = None if self.plain else random.integers(0, 10**6, len(user))
        return Dataset(self.card, Interactions.from_ids(user, item, rating, timestamp))


def registries(plain: bool = False) -> Registries:
    found = new_registries()
    found.datasets.add("generated", Generated(plain), origin="tests")
    for metric in (NDCG, Recall, RMSE):
        found.metrics.add(metric.name, metric, origin="tests")
    for name, splitter in SPLITTERS.items():
        found.splitters.add(name, splitter, origin="tests")
    return found


def make_suite(task: str, **rules: Any) -> Suite:
    return Suite.model_validate(
        {
            "name": "generated",
            "version": 2,
            "description": "none",
            "dataset": "generated",
            "seed": 5,
            "metrics": ["ndcg@10", "recall@5", "rmse"],
            "primary_metric": "ndcg@10",
            "tasks": {task: {"splitter": task, **rules}},
            "algorithms": {"random": {}},
        }
    )


def prepare(task: str, plain: bool = False, **rules: Any) -> tuple[PreparedFold, Suite]:
    suite = make_suite(task, **rules)
    return build_folds(suite, registries(plain), Acquire())[task][0], suite


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def rows(part: Interactions) -> list[tuple[str, str, float, int]]:
    assert part.rating is not None
    assert part.timestamp is not None
    return list(
        zip(
            part.user_ids[part.user].tolist(),
            part.item_ids[part.item].tolist(),
            part.rating.tolist(),
            part.timestamp.tolist(),
            strict=True,
        )
    )


def parsed(path: Path) -> list[tuple[str, str, float, int]]:
    return [(row["user"], row["item"], float(np.float32(row["rating"])), int(row["timestamp"])) for row in read(path)]


@pytest.mark.parametrize("task", TASKS)
def test_files_hold_exactly_the_parts(tmp_path: Path, task: str) -> None:
    prepared, suite = prepare(task)
    folder = export_fold(prepared, suite, registries(), task, tmp_path / "deep" / "fold")
    fold = prepared.fold
    assert sorted(path.name for path in folder.iterdir()) == ["fold.json", "test.csv", "train.csv", "validation.csv"]
    assert parsed(folder / "train.csv") == rows(fold.train)
    assert parsed(folder / "validation.csv") == rows(fold.held_validation)
    test = parsed(folder / "test.csv")
    assert set(test) <= set(rows(fold.held_test))
    users, items = fold.train.user_ids, fold.train.item_ids
    wanted = [
        (str(users[user]), str(items[item]))
        for row, user in enumerate(fold.test.users)
        for item in fold.test.truth.row(row)
    ]
    assert sorted(row[:2] for row in test) == sorted(wanted)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["fold"]


def test_users_who_are_not_evaluated_are_not_in_the_test_file(tmp_path: Path) -> None:
    prepared, suite = prepare("temporal")
    fold = prepared.fold
    one = fold.test.slice(0, 1)
    reduced = replace(prepared, fold=replace(fold, test=one))
    folder = export_fold(reduced, suite, registries(), "temporal", tmp_path / "fold")
    assert {row["user"] for row in read(folder / "test.csv")} == {str(fold.train.user_ids[fold.test.users[0]])}


def test_hard_ids_come_back_through_our_own_reader(tmp_path: Path) -> None:
    prepared, suite = prepare("holdout")
    folder = export_fold(prepared, suite, registries(), "holdout", tmp_path / "fold")
    assert set(read_pairs(folder / "train.csv").user.to_pylist()) == set(USERS)


def test_what_the_data_set_does_not_have_is_empty(tmp_path: Path) -> None:
    prepared, suite = prepare("holdout", plain=True)
    folder = export_fold(prepared, suite, registries(), "holdout", tmp_path / "fold")
    assert {(row["rating"], row["timestamp"]) for row in read(folder / "train.csv")} == {("", "")}


def test_the_description_holds_fingerprints_and_counts(tmp_path: Path) -> None:
    prepared, suite = prepare("holdout")
    folder = export_fold(prepared, suite, registries(), "holdout", tmp_path / "fold")
    found = json.loads((folder / "fold.json").read_text())
    assert found["suite"] == {"name": "generated", "version": 2, "fingerprint": suite.fingerprint}
    assert found["dataset"] == {"name": "generated", "version": 3, "fingerprint": prepared.dataset.fingerprint}
    assert found["fold"] == prepared.ref.model_dump(mode="json")
    assert found["fold"]["fingerprint"] == prepared.fold.fingerprint
    assert (found["task"], found["n_items"], found["format_version"]) == ("holdout", 60, 1)
    for name, described in found["files"].items():
        content = (folder / f"{name}.csv").read_bytes()
        assert described["sha256"] == hashlib.sha256(content).hexdigest()
        assert described["rows"] == len(read(folder / f"{name}.csv"))
        assert described["content"]


def test_what_is_known_of_users_not_trained_on_is_in_files_of_its_own(tmp_path: Path) -> None:
    prepared, suite = prepare("strong-generalisation", options={"validation_users": 1, "test_users": 2})
    folder, fold = export_fold(prepared, suite, registries(), "strong-generalisation", tmp_path / "fold"), prepared.fold
    assert parsed(folder / "validation_history.csv") == rows(fold.validation_history)
    assert parsed(folder / "test_history.csv") == rows(fold.test_history)
    users = {name: {row["user"] for row in read(folder / f"{name}.csv")} for name in ("train", "test_history", "test")}
    assert users["test"] == users["test_history"]
    assert not users["test"] & users["train"]
    assert set(json.loads((folder / "fold.json").read_text())["files"]) == {path.stem for path in folder.glob("*.csv")}


def test_sampled_candidates_are_exported_and_the_full_catalogue_is_not(tmp_path: Path) -> None:
    prepared, suite = prepare("holdout", candidates={"n": 7})
    folder = export_fold(prepared, suite, registries(), "holdout", tmp_path / "fold")
    listed = [(row["user"], row["item"]) for row in read(folder / "candidates.csv")]
    test = {(row["user"], row["item"]) for row in read(folder / "test.csv")}
    known = {(row["user"], row["item"]) for name in ("train", "validation") for row in read(folder / f"{name}.csv")}
    assert len(listed) == len(set(listed)) == len(test) + 7 * len(prepared.fold.test)
    assert test <= set(listed)
    assert not known & set(listed)
    prepared, suite = prepare("holdout", repeats=True)
    assert not (export_fold(prepared, suite, registries(), "holdout", tmp_path / "repeats") / "candidates.csv").exists()


@pytest.mark.parametrize(
    ("rules", "metrics", "primary"),
    [
        ({"primary_metric": "recall@5"}, ["ndcg@10", "recall@5"], "recall@5"),
        ({"candidates": {"n": 7}}, ["sampled-ndcg@10", "sampled-recall@5"], "sampled-ndcg@10"),
        ({"kind": "rating", "primary_metric": "rmse"}, ["rmse"], "rmse"),
    ],
)
def test_the_description_names_metrics_as_the_record_does(
    tmp_path: Path, rules: dict[str, Any], metrics: list[str], primary: str
) -> None:
    prepared, suite = prepare("holdout", **rules)
    folder = export_fold(prepared, suite, registries(), "holdout", tmp_path / "fold")
    found = json.loads((folder / "fold.json").read_text())
    assert (found["metrics"], found["primary_metric"]) == (metrics, primary)


@pytest.mark.parametrize(
    ("task", "rules", "expected"),
    [
        ("holdout", {}, "--train train --train validation"),
        ("holdout", {"repeats": True}, "--train train --train validation --repeats"),
        ("holdout", {"candidates": {"n": 7}}, "--train train --train validation --candidates candidates"),
        (
            "holdout",
            {"candidates": {"n": 7}, "repeats": True},
            "--train train --train validation --candidates candidates",
        ),
        (
            "strong-generalisation",
            {"options": {"validation_users": 1, "test_users": 2}},
            "--train train --train validation_history --train validation --history test_history",
        ),
        (
            "strong-generalisation",
            {"options": {"validation_users": 0, "test_users": 2}},
            "--train train --history test_history",
        ),
    ],
)
def test_how_to_judge_names_every_file_that_has_rows(
    tmp_path: Path, task: str, rules: dict[str, Any], expected: str
) -> None:
    prepared, suite = prepare(task, **rules)
    folder = export_fold(prepared, suite, registries(), task, tmp_path / "fold")
    metrics = [NDCG(10), IntraListDiversity(10), Recall(5)]
    found = how_to_judge(prepared.fold, suite.tasks[task].rules, metrics, folder)
    named = " ".join(Path(part).stem if part.endswith(".csv") else part for part in found)
    assert named == f"--recommendations FILE --truth test {expected} --n-items 60 --metrics ndcg@10,recall@5"
    assert all(read(Path(part)) for part in found if part.endswith(".csv"))


def test_predicted_ratings_are_judged_without_any_file_of_the_fold(tmp_path: Path) -> None:
    prepared, suite = prepare("holdout", kind="rating", primary_metric="rmse")
    found = how_to_judge(prepared.fold, suite.tasks["holdout"].rules, [RMSE()], tmp_path)
    assert found == ["--predictions", "FILE", "--metrics", "rmse"]


def test_an_empty_folder_is_used_and_a_full_one_refused(tmp_path: Path) -> None:
    prepared, suite = prepare("holdout")
    (tmp_path / "empty").mkdir()
    assert (export_fold(prepared, suite, registries(), "holdout", tmp_path / "empty") / "fold.json").exists()
    with pytest.raises(UsageError, match=r"new or empty folder\. '.*empty' exists and is not empty\."):
        export_fold(prepared, suite, registries(), "holdout", tmp_path / "empty")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError, match="exists and is not empty"):
        export_fold(prepared, suite, registries(), "holdout", tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_failed_export_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("disk full")

    prepared, suite = prepare("holdout")
    monkeypatch.setattr(fold_export, "describe", fail)
    with pytest.raises(OSError, match="disk full"):
        export_fold(prepared, suite, registries(), "holdout", tmp_path / "fold")
    assert list(tmp_path.iterdir()) == []
