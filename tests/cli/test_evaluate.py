"""`bench evaluate`: lists made elsewhere, judged by the harness's own code."""

from __future__ import annotations

import json
from math import log2, sqrt
from pathlib import Path
from typing import Any

import pytest

from bench.plugins import load_registries


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    content = {
        "recommendations": "user,item,score\n007,NA,0.5\n007,x,0.9\n7,y,1\n",
        "truth": "user,item,rating\n007,NA,4\n007,z,5\n7,NA,3\n",
        "train": "user,item\n7,y\n7,w\n",
        "predictions": "user,item,rating,prediction\n007,NA,4,3\n007,z,5,5\n7,NA,3,5\n",
    }
    for name, text in content.items():
        (tmp_path / f"{name}.csv").write_text(text)
    return {name: tmp_path / f"{name}.csv" for name in content}


def options(files: dict[str, Path], *names: str) -> list[object]:
    return [part for name in names for part in (f"--{name}", files[name])]


def test_json_has_every_metric_by_hand(call: Any, files: dict[str, Path]) -> None:
    done = call("evaluate", *options(files, "recommendations", "truth", "train"), "--json")
    found = json.loads(done.out)
    assert done.code == 0
    assert found["metrics"] == pytest.approx(
        {
            "precision@10": 0.1 / 2,
            "recall@10": 0.5 / 2,
            "recall_capped@10": 0.5 / 2,
            "f1@10": 2 / 12 / 2,
            "ndcg@10": 1 / log2(3) / (1 + 1 / log2(3)) / 2,
            "ndcg_full@10": 1 / log2(3) / (1 + 1 / log2(3)) / 2,
            "map@10": 1 / 2 / 2 / 2,
            "map_capped@10": 1 / 2 / 2 / 2,
            "mrr@10": 0.5 / 2,
            "hit@10": 0.5,
            "auc": None,
            "r_precision": 0.5 / 2,
            "recall_ips@10": 0.5 / 2,
            "coverage@10": 3 / 5,
            "gini@10": (2 + 4) / (5 * 3),
            "entropy@10": log2(3),
            "user_coverage": 1.0,
            "novelty@10": 0.0,
            "average_popularity@10": 1 / 2,
            "popularity_lift@10": 0.0,
        }
        | {f"{name}@10": found["metrics"][f"{name}@10"] for name in plugin_metrics()},
        abs=1e-15,
    )
    assert {label: n for label, n in found["n_users"].items() if n != 2} == {"auc": 0, "popularity_lift@10": 1}
    assert found["n_items"] == 5
    assert "users with a relevant item of unknown rank: 2; auc is undefined for them." in found["notes"]
    left_out = "left out without item features: intra_list_diversity@10, serendipity@10, calibration@10."
    assert found["notes"][-1] == left_out


def plugin_metrics() -> list[str]:
    registry = load_registries().metrics
    return [name for name in registry if registry.origin(name) != "recsys-bench"]


def test_the_table_shows_values_users_and_notes(call: Any, files: dict[str, Path]) -> None:
    done = call(
        "evaluate", *options(files, "recommendations", "truth"), "--metrics", "hit@1, mrr@2,hit@1", "--n-items", 9
    )
    lines = [" ".join(line.split()) for line in done.out.splitlines()]
    assert lines == [
        "metric value users",
        "hit@1 0.0000 2",
        "mrr@2 0.2500 2",
        "ordered by 'score', the highest first.",
        "the catalogue has 9 items.",
    ]
    assert done.err == ""


def test_training_data_may_be_given_in_several_files(call: Any, files: dict[str, Path]) -> None:
    arguments = [*options(files, "recommendations", "truth", "train"), "--train", files["truth"]]
    found = json.loads(call("evaluate", *arguments, "--json", "--metrics", "hit@1").out)
    assert "pairs of the truth that are training data too: 3." in found["notes"]


def test_without_training_data_the_metrics_that_need_it_are_left_out(call: Any, files: dict[str, Path]) -> None:
    found = json.loads(call("evaluate", *options(files, "recommendations", "truth"), "--json").out)
    assert {"auc", "r_precision", "novelty@10", "rmse"}.isdisjoint(found["metrics"])
    assert [note for note in found["notes"] if note.startswith("left out")] == [
        "left out without --train: auc, r_precision, recall_ips@10, novelty@10, average_popularity@10, "
        "popularity_lift@10; without item features: intra_list_diversity@10, serendipity@10, calibration@10."
    ]


def test_candidates_make_every_metric_of_lists_sampled(call: Any, files: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "candidates.csv").write_text("user,item\n007,NA\n007,x\n007,z\n7,y\n7,NA\n")
    given = [*options(files, "recommendations", "truth", "train", "predictions"), "--candidates"]
    given.append(tmp_path / "candidates.csv")
    every = json.loads(call("evaluate", *given, "--json").out)["metrics"]
    assert {label for label in every if not label.startswith("sampled-")} == set(RATINGS)
    named = json.loads(call("evaluate", *given, "--json", "--metrics", "hit@2,sampled-hit@2,sampled-mrr@2,rmse").out)
    assert named["metrics"] == pytest.approx(
        {"sampled-hit@2": 0.5, "sampled-mrr@2": 0.25, "rmse": RATINGS["rmse"]}, abs=1e-15
    )
    assert not [note for note in named["notes"] if "candidates" in note]


