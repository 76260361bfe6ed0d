"""`bench run` on files of one's own: folds, kinds of task, slices, leaks, and the checks before time is spent."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.cli.run import passed_over
from bench.cli.sync import leaderboard_notes
from bench.store import Store
from bench.tracking import Mirror
from bench_reports.board import Board
from bench_reports.leaderboard import leaderboard

TASKS = {
    "crossed": 'splitter = "k-fold"\noptions = { folds = 3, validation = 0 }',
    "sampled": 'splitter = "holdout"\ncandidates = { n = 5, strategy = "popularity" }',
    "ratings": 'splitter = "holdout"\nkind = "rating"\nprimary_metric = "rmse"',
}
HOLDOUT = {"holdout": 'splitter = "holdout"'}


class Folder:
    """A data set in files, suites beside it, and a folder for results that is not there yet."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.out = folder, folder / "runs"
        (folder / "mine").mkdir()
        rng = np.random.default_rng(0)
        lists = [rng.choice(25, rng.integers(6, 15), replace=False) for _ in range(50)]
        self.events = [(f"u{user:02}", f"i{item:02}") for user, items in enumerate(lists) for item in items]
        self.write(self.events)
        users = "".join(f"u{user:02},{'fm'[user % 2]}\n" for user in range(50))
        (folder / "mine" / "user_features.csv").write_text("user,gender\n" + users)

    def write(self, events: list[tuple[str, str]]) -> None:
        """A row an event, with a rating and a time."""
        rows = [f"{user},{item},{row % 5 + 1},{row * 60}\n" for row, (user, item) in enumerate(events)]
        (self.folder / "mine" / "interactions.csv").write_text("user,item,rating,timestamp\n" + "".join(rows))

    def suite(self, tasks: dict[str, str], **changes: Any) -> Path:
        """A suite file."""
        values = {
            "name": "mine",
            "version": 1,
            "description": "none",
            "dataset": "./mine",
            "seed": 1,
            "metrics": ["ndcg@5", "recall@5", "rmse"],
            "primary_metric": "ndcg@5",
            **changes,
        }
        lines = [f"{name} = {json.dumps(value)}" for name, value in values.items()]
        lines += ["[filters]", 'duplicates = "keep"']
        lines += [f"[tasks.{name}]\n{content}" for name, content in tasks.items()]
        lines += ["[algorithms.popularity]", "[algorithms.bias]"]
        path = self.folder / "mine.toml"
        path.write_text("\n".join(lines) + "\n")
        return path


