"""`bench tune`, and runs that use what it found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench.errors import UsageError
from bench.ledger import TunedRow
from bench.tuning.tuner import Tuner

SUITE = """
name = "quick"
version = 1
description = "Two rows with a field to tune, one without."
dataset = "smoke"
seed = 3
metrics = ["ndcg@10"]
primary_metric = "ndcg@10"
[tasks.holdout]
splitter = "holdout"
[algorithms.popularity]
[algorithms.ease]
parameters = { l2 = 20.0 }
[algorithms.item-knn]
[algorithms.control]
algorithm = "ease"
tune = false
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    path = tmp_path / "quick.toml"
    path.write_text(SUITE)
    return path


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Results go to a folder of the test."""
    monkeypatch.setenv("BENCH_OUT", str(tmp_path / "runs"))


def board(text: str) -> dict[str, Any]:
    return {row["algorithm"]: row for row in json.loads(text)}


def test_all_rows_are_tuned_alike_and_a_suite_carries_what_was_found(call: Any, suite: Path, tmp_path: Path) -> None:
    exported = tmp_path / "quick.tuned.json"
    tuned = call("tune", "--suite", suite, "--trials", 3, "--export", exported, "--json")
    assert tuned.code == 0, tuned.err
    found = {one["row"]: one for one in json.loads(tuned.out)}
    assert set(found) == {"ease", "item-knn"}

    shipped = tmp_path / "shipped.toml"
    shipped.write_text('tuned = "quick.tuned.json"' + SUITE.replace('"quick"', '"shipped"'))
    ran = call("run", "--suite", shipped, "--json")
    assert ran.code == 0, ran.err
    rows = board(ran.out)
    assert {name: row["parameters"] for name, row in rows.items()} == {
        "popularity": "nothing to tune",
        "ease": "tuned",
        "item-knn": "tuned",
        "control": "nothing to tune",
    }
    ledger = rows["ease"]["tuning"]
    assert (ledger["trials"], ledger["budget_trials"], len(ledger["history"])) == (3, 3, 3)
    record = json.loads((Path(rows["ease"]["record"]) / "record.json").read_text())
    assert record["config_effective"]["l2"] == found["ease"]["parameters"]["l2"]

    changed = call("run", "--suite", shipped, "--only", "item-knn", "--set", "item-knn.shrinkage=3.5", "--json")
    (row,) = json.loads(changed.out)
    assert row["algorithm"] == "item-knn-shrinkage-3.5"
    assert (row["parameters"], row["tuning"]) == ("given", None)
    config = json.loads((Path(row["record"]) / "record.json").read_text())["config_effective"]
    assert (config["k"], config["shrinkage"]) == (found["item-knn"]["parameters"]["k"], 3.5)


def test_a_run_can_tune_first_and_show_what_less_would_have_found(call: Any, suite: Path) -> None:
    ran = call("run", "--suite", suite, "--tune", 3, "--after-trials", 1, "--jobs", 1, "--json")
    assert ran.code == 0, ran.err
    rows = board(ran.out)
    assert set(rows) == {"control", "popularity", "ease", "item-knn", "ease-after-1-trial", "item-knn-after-1-trial"}
    assert rows["ease"]["tuning"]["trials"] == 3
    first = rows["ease-after-1-trial"]
    assert first["tuning"]["trials"] == 1
    record = json.loads((Path(first["record"]) / "record.json").read_text())
    assert record["config_effective"]["l2"] == 20.0

    table = call("leaderboard", "--format", "markdown").out
    assert "| 3 trials |" in table
    assert "- tuned on validation with 1 trial, but for 3 trials: " in table or "but for 1 trial: " in table


def test_what_cannot_be_is_said_before_time_is_spent(call: Any, suite: Path) -> None:
    both = call("run", "--suite", suite, "--tune", 3, "--dry-run")
    assert (both.code, both.err) == (2, "error: --dry-run spends no time, so it does not go with --tune.\n")
    nothing = call("tune", "--suite", suite, "--algorithm", "popularity")
    assert (nothing.code, nothing.err) == (2, "error: no field is left to tune of popularity.\n")
    sampler = call("tune", "--suite", suite, "--sampler", "cmaes")
    assert (sampler.code, sampler.err) == (2, "error: the sampler must be one of tpe, random, grid. Got 'cmaes'.\n")


def test_a_row_that_fails_costs_none_of_the_others(call: Any, suite: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Tuner.run

    def fail(self: Tuner, *arguments: Any) -> TunedRow:
        if self.job.row == "ease":
            raise UsageError("no trial of 'ease' succeeded: failed: out of luck.")
        return run(self, *arguments)

    monkeypatch.setattr(Tuner, "run", fail)
    done = call("tune", "--suite", suite, "--trials", 1, "--json")
    assert (done.code, done.err) == (1, "no trial of 'ease' succeeded: failed: out of luck.\n")
    assert [one["row"] for one in json.loads(done.out)] == ["item-knn"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"row":"ease"', '"row":"ease","fold":1', "has no field '0.fold'"),
        ('"algorithm":"ease"', '"algorithm":"slim"', "must have 'ease' tuned as 'ease'. Got 'slim'"),
        ("[", "", "Invalid JSON"),
    ],
)
def test_a_broken_file_of_tuned_rows_is_one_clear_error(
    call: Any, suite: Path, tmp_path: Path, old: str, new: str, message: str
) -> None:
    exported = tmp_path / "quick.tuned.json"
    call("tune", "--suite", suite, "--algorithm", "ease", "--trials", 1, "--export", exported)
    exported.write_text(exported.read_text().replace(old, new, 1))
    suite.write_text('tuned = "quick.tuned.json"' + SUITE)
    done = call("run", "--suite", suite)
    assert done.code == 2
    assert message in done.err
    assert done.err.count("\n") == 1
