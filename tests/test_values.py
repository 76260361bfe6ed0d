"""Values per user of rows as matrices of the same users."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bench.errors import DataError
from bench.store import PER_USER_FILE
from bench.values import matrices

NAN = float("nan")


def test_seeds_are_columns_in_ascending_order(make_run: Any) -> None:
    runs = [make_run("a", per_user={"ndcg@10": [seed, seed + 0.5]}, seed=seed) for seed in (12, 3, 7)]
    assert matrices({"a": runs}, "ndcg@10")["a"].tolist() == [[3, 7, 12], [3.5, 7.5, 12.5]]


def test_users_are_matched_by_name(make_run: Any) -> None:
    rows = {
        "a": [make_run("a", per_user={"ndcg@10": [1, 2, 3]}, users=["x", "y", "z"])],
        "b": [make_run("b", per_user={"ndcg@10": [30, 10, 40]}, users=["z", "x", "w"])],
    }
    found = matrices(rows, "ndcg@10")
    assert np.array_equal(found["a"], [[1], [2], [3], [NAN]], equal_nan=True)
    assert np.array_equal(found["b"], [[10], [NAN], [30], [40]], equal_nan=True)


def test_a_user_of_folds_of_unequal_size_has_what_they_contribute_to_the_mean_of_fold_means(make_run: Any) -> None:
    folds = [(["x", "y", "z"], [1, NAN, NAN]), (["y", "x", "z"], [5, 2, NAN])]
    runs = [
        make_run("a", per_user={"ndcg@10": values}, users=users, fold_fields={"index": index, "count": 2})
        for index, (users, values) in enumerate(folds)
    ]
    assert np.array_equal(matrices({"a": runs}, "ndcg@10")["a"], [[1.5], [3.0], [NAN]], equal_nan=True)


def test_where_every_fold_tests_every_user_a_user_has_the_mean_over_folds(make_run: Any) -> None:
    runs = [
        make_run("a", per_user={"ndcg@10": values}, users=["x", "y"], fold_fields={"index": index, "count": 2})
        for index, values in enumerate([[1.0, 5.0], [2.0, 3.0]])
    ]
    assert np.allclose(matrices({"a": runs}, "ndcg@10")["a"], [[1.5], [4.0]])


def test_rows_are_left_out_where_a_record_has_no_values_a_user(make_run: Any) -> None:
    rows = {
        "a": [make_run("a", per_user={"ndcg@10": [1, 2]})],
        "no table": [make_run("b", per_user={"ndcg@10": [1, 2]}), make_run("b", metrics={"ndcg@10": 1.0}, seed=2)],
        "no column": [make_run("c", per_user={"hit@10": [1, 2]}, metrics={"ndcg@10": 1.0})],
        "no runs": [],
    }
    assert list(matrices(rows, "ndcg@10")) == ["a"]


def test_a_broken_table_is_named(make_run: Any) -> None:
    run = make_run("a", per_user={"ndcg@10": [1, 2]})
    (run.path / PER_USER_FILE).write_bytes(b"not parquet")
    with pytest.raises(DataError, match=rf"cannot read {run.path / PER_USER_FILE}: "):
        matrices({"a": [run]}, "ndcg@10")