@pytest.fixture
def mine(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.fixture(autouse=True)
def unmirrored(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fresh MLflow store for each test would take most of the time."""
    monkeypatch.setattr(Mirror, "start", lambda self: None)
    monkeypatch.setattr(Mirror, "submit", lambda self, stored: None)


def test_folds_kinds_of_tasks_and_slices_all_the_way_to_the_leaderboard(call: Any, mine: Folder) -> None:
    suite = mine.suite(TASKS, slices=["gender"])
    done = call("run", "--suite", suite, "--out", mine.out, "--json")
    assert done.code == 0, done.err
    board = {(row["task"], row["algorithm"]): row for row in json.loads(done.out)}
    both = {"popularity", "bias"}
    assert set(board) == {(task, row) for task in ("crossed", "sampled") for row in both} | {("ratings", "bias")}
    stored = [one.record for one in Store(mine.out).all()]
    crossed = [record for record in stored if (record.task, record.row) == ("crossed", "popularity")]
    assert [record.fold.count for record in crossed] == [3, 3, 3]
    assert len({record.fold.fingerprint for record in crossed}) == 3
    assert len({record.fold.split for record in crossed}) == 1
    assert len(stored) == 2 * 3 + 2 + 1
    assert set(board["sampled", "popularity"]["metrics"]) == {"sampled-ndcg@5", "sampled-recall@5"}
    assert set(board["ratings", "bias"]["metrics"]) == {"rmse"}
    assert {*crossed[0].slices["user:gender"]} == {"f", "m"}
    assert all(record.fold.audit for record in stored)


def test_a_planted_leak_fails_the_run_in_one_line_and_an_allowed_one_is_in_the_record(call: Any, mine: Folder) -> None:
    mine.write([*mine.events, *mine.events])
    done = call("run", "--suite", mine.suite(HOLDOUT), "--out", mine.out)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "the task 'holdout' leaks: " in done.err
    assert 'allow_leaks = ["pair-overlap", "validation-pair-overlap"]' in done.err
    assert not list(Store(mine.out).all())
    allowed = {"holdout": HOLDOUT["holdout"] + '\nallow_leaks = ["pair-overlap", "validation-pair-overlap"]'}
    done = call("run", "--suite", mine.suite(allowed), "--only", "popularity", "--out", mine.out)
    assert done.code == 0, done.err
    (stored,) = Store(mine.out).all()
    leaks = {finding.kind for finding in stored.record.fold.audit if finding.severity == "leak"}
    assert leaks == {"pair-overlap", "validation-pair-overlap"}
    assert "audit: leak (pair-overlap)" in done.out


def test_a_dry_run_says_what_it_found_and_writes_nothing(call: Any, mine: Folder) -> None:
    suite = mine.suite(TASKS, smallest_difference=0.001)
    before = sorted(mine.folder.rglob("*"))
    done = call("run", "--suite", suite, "--out", mine.out, "--dry-run")
    assert done.code == 0, done.err
    words = " ".join(done.out.split())
    assert "tell a perfect prediction from a random one" in words
    assert "the suite's smallest of interest is 0.001" in words
    assert "jobs to run: 9; none has an earlier run" in words
    assert sorted(mine.folder.rglob("*")) == before


@pytest.mark.parametrize("options", [["--dry-run"], []])
def test_a_blind_primary_metric_stops_before_any_job(call: Any, mine: Folder, options: list[str]) -> None:
    suite = mine.suite(HOLDOUT, metrics=["hit@25"], primary_metric="hit@25")
    done = call("run", "--suite", suite, "--out", mine.out, *options)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "holdout: hit@25 cannot tell a perfect prediction from a random one on this fold" in done.err
    assert not list(Store(mine.out).all())
    assert mine.out.exists() == (not options)


@pytest.mark.parametrize(
    ("changes", "task", "message"),
    [
        ({"slices": ["gendre"]}, "", "unknown user feature 'gendre'. Did you mean 'gender'?"),
        ({}, 'allow_leaks = ["pair-overlp"]', "unknown leak 'pair-overlp'. Did you mean 'pair-overlap'?"),
        ({}, "candidates = { n = 25 }", "there must be 25 items to draw for every user. Somebody has "),
        ({}, 'kind = "rating"', "unknown primary metric of the rating task 'holdout' 'ndcg@5'. Known: rmse"),
    ],
)
def test_mistakes_are_one_line(call: Any, mine: Folder, changes: dict[str, Any], task: str, message: str) -> None:
    suite = mine.suite({"holdout": HOLDOUT["holdout"] + "\n" + task}, **changes)
    done = call("run", "--suite", suite, "--out", mine.out)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert message in done.err


def test_kept_results_that_the_leaderboard_does_not_show_are_named(make_run: Any) -> None:
    """An older setup was asked for again, and its results were kept; another setup is newer."""
    asked = [make_run("a", metrics={"ndcg@10": 0.1}, day=1), make_run("b", metrics={"ndcg@10": 0.1}, day=1)]
    newer = make_run("a", metrics={"ndcg@10": 0.2}, day=2, parameters={"l2": 2})
    assert passed_over(asked, [*asked, newer]) == [
        "kept, and older than what bench leaderboard shows of them: a. --rerun makes them newest."
    ]
    assert passed_over([newer], [*asked, newer]) == []


def test_a_board_that_shows_all_there_is_is_not_drawn_again(make_run: Any) -> None:
    runs = [make_run("a", metrics={"ndcg@10": 0.1}, task=task) for task in ("holdout", "next-item")]
    older = make_run("a", metrics={"ndcg@10": 0.2}, day=9, task="next-item", parameters={"l2": 2})
    marked = Board(tuple(replace(task, notes=("drawn before",)) for task in leaderboard(runs).tasks))
    notes = leaderboard_notes([*runs, older], marked)
    assert ["drawn before" in text for text in notes.values()] == [True, False]
    assert "0.2000" in list(notes.values())[1]
    assert "drawn before" not in "".join(leaderboard_notes(runs).values())


def test_bad_rows_stop_a_run_or_are_skipped_and_on_record(call: Any, mine: Folder) -> None:
    path = mine.folder / "mine" / "interactions.csv"
    path.write_text(path.read_text() + "u01,,3,100\nu02,i01,many,100\n")
    run = ("run", "--suite", mine.suite(HOLDOUT), "--only", "popularity", "--out", mine.out)
    done = call(*run)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert f"{path}, row {len(mine.events) + 1} after the header: item must not be missing" in done.err
    assert call(*run, "--skip-bad-rows").code == 0
    (stored,) = Store(mine.out).all()
    assert stored.record.fold.dropped[0] == {
        "step": "rows that could not be read",
        "interactions": 2,
        "users": 0,
        "items": 0,
    }
    assert stored.record.dataset.source.endswith("without 2 rows that cannot be read")
    assert call("reproduce", stored.path).code == 0, "it knows from the record that rows are to be skipped"
