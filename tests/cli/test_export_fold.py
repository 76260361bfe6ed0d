"""`bench export-fold` on the smoke suite."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest


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
        ("crossed", "Judge a tool's lists: bench evaluate --truth "),
        ("strong", "/test_history.csv --n-items "),
        ("sampled", "/candidates.csv: bench evaluate --truth "),
        ("ratings", "Judge a tool's ratings: bench evaluate --predictions FILE"),
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
