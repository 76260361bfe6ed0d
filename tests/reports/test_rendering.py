"""Markdown, CSV and JSON of a board, to the letter."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from bench.records import Status
from bench_reports.leaderboard import leaderboard, render_csv, render_json, render_markdown
from bench_reports.rendering import failures, seconds, size


@pytest.fixture
def runs(make_run: Any) -> list[Any]:
    return [
        make_run("ease", metrics={"ndcg@10": 0.41234, "hit@10": 0.5}),
        make_run("vae", metrics={"ndcg@10": 0.43, "hit@10": 0.5}, trials=20),
        make_run("lstm", status=Status.DIVERGED, reason="loss is not finite in epoch 3\nsecond line"),
    ]


def test_markdown(runs: list[Any]) -> None:
    assert render_markdown(leaderboard(runs)) == "\n".join(
        [
            "### smoke-v1 · holdout · 20 users",
            "",
            "| # | algorithm | ndcg@10 | hit@10 | fit | users/s | memory | tuning | status |",
            "| ---: | --- | ---: | ---: | ---: | ---: | ---: | --- | --- |",
            "| 1 | vae | **0.4300** | **0.5000** | 3.0 s | 40 | 300 MiB | 20 trials | ok |",
            "| 2 | ease | 0.4123 | **0.5000** | 3.0 s | 40 | 300 MiB | defaults | ok |",
            "| — | lstm | — | — | 3.0 s | — | 300 MiB | defaults | diverged |",
            "",
            "- lstm: diverged — loss is not finite in epoch 3",
            "- tuned on validation with 20 trials, but for defaults: ease, lstm. Unequal budgets favour who had more.",
        ]
    )


def test_markdown_has_a_table_a_task_and_escapes_bars(make_run: Any) -> None:
    tasks = [make_run("a", metrics={"ndcg@10": 0.1}, task=task) for task in ("holdout", "next-item")]
    text = render_markdown(leaderboard([*tasks, make_run("x|y", metrics={"ndcg@10": 0.1})]))
    assert text.count("### smoke-v1") == 2
    assert r"| x\|y |" in text


def test_columns_that_say_nothing_are_left_out(make_run: Any) -> None:
    header = render_markdown(leaderboard([make_run("a", metrics={"ndcg@10": 0.1})])).splitlines()[2]
    assert header == "| # | algorithm | ndcg@10 | fit | users/s | memory |"
    runs = [make_run("a", metrics={"ndcg@10": 0.1}, seed=seed) for seed in (1, 2)]
    assert "| # | algorithm | seeds | ndcg@10 |" in render_markdown(leaderboard(runs))


def test_some_failed_seeds_are_counted_in_the_status(make_run: Any) -> None:
    runs = [make_run("a", metrics={"ndcg@10": 0.1}, seed=seed) for seed in (1, 2)]
    board = leaderboard([*runs, make_run("a", status=Status.TIMEOUT, reason="60 s", seed=3)])
    assert "- a: timeout (1 of 3) — 60 s" in render_markdown(board)


def test_rows_that_failed_alike_share_a_line(make_run: Any) -> None:
    alike = [make_run(name, status=Status.FAILED, reason="disk full") for name in ("b", "a")]
    board = leaderboard([*alike, make_run("c", status=Status.FAILED)])
    assert failures(board.tasks[0]) == ["a, b: failed — disk full", "c: failed"]


def test_json(runs: list[Any]) -> None:
    rows = json.loads(render_json(leaderboard(runs)))
    assert [(row["task"], row["rank"], row["algorithm"], row["seeds"], row["status"]) for row in rows] == [
        ("holdout", 1, "vae", [1], "ok"),
        ("holdout", 2, "ease", [1], "ok"),
        ("holdout", None, "lstm", [1], "diverged"),
    ]
    assert rows[1]["metrics"] == {"ndcg@10": 0.41234, "hit@10": 0.5}
    assert rows[2]["metrics"] == {"ndcg@10": None, "hit@10": None}
    assert rows[2]["reason"] == "loss is not finite in epoch 3\nsecond line"
    assert rows[1]["timings"]["recommend_seconds"] == 0.5
    assert rows[0]["tuning"]["trials"] == 20
    assert rows[1]["tuning"] is None
    assert rows[1]["record"] == str(runs[0].path)
    assert rows[1]["records"] == [str(runs[0].path)]


@pytest.fixture
def certain(make_run: Any) -> list[Any]:
    """One row with two seeds, ease about as good, random worse, and an old record."""
    base = np.random.default_rng(0).random(50)
    return [
        make_run("vae", per_user={"ndcg@10": base + 0.01}, metrics={"hit@10": 0.5}, seed=1),
        make_run("vae", per_user={"ndcg@10": base + 0.03}, metrics={"hit@10": 0.5}, seed=2),
        make_run("ease", per_user={"ndcg@10": base}, metrics={"hit@10": 0.6}, seed=1),
        make_run("random", per_user={"ndcg@10": base - 0.5}, metrics={"hit@10": 0.1}, seed=1),
        make_run("old", metrics={"ndcg@10": 0.1, "hit@10": 0.1}, seed=1),
    ]


def test_markdown_with_intervals(certain: list[Any]) -> None:
    lines = render_markdown(leaderboard(certain)).splitlines()
    assert lines[2].startswith("| # | algorithm | seeds | ndcg@10 | 95% interval | ± seeds | ± users | hit@10 | fit |")
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[4:8]]
    assert [row[:2] for row in cells] == [["1", "vae"], ["≈ 2", "ease"], ["3", "old"], ["4", "random"]]
    assert cells[0][5] == "0.0141"
    assert cells[1][5] == cells[2][4] == cells[2][5] == cells[2][6] == "—"
    for own in (cells[0], cells[1], cells[3]):
        low, high = re.fullmatch(r"(-?\d\.\d{4})–(-?\d\.\d{4})", own[4]).groups()  # type: ignore[union-attr]
        assert float(low) < float(own[3].strip("*")) < float(high)
        assert float(own[6]) > 0.03


def test_without_several_seeds_the_spread_of_seeds_is_no_column(certain: list[Any]) -> None:
    header = render_markdown(leaderboard([certain[0], *certain[2:]])).splitlines()[2]
    assert "| ndcg@10 | 95% interval | hit@10 |" in header


def test_json_and_csv_with_intervals(certain: list[Any]) -> None:
    board = leaderboard(certain)
    rows = {row["algorithm"]: row for row in json.loads(render_json(board))}
    assert {name: row["tied_with_best"] for name, row in rows.items()} == {
        "vae": False,
        "ease": True,
        "old": False,
        "random": False,
    }
    assert rows["old"]["interval"] is None
    assert (rows["vae"]["interval"]["metric"], rows["vae"]["interval"]["level"]) == ("ndcg@10", 0.95)
    assert rows["ease"]["interval"]["seeds_sd"] is None
    table = {row["algorithm"]: row for row in csv.DictReader(io.StringIO(render_csv(board)))}
    assert (table["old"]["interval_low"], table["old"]["interval_high"]) == ("", "")
    for name in ("vae", "ease", "random"):
        low, high = rows[name]["interval"]["low"], rows[name]["interval"]["high"]
        assert low < rows[name]["metrics"]["ndcg@10"] < high
        assert (table[name]["interval_low"], table[name]["interval_high"]) == (repr(low), repr(high))
    assert table["ease"]["tied_with_best"] == "True"


def test_one_user_has_no_interval_and_makes_no_nan(make_run: Any) -> None:
    runs = [make_run(name, per_user={"ndcg@10": [value]}) for name, value in [("a", 0.5), ("b", 0.4)]]
    board = leaderboard(runs)
    for row in json.loads(render_json(board)):
        assert (row["interval"]["low"], row["interval"]["high"], row["interval"]["users_se"]) == (None, None, None)
    assert "| 1 | a | **0.5000** | — |" in render_markdown(board)
    assert "nan" not in render_csv(board)


def test_sampled_candidates_and_folds_are_in_json_and_csv(make_run: Any) -> None:
    sampled = {"candidates": {"strategy": "uniform", "n": 99}}
    runs = [
        make_run("a", metrics={"ndcg@10": 0.1}, fold_fields={"rules": sampled, "index": index, "count": 2})
        for index in (0, 1)
    ]
    (row,) = json.loads(render_json(leaderboard(runs)))
    assert (row["candidates"], row["seeds"]) == ("99 sampled candidates (uniform)", [1, 1])
    (line,) = csv.DictReader(io.StringIO(render_csv(leaderboard(runs))))
    assert (line["candidates"], line["seeds"]) == ("99 sampled candidates (uniform)", "1")


def test_csv_has_the_union_of_metrics_and_one_row_a_line(runs: list[Any], make_run: Any) -> None:
    other = make_run("ease", metrics={"ndcg@10": 0.1, "recall@10": 0.25}, task="next-item", seed=4)
    rows = list(csv.DictReader(io.StringIO(render_csv(leaderboard([*runs, other])))))
    assert [row["algorithm"] for row in rows] == ["vae", "ease", "lstm", "ease"]
    assert [row["recall@10"] for row in rows] == ["", "", "", "0.25"]
    assert [row["ndcg@10"] for row in rows] == ["0.43", "0.41234", "", "0.1"]
    assert [row["tuning_trials"] for row in rows] == ["20", "0", "0", "0"]
    assert [row["seeds"] for row in rows] == ["1", "1", "1", "4"]
    assert rows[3]["record"] == str(other.path)


def test_an_empty_board_renders() -> None:
    board = leaderboard([])
    assert (render_markdown(board), json.loads(render_json(board)), render_csv(board)) == ("", [], "")


@pytest.mark.parametrize(
    ("value", "text"), [(0.034, "0.03 s"), (4.24, "4.2 s"), (85.4, "85 s"), (299, "299 s"), (720, "12 min")]
)
def test_seconds_are_short(value: float, text: str) -> None:
    assert seconds(value) == text


@pytest.mark.parametrize(("value", "text"), [(0, "—"), (480 * 2**20, "480 MiB"), (3 * 2**29, "1.5 GiB")])
def test_sizes_are_short(value: int, text: str) -> None:
    assert size(value) == text


def test_a_leaderboard_needs_nothing_heavy() -> None:
    code = (
        "import sys; from bench_reports.leaderboard import leaderboard, render_json; render_json(leaderboard([]));"
        "print({'torch', 'mlflow', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
