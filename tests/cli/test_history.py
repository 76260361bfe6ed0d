"""`bench history`: what the terminal shows, and the other formats."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from bench.cli.history import print_history, sparkline
from bench.records import Code, Status
from bench_reports.history import timelines

USERS = np.random.default_rng(0).random(200)
NOISE = np.random.default_rng(1).normal(0, 0.02, 200)


def code(day: int) -> Code:
    return Code(version="0", content=str(day), commit=f"{day}" * 40, dirty=day == 3)


@pytest.fixture
def runs(make_run: Any) -> list[Any]:
    """A row that got better, changed nothing, failed, and moved to another split, and one that never changed."""
    steps = [(1, USERS), (2, USERS + 0.1 + NOISE), (3, USERS + 0.1 + NOISE)]
    ease = [make_run("ease", per_user={"ndcg@10": values}, day=day, code=code(day)) for day, values in steps]
    return [
        *ease,
        make_run("ease", status=Status.TIMEOUT, reason="60 s", day=4, code=code(4)),
        make_run("ease", per_user={"ndcg@10": USERS}, day=5, code=code(3), fold="0" * 64, fold_fields={"seed": 7}),
        make_run("popularity", per_user={"ndcg@10": USERS / 4}, day=1),
    ]


def printed(runs: list[Any], width: int) -> list[str]:
    console = Console(width=width, file=io.StringIO(), highlight=False)
    print_history(timelines(runs), console)
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_a_line_a_setup(runs: list[Any]) -> None:
    lines = printed(runs, 140)
    assert lines[0] == "smoke · holdout · ndcg@10"
    ease = [line.split() for line in lines[3:8]]
    assert [cells[-1] for cells in ease[1:3]] == ["code", "code"]
    assert ease[0][:5] == ["ease", "▁██│▄", "2026-01-01", "1111111", f"{USERS.mean():.4f}"]
    assert ease[1][3:5] == [f"{(0.1 + NOISE).mean():+.4f}", "better"]
    assert ease[2][1:5] == ["3333333*", f"{(USERS + 0.1 + NOISE).mean():.4f}", "+0.0000", "="]
    assert ease[3][2:4] == ["—", "timeout"]
    assert ease[4][3] == "anew"
    assert lines[7].endswith("split: seed 1 → 7")
    assert lines[8].split()[0] == "popularity"


def test_below_the_table_signs_and_test_are_explained(runs: list[Any]) -> None:
    text = " ".join(" ".join(printed(runs, 140)[9:]).split())
    assert "paired t test over users, level 5 %." in text
    assert "= the same for every user; anew: data, split or metric changed" in text
    assert "* with changes that are in no commit." in text
    assert "?" not in text


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_it_fits_and_keeps_the_numbers(runs: list[Any], width: int) -> None:
    lines = printed(runs, width)
    assert max(map(len, lines)) <= width
    value, change = f"{(USERS + 0.1 + NOISE).mean():.4f}", f"{(0.1 + NOISE).mean():+.4f}"
    assert sum(value in line and change in line and "better" in line for line in lines) == 1


def test_one_setup_a_row_says_that_changes_come_later(make_run: Any) -> None:
    lines = printed([make_run("a", metrics={"ndcg@10": 0.1}), make_run("b", metrics={"ndcg@10": 0.2})], 100)
    assert [line.split()[0] for line in lines[3:5]] == ["b", "a"]
    assert "change" not in lines[1]
    assert "one setup of every row so far" in lines[5]


def test_several_points_on_one_day_have_their_times(make_run: Any) -> None:
    days = ["2026-01-01T09:30:00+00:00", "2026-01-01T18:00:00+02:00"]
    runs = [
        make_run("a", metrics={"ndcg@10": 0.1}, day=day, started_at=when, code=code(day))
        for day, when in enumerate(days, 1)
    ]
    lines = printed(runs, 120)
    assert "2026-01-01 09:30" in lines[3]
    assert "2026-01-01 16:00" in lines[4]


def test_a_sparkline_has_a_scale_a_segment(runs: list[Any]) -> None:
    ease, popularity = timelines(runs)
    assert sparkline(ease) == "▁██│▄"
    assert sparkline(popularity) == ""


def test_the_command(call: Any, runs: list[Any], tmp_path: Path) -> None:
    out = ("history", "--out", tmp_path / "runs", "--suite", "smoke", "--algorithm", "ease")
    assert call(*out).out.startswith("smoke · holdout · ndcg@10\n")
    (timeline,) = json.loads(call(*out, "--format", "json").out)
    assert [point["verdict"] for point in timeline["points"]] == [
        "untested",
        "better",
        "same",
        "untested",
        "untested",
    ]
    assert len(list(csv.DictReader(io.StringIO(call(*out, "--format", "csv").out)))) == 5
    done = call("history", "--out", tmp_path / "runs", "--algorithm", "eas")
    assert (done.code, done.err) == (
        2,
        "error: unknown row among the results 'eas'. Did you mean 'ease'? Known: ease, popularity.\n",
    )
