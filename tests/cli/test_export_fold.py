"""`bench export-fold` on the smoke suite."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pytest
from pyarrow import parquet


def test_it_writes_the_fold_and_says_how_to_go_on(call: Any, tmp_path: Path) -> None:
    folder = tmp_path / "fold"
    done = call("export-fold", "--suite", "smoke", "--task", "next-item", "--to", folder)
    assert (done.code, done.out) == (0, f"{folder}\n")
    found = json.loads((folder / "fold.json").read_text())
    assert (found["suite"]["name"], found["task"]) == ("smoke", "next-item")
    assert f"{found['fold']['users']['test']} users are evaluated." in done.err
    assert f"--n-items {found['n_items']}" in done.err


SUITE = """
name = "mine"
version = 1
description = "none"
dataset = "smoke"
seed = 1
metrics = ["ndcg@10", "rmse"]
primary_metric = "ndcg@10"
[algorithms.popularity]
[tasks.crossed]
splitter = "k-fold"
options = { folds = 3 }
[tasks.strong]
splitter = "strong-generalisation"
[tasks.sampled]
splitter = "holdout"
candidates = { n = 5 }
[tasks.ratings]
splitter = "holdout"
kind = "rating"
primary_metric = "rmse"
"""


@pytest.mark.parametrize(
    ("task", "advice"),
    [
        ("crossed", "Judge a tool's lists: bench evaluate --recommendations FILE --truth "),
        ("strong", "/test_history.csv --n-items 80 --metrics ndcg@10"),
        ("sampled", "/candidates.csv: bench evaluate --recommendations FILE --truth "),
        ("ratings", "Judge a tool's ratings: bench evaluate --predictions FILE --metrics rmse"),
    ],
)
def test_how_to_go_on_depends_on_the_task(call: Any, tmp_path: Path, task: str, advice: str) -> None:
    suite = tmp_path / "mine.toml"
    suite.write_text(SUITE)
    done = call("export-fold", "--suite", suite, "--task", task, "--to", tmp_path / "fold")
    assert done.code == 0, done.err
    assert advice in done.err
    for word in done.err.split():
        assert not word.endswith(".csv") or Path(word).exists()


def test_each_of_several_folds_can_be_had(call: Any, tmp_path: Path) -> None:
    suite = tmp_path / "mine.toml"
    suite.write_text(SUITE)
    first, second = (tmp_path / name for name in ("first", "second"))
    for number, folder in enumerate((first, second), 1):
        assert call("export-fold", "--suite", suite, "--task", "crossed", "--fold", number, "--to", folder).code == 0
    tests = [
        {line.rsplit(",", 2)[0] for line in (one / "test.csv").read_text().splitlines()[1:]} for one in (first, second)
    ]
    assert not tests[0] & tests[1]
    assert json.loads((second / "fold.json").read_text())["fold"]["index"] == 1
    done = call("export-fold", "--suite", suite, "--task", "crossed", "--fold", 4, "--to", tmp_path / "fourth")
    assert (done.code, done.err) == (2, "error: --fold must be in [1, 3] for the task 'crossed'. Got 4.\n")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--suite", "smok", "--task", "holdout"], "unknown suite 'smok'. Did you mean 'smoke'? Known: "),
        (["--suite", "smoke", "--task", "holdot"], "unknown task in suite 'smoke' 'holdot'. Did you mean 'holdout'?"),
    ],
)
def test_unknown_names_are_one_line_with_the_nearest(
    call: Any, tmp_path: Path, options: list[str], message: str
) -> None:
    done = call("export-fold", *options, "--to", tmp_path / "fold")
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert done.err.startswith(f"error: {message}")
    assert not (tmp_path / "fold").exists()


def test_a_folder_with_something_in_it_is_refused_before_any_work(call: Any, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    done = call("export-fold", "--suite", "no-such-suite", "--task", "holdout", "--to", tmp_path)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "exists and is not empty" in done.err


KINDS = """
name = "kinds"
version = 1
description = "none"
dataset = "smoke"
seed = 1
metrics = [
  "ndcg@80", "ndcg@10", "precision@5", "recall@10", "map@10", "mrr@10", "hit@10", "auc", "r_precision", "coverage@10",
  "gini@10", "novelty@10", "average_popularity@10", "popularity_lift@10", "recall_ips@10", "calibration@10", "rmse",
  "mae_user",
]
primary_metric = "ndcg@10"
[algorithms.bias]
[tasks.holdout]
splitter = "holdout"
[tasks.sampled]
splitter = "holdout"
candidates = { n = 20 }
[tasks.repeats]
splitter = "holdout"
repeats = true
[tasks.sampled-repeats]
splitter = "holdout"
repeats = true
candidates = { n = 20, strategy = "popularity" }
[tasks.strong]
splitter = "strong-generalisation"
[tasks.ratings]
splitter = "holdout"
kind = "rating"
primary_metric = "rmse"
"""
"""Lists are as long as the catalogue is large, for auc."""
UNKNOWN_IN_CUT_LISTS = {"auc", "r_precision", "ndcg@80"}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    """A suite with every kind of task, and the rows of its leaderboard."""
    folder = tmp_path_factory.mktemp("kinds")
    suite = folder / "kinds.toml"
    suite.write_text(KINDS)
    command = [sys.executable, "-c", "from bench.cli import main; main()", "run", "--suite", suite, "--json"]
    done = subprocess.run([*command, "--out", folder / "runs"], capture_output=True, text=True, timeout=300, check=True)
    return suite, json.loads(done.stdout)


@pytest.mark.parametrize("task", ["holdout", "sampled", "repeats", "sampled-repeats", "strong", "ratings"])
def test_the_printed_command_gives_the_numbers_of_the_record(
    call: Any, tmp_path: Path, ran: tuple[Path, list[dict[str, Any]]], task: str
) -> None:
    suite, board = ran
    row = next(one for one in board if one["task"] == task)
    folder = tmp_path / "the fold's own"
    done = call("export-fold", "--suite", suite, "--task", task, "--to", folder)
    assert json.loads((folder / "fold.json").read_text())["metrics"] == list(row["metrics"])
    made = Path(row["record"]) / ("predictions.parquet" if task == "ratings" else "topk.parquet")
    printed = shlex.split(done.err.partition("bench evaluate ")[2])
    expected = {label: value for label, value in row["metrics"].items() if "calibration" not in label}
    found = json.loads(call("evaluate", *(made if part == "FILE" else part for part in printed), "--json").out)
    assert None not in expected.values()
    assert found["metrics"] == pytest.approx(expected, rel=0, abs=1e-12)
    assert not [note for note in found["notes"] if "they stay" in note or note.startswith("pairs of the truth")]
    if task == "ratings":
        return
    lists = parquet.read_table(made)
    cut = tmp_path / "cut.parquet"
    parquet.write_table(lists.filter(pc.field("rank") <= 10), cut)
    found = json.loads(call("evaluate", *(cut if part == "FILE" else part for part in printed), "--json").out)
    unknown = {label for label in expected if label.removeprefix("sampled-") in UNKNOWN_IN_CUT_LISTS}
    assert {label: found["metrics"][label] for label in expected.keys() - unknown} == pytest.approx(
        {label: expected[label] for label in expected.keys() - unknown}, rel=0, abs=1e-12
    )
    auc = next(label for label in unknown if "auc" in label)
    assert (found["metrics"][auc], found["n_users"][auc]) == (None, 0)
    assert any(note.startswith("no value, as lists end before relevant items") for note in found["notes"])
