"""A metric by groups: means over seeds, the gap, and what is left out."""

from __future__ import annotations

from typing import Any

import pytest

from bench.errors import UnknownNameError, UsageError
from bench.records import Status
from bench.slices import SliceValue
from bench_reports.slices import json_tables, slice_tables

GROUPS = {"low": 0.1, "high": 0.4}


def sliced(values: dict[str, float | None], family: str = "user-activity") -> dict[str, dict[str, SliceValue]]:
    return {family: {name: SliceValue(n_users=7, metrics={"ndcg@10": value}) for name, value in values.items()}}


def run(make_run: Any, row: str, values: dict[str, float | None], whole: float = 0.3, **fields: Any) -> Any:
    return make_run(row, metrics={"ndcg@10": whole}, slices=sliced(values), **fields)


def test_a_line_is_the_mean_over_seeds_with_its_gap(make_run: Any) -> None:
    runs = [run(make_run, "a", {"low": low, "high": 0.4}, seed=seed) for seed, low in [(1, 0.1), (2, 0.3)]]
    (table,) = slice_tables(runs)
    assert (table.family, table.groups, table.n_users) == ("user-activity", ("low", "high"), (7, 7))
    assert table.rows[0].values == pytest.approx((0.2, 0.4))
    assert table.rows[0].gap == pytest.approx(0.2)


def test_the_best_of_the_whole_comes_first(make_run: Any) -> None:
    runs = [run(make_run, "a", GROUPS, whole=0.2), run(make_run, "b", GROUPS, whole=0.5)]
    assert [row.algorithm for row in slice_tables(runs)[0].rows] == ["b", "a"]
    lower = [run(make_run, name, GROUPS, whole=v, higher_is_better=False) for name, v in [("a", 0.2), ("b", 0.5)]]
    assert [row.algorithm for row in slice_tables(lower)[0].rows] == ["a", "b"]


def test_a_group_without_a_value_has_none_and_does_not_count_in_the_gap(make_run: Any) -> None:
    runs = [run(make_run, "a", {"low": 0.1, "middle": None, "high": 0.4})]
    (row,) = slice_tables(runs)[0].rows
    assert row.values == (0.1, None, 0.4)
    assert row.gap == pytest.approx(0.3)


def test_what_divides_nothing_and_failed_runs_are_left_out(make_run: Any) -> None:
    runs = [
        run(make_run, "a", GROUPS),
        make_run("b", status=Status.FAILED),
        make_run("c", metrics={"ndcg@10": 0.1}, task="t", slices=sliced({"warm": 0.1})),
    ]
    (table,) = slice_tables(runs)
    assert [row.algorithm for row in table.rows] == ["a"]


def test_json_names_the_groups(make_run: Any) -> None:
    (found,) = json_tables(slice_tables([run(make_run, "a", GROUPS)]))
    assert found["groups"] == GROUPS
    assert found["n_users"] == {"low": 7, "high": 7}


def test_unknown_names_and_records_without_slices_are_errors(make_run: Any) -> None:
    runs = [run(make_run, "a", GROUPS)]
    with pytest.raises(UnknownNameError, match="user-activity"):
        slice_tables(runs, families=["user-activty"])
    with pytest.raises(UnknownNameError, match=r"ndcg@10"):
        slice_tables(runs, metric="ndgc@10")
    with pytest.raises(UsageError, match="no result here has slices"):
        slice_tables([make_run("old", metrics={"ndcg@10": 0.1})])
