"""`bench report`: which file it writes, of what, and what it says when it cannot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench.database import sqlite_uri
from bench.records import Code
from bench.tracking.markers import mark


@pytest.fixture
def runs(make_run: Any, tmp_path: Path) -> Path:
    """A store with two suites; smoke has two tasks."""
    for task in ("holdout", "next-item"):
        make_run("ease", metrics={"ndcg@10": 0.4, "hit@10": 0.1}, task=task)
        make_run("vae", metrics={"ndcg@10": 0.3, "hit@10": 0.2}, task=task)
    make_run("ease", metrics={"ndcg@10": 0.5, "hit@10": 0.6}, suite="movielens")
    return tmp_path / "runs"


def test_it_says_where_the_file_is_and_how_large(
    call: Any, runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = call("report", "--runs", runs)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"{tmp_path / 'report.html'}: 3 tasks, 5 runs, ")
    assert (tmp_path / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert not list(tmp_path.glob(".report*"))


def test_the_folder_of_the_results_is_that_of_the_other_commands(
    call: Any, runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_OUT", str(runs))
    file = tmp_path / "a.html"
    assert call("report", "--suite", "smoke", "--task", "next-item", "--out", file).code == 0
    text = file.read_text(encoding="utf-8")
    assert 'id="task-1"' in text and 'id="task-2"' not in text
    assert "next-item" in text and "movielens" not in text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--suite", "smok"], "unknown suite among the results 'smok'. Did you mean 'smoke'? Known: "),
        (["--task", "next"], "unknown task among the results 'next'. Did you mean 'next-item'? Known: "),
        (["--out", "runs"], "--out is the file of the report, such as report.html. Got the folder 'runs'; see --runs."),
        (["--out", "no/r.html"], "the folder of --out must exist. Got 'no/r.html'."),
    ],
)
def test_an_error_is_one_line(
    call: Any, runs: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], message: str
) -> None:
    monkeypatch.chdir(runs.parent)
    done = call("report", "--runs", runs, *options)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert done.err.startswith(f"error: {message}")
    assert not list(runs.parent.glob("*.html"))


def test_no_results_say_what_to_do(call: Any, tmp_path: Path) -> None:
    done = call("report", "--runs", tmp_path / "none", "--out", tmp_path / "r.html")
    assert done.code == 2
    assert done.err == f"error: there are no results in '{tmp_path / 'none'}' yet. Run: bench run --suite movielens\n"


@pytest.mark.parametrize(
    ("uri", "address"), [(None, "http://127.0.0.1:5000"), ("http://tracking:8080", "http://tracking:8080")]
)
def test_runs_that_mlflow_has_are_linked(call: Any, runs: Path, tmp_path: Path, uri: str | None, address: str) -> None:
    (folder,) = (runs / "movielens-v1" / "holdout" / "ease").iterdir()
    attempt = json.loads((folder / "record.json").read_text())["attempt"]
    mark(folder, uri or sqlite_uri(runs.resolve() / "mlflow.db"), attempt, "0a1b")
    options = [] if uri is None else ["--tracking-uri", uri]
    assert call("report", "--runs", runs, "--out", tmp_path / "r.html", *options).code == 0
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert text.count(f'href="{address}/#/runs/0a1b"') == text.count("/#/runs/") == 1


def test_runs_that_the_board_does_not_show_are_in_its_history(call: Any, make_run: Any, tmp_path: Path) -> None:
    for day, value in enumerate((0.3, 0.4), start=1):
        code = Code(version="0", content=str(day), commit=f"{day}" * 40, dirty=False)
        make_run("ease", metrics={"ndcg@10": value}, day=day, code=code)
    file = tmp_path / "a.html"
    assert call("report", "--runs", tmp_path / "runs", "--out", file).code == 0
    assert "History: holdout" in file.read_text(encoding="utf-8")
