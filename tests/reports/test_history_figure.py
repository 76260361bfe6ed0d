"""The figure of a history: what it draws, and what it says without a picture."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bench.records import Code, Status
from bench_reports.figures.drawing import svg_of
from bench_reports.figures.figure import Figure
from bench_reports.figures.history import history
from bench_reports.history import timelines

USERS = np.random.default_rng(0).random(200)
NOISE = np.random.default_rng(1).normal(0, 0.02, 200)


def code(day: int) -> Code:
    return Code(version="0", content=str(day), commit=f"{day}" * 40, dirty=False)


@pytest.fixture
def runs(make_run: Any) -> list[Any]:
    """Better, failed, then another split; beside it a row with one setup."""
    return [
        make_run("ease", per_user={"ndcg@10": USERS}, day=1, code=code(1)),
        make_run("ease", per_user={"ndcg@10": USERS + 0.1 + NOISE}, day=2, code=code(2)),
        make_run("ease", status=Status.FAILED, reason="no", day=3, code=code(3)),
        make_run("ease", per_user={"ndcg@10": USERS}, day=4, code=code(2), fold="0" * 64),
        make_run("popularity", per_user={"ndcg@10": USERS / 4}, day=1, code=code(1)),
    ]


def drawn(figure: Figure) -> list[dict[str, Any]]:
    """The rows that the specification draws."""
    (values,) = figure.spec["datasets"].values()
    return list(values)


def test_it_draws_values_and_breaks_where_they_start_anew(runs: list[Any]) -> None:
    (figure,) = history(timelines(runs))
    points = drawn(figure)
    assert [(point["n"], point["g"], point["a"], point["s"]) for point in points] == [
        ("ease", 0, False, "first"),
        ("ease", 0, False, "better"),
        ("ease", 1, True, "first"),
    ]
    assert [point["k"] for point in points] == ["", "code", "split"]


def test_its_table_has_every_setup(runs: list[Any]) -> None:
    (figure,) = history(timelines(runs))
    assert [(row[0], row[5]) for row in figure.rows] == [
        ("ease", ""),
        ("ease", "better"),
        ("ease", "failed"),
        ("ease", "starts anew"),
        ("popularity", ""),
    ]
    assert {len(row) for row in figure.rows} == {len(figure.columns)}


def test_its_summary_says_what_moved(runs: list[Any]) -> None:
    (figure,) = history(timelines(runs[:2]))
    assert "ndcg@10 of 1 algorithm over its setups on holdout" in figure.summary
    assert "Newest change: better: ease." in figure.summary
    (figure,) = history(timelines(runs))
    assert "none is known to be better or worse" in figure.summary


def test_without_a_second_value_there_is_none(runs: list[Any]) -> None:
    assert history(timelines([runs[0], runs[2], runs[4]])) == []


def test_it_can_be_drawn(runs: list[Any]) -> None:
    (figure,) = history(timelines(runs))
    assert svg_of(figure).startswith("<svg")
    assert figure.key == "smoke-holdout-ndcg-10-history"
