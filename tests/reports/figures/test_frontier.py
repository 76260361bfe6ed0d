"""Quality against cost: a planted frontier, in words, in the table and as Vega finds it in the picture."""

from __future__ import annotations

from typing import Any

import pytest

from bench.records import Status, Timings
from bench_reports.figures.frontier import _Axis, pareto, ticks

PLANTED = {"cheap": (0.1, 1.0), "middle": (0.3, 4.0), "beaten": (0.2, 5.0), "dear": (0.5, 90.0), "same": (0.5, 95.0)}
FRONT = ["cheap", "middle", "dear"]


def planted(make_run: Any, **fields: Any) -> list[Any]:
    return [
        make_run(name, metrics={"ndcg@10": quality}, timings=Timings(fit_seconds=cost, recommend_seconds=1.0), **fields)
        for name, (quality, cost) in PLANTED.items()
    ]


def axes(**options: bool) -> tuple[_Axis, _Axis]:
    quality = _Axis("q", {name: value for name, (value, _) in PLANTED.items()}, higher_is_better=True, log=False)
    return quality, _Axis("c", {name: cost for name, (_, cost) in PLANTED.items()}, **options)


def test_on_the_frontier_is_what_nothing_cheaper_equals() -> None:
    assert pareto(*axes()) == FRONT
    assert pareto(*axes(higher_is_better=True)) == ["same"]


def test_of_equal_cost_only_the_better_is_on_it_and_lower_may_be_better() -> None:
    cost = _Axis("c", {"a": 1.0, "b": 1.0, "c": 2.0})
    assert pareto(_Axis("q", {"a": 1.0, "b": 2.0, "c": 3.0}, higher_is_better=True), cost) == ["b", "c"]
    assert pareto(_Axis("q", {"a": 1.0, "b": 2.0, "c": 3.0}, higher_is_better=False), cost) == ["a"]


def test_the_picture_numbers_the_frontier_as_the_table_and_the_words_do(
    make_run: Any, figure_of: Any, written: Any
) -> None:
    figure = figure_of(planted(make_run), "-frontier")
    assert [row[0] for row in figure.rows if row[-1] == "yes"] == FRONT[::-1]
    assert "cheap, middle and dear" in figure.summary
    texts = written(figure)
    entries = sorted(text for text in texts if "  " in text)
    assert entries == [f"{place}  {name}" for place, name in enumerate(FRONT, 1)]
    assert "fit time (seconds, log scale)" in texts
    assert {"1", "10"} <= set(texts)


def test_a_lower_metric_turns_the_frontier(make_run: Any, figure_of: Any, written: Any) -> None:
    figure = figure_of(planted(make_run, higher_is_better=False), "-frontier")
    assert [row[0] for row in figure.rows if row[-1] == "yes"] == ["cheap"]
    assert "1  cheap" in written(figure)
    assert "↓ ndcg@10 (lower is better)" in written(figure)


def test_failed_rows_and_undefined_values_are_no_points(make_run: Any, figure_of: Any) -> None:
    runs = [*planted(make_run), make_run("broken", status=Status.FAILED), make_run("none", metrics={"ndcg@10": None})]
    figure = figure_of(runs, "-frontier")
    assert {row[0] for row in figure.rows} == set(PLANTED)
    assert figure_of([runs[0], runs[-2]], "-frontier") is None


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.002, 30.0], [0.01, 0.1, 1, 10]),
        ([0.9, 31.0], [1, 3, 10, 30]),
        ([440.0, 820.0], [500, 600, 700, 800]),
        ([5.0, 5.0], [5]),
    ],
)
def test_ticks_are_round_numbers_within_the_axis(values: list[float], expected: list[float]) -> None:
    assert ticks(_Axis("c", {str(place): value for place, value in enumerate(values)})) == pytest.approx(expected)


def test_a_fit_of_no_time_at_all_is_drawn(make_run: Any, figure_of: Any, written: Any) -> None:
    runs = [
        make_run(name, metrics={"ndcg@10": 0.1 + seconds}, timings=Timings(fit_seconds=seconds, recommend_seconds=0.1))
        for name, seconds in [("none", 0.0), ("some", 0.5)]
    ]
    assert "1  none" in written(figure_of(runs, "-frontier"))
