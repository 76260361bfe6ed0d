"""`bench evaluate`: lists made elsewhere, judged by the harness's own code."""

from __future__ import annotations

import json
from math import log2
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
            "ndcg@10": 1 / log2(3) / (1 + 1 / log2(3)) / 2,
            "map@10": 1 / 2 / 2 / 2,
            "mrr@10": 0.5 / 2,
            "hit@10": 0.5,
            "coverage@10": 3 / 5,
        }
        | {f"{name}@10": found["metrics"][f"{name}@10"] for name in plugin_metrics()},
        abs=1e-15,
    )
    assert set(found["n_users"].values()) == {2}
    assert found["n_items"] == 5
    assert "recommended items that are their user's training data: 1, of users: 1; they stay." in found["notes"]


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