def test_history_is_not_popularity_and_repeats_are_no_fault(call: Any, files: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "history.csv").write_text("user,item\n007,x\n007,w\n")
    given = [*options(files, "recommendations", "truth", "train"), "--json", "--metrics", "average_popularity@2"]
    plain = json.loads(call("evaluate", *given).out)
    fed_in = json.loads(call("evaluate", *given, "--history", tmp_path / "history.csv").out)
    assert fed_in["metrics"] == plain["metrics"] == {"average_popularity@2": 0.5}
    assert (
        "recommended items that are their user's training data or history: 2, of users: 2; they stay."
        in (fed_in["notes"])
    )
    repeated = json.loads(call("evaluate", *given, "--repeats").out)
    assert repeated["metrics"] == plain["metrics"]
    assert not [note for note in repeated["notes"] if "training data" in note]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--repeats"], "--repeats goes with --train. Got it without."),
        (["--history", "truth"], "--history goes with --train. Got it without."),
        (["--metrics", "sampled-hit@1"], "'sampled-hit@1' is of sampled candidates of ranked lists: give --candidates"),
        (
            ["--train", "train", "--candidates", "truth", "--repeats"],
            "candidates are all that may be recommended, so repeats go without them. Got both.",
        ),
    ],
)
def test_options_that_do_not_go_together_are_one_line(
    call: Any, files: dict[str, Path], given: list[str], message: str
) -> None:
    done = call("evaluate", *options(files, "recommendations", "truth"), *(files.get(part, part) for part in given))
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert done.err.startswith(f"error: {message}")


def test_a_cut_off_may_be_longer_than_the_lists(call: Any, files: dict[str, Path]) -> None:
    arguments = [*options(files, "recommendations", "truth"), "--json", "--metrics", "map@1682,ndcg@2,user_coverage"]
    found = json.loads(call("evaluate", *arguments).out)["metrics"]
    assert found == {"map@1682": 0.125, "ndcg@2": pytest.approx(1 / (1 + log2(3)) / 2), "user_coverage": 1.0}


RATINGS = {
    "rmse": sqrt(5 / 3),
    "mae": 3 / 3,
    "rmse_user": (sqrt(1 / 2) + 2) / 2,
    "mae_user": (1 / 2 + 2) / 2,
}


def test_predictions_alone_are_judged_by_the_rating_metrics(call: Any, files: dict[str, Path]) -> None:
    found = json.loads(call("evaluate", *options(files, "predictions"), "--json").out)
    assert found["metrics"] == pytest.approx(RATINGS, abs=1e-15)
    assert set(found["n_users"].values()) == {2}
    assert (found["n_items"], found["notes"]) == (None, ["predicted ratings: 3, of users: 2."])


def test_lists_and_predictions_are_judged_together_in_the_order_asked_for(call: Any, files: dict[str, Path]) -> None:
    given = options(files, "recommendations", "truth", "predictions")
    done = call("evaluate", *given, "--metrics", "mae,hit@10,rmse")
    assert [" ".join(line.split()) for line in done.out.splitlines()] == [
        "metric value users",
        "mae 1.0000 2",
        "hit@10 0.5000 2",
        "rmse 1.2910 2",
        "ordered by 'score', the highest first.",
        "the catalogue is the 4 items of all files.",
        "predicted ratings: 3, of users: 2.",
    ]
    every = json.loads(call("evaluate", *given, "--json").out)["metrics"]
    assert {"ndcg@10", *RATINGS} <= set(every)


@pytest.mark.parametrize(
    ("given", "metrics", "message"),
    [
        (
            "recommendations truth",
            "auc",
            "'auc' needs the rank of every relevant item among the candidates: give --train",
        ),
        ("recommendations truth", "novelty@5", "'novelty@5' needs the training data: give --train FILE."),
        ("recommendations truth train", "calibration@5", "'calibration@5' needs item features, which cannot be given"),
        ("recommendations truth", "mae", "'mae' judges ratings: give --predictions."),
        ("predictions", "ndcg@5", "'ndcg@5' judges ranked lists: give --recommendations and --truth."),
        (
            "recommendations",
            "hit@1",
            "--recommendations and --truth are judged together. Got --recommendations without",
        ),
        ("truth predictions", "mae", "--recommendations and --truth are judged together. Got --truth without"),
        ("train", "hit@1", "there must be --recommendations with --truth, or --predictions, or all three. Got none."),
        (
            "predictions train",
            "mae",
            "--train goes with --recommendations and --truth. Got it with --predictions alone.",
        ),
    ],
)
def test_a_missing_file_is_one_line(call: Any, files: dict[str, Path], given: str, metrics: str, message: str) -> None:
    done = call("evaluate", *options(files, *given.split()), "--metrics", metrics)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert done.err.startswith(f"error: {message}")


@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        ("ndgc@10", "unknown metric 'ndgc'. Did you mean 'ndcg'? Known: "),
        ("ndcg", "a metric is written name@cut-off, such as 'ndcg@10'. Got 'ndcg'."),
        ("ndcg@0", "the cut-off of 'ndcg' must be an int in [1, 100000]. Got 0."),
        (" , ", "--metrics must name a metric, such as 'ndcg@10'. Got ' , '."),
    ],
)
def test_wrong_metrics_are_one_line(call: Any, files: dict[str, Path], metrics: str, message: str) -> None:
    done = call("evaluate", *options(files, "recommendations", "truth"), "--metrics", metrics)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert done.err.startswith(f"error: {message}")


def test_a_wrong_file_is_one_line(call: Any, files: dict[str, Path]) -> None:
    files["recommendations"].write_text("user_id,item,score\nu,i,1\n")
    done = call("evaluate", *options(files, "recommendations", "truth"))
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "needs a column 'user'. Did you mean 'user_id'? Its columns: item, score, user_id." in done.err
