"""Intervals and ties on a board, from records with values a user."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bench.statistics import estimates
from bench.values import matrices
from bench_reports.board import BoardRow, TaskBoard
from bench_reports.leaderboard import leaderboard

N_USERS = 200
BASE = np.random.default_rng(0).beta(1, 3, N_USERS)


def near(shift: float, seed: int) -> Any:
    """Values of users about `shift` above the base, with noise of their own."""
    return BASE + shift + np.random.default_rng(seed).normal(0, 0.05, N_USERS)


def board_of(runs: list[Any], **options: Any) -> TaskBoard:
    (task,) = leaderboard(runs, **options).tasks
    return task


def row(board: TaskBoard, algorithm: str) -> BoardRow:
    return next(row for row in board.rows if row.algorithm == algorithm)


def tied(board: TaskBoard) -> list[str]:
    return [row.algorithm for row in board.rows if row.tied]


@pytest.fixture
def three(make_run: Any) -> list[Any]:
    """The row a is best, b is as good but for chance, c is worse."""
    return [make_run(name, per_user={"ndcg@10": near(*of)}) for name, of in TRIPLE.items()]


TRIPLE = {"a": (0.006, 1), "b": (0.0, 2), "c": (-0.1, 3)}


def test_rows_that_cannot_be_told_from_the_best_are_tied(three: list[Any]) -> None:
    board = board_of(three)
    assert [(row.rank, row.algorithm) for row in board.rows] == [(1, "a"), (2, "b"), (3, "c")]
    assert tied(board) == ["b"]
    assert board.notes[0] == (
        "≈ not separable from a by ndcg@10 (paired t test over users, Holm's correction over 3 pairs, level 5 %)."
    )


def test_a_best_row_that_stands_alone_is_said_to(make_run: Any) -> None:
    runs = [make_run(name, per_user={"ndcg@10": near(shift, 1)}) for name, shift in [("a", 0.3), ("b", 0.2)]]
    board = board_of(runs)
    assert tied(board) == []
    assert board.notes[0] == (
        "a is the best by ndcg@10: it is separable from the other row (paired t test over users, level 5 %)."
    )
    third = board_of([*runs, make_run("c", per_user={"ndcg@10": near(0.1, 1)})])
    assert third.notes[0].startswith("a is the best by ndcg@10: it is separable from every other row (paired t test")


def test_the_estimate_is_of_the_rows_own_values(three: list[Any]) -> None:
    board = board_of(three)
    for name in TRIPLE:
        found = row(board, name).estimate
        assert found is not None
        assert found.mean == pytest.approx(row(board, name).metrics["ndcg@10"])
        assert found.low < found.mean < found.high
        assert (found.n_users, found.n_seeds, found.seeds_sd) == (N_USERS, 1, None)


def test_several_seeds_are_part_of_the_interval_and_of_the_test(make_run: Any) -> None:
    luck = {1: -0.1, 2: 0.0, 3: 0.1}
    runs = [make_run("a", per_user={"ndcg@10": near(0.05 + luck[seed], seed)}, seed=seed) for seed in luck]
    runs.append(make_run("b", per_user={"ndcg@10": near(0.0, 9)}, seed=1))
    board = board_of(runs)
    of_a, of_b = row(board, "a").estimate, row(board, "b").estimate
    assert of_a is not None
    assert of_b is not None
    assert of_a.seeds_sd == pytest.approx(0.1, abs=0.02)
    assert of_b.seeds_sd is None
    assert of_a.high - of_a.low > 2 * (of_b.high - of_b.low)
    assert tied(board) == ["b"], "by users alone a would have been called better"
    assert "(paired t test over users and seeds, level 5 %)" in board.notes[0]


def test_lower_is_better_for_some(make_run: Any) -> None:
    runs = [
        make_run(name, per_user={"ndcg@10": near(*of)}, higher_is_better=False)
        for name, of in {"a": (0.3, 1), "b": (0.0, 2), "c": (0.0, 3)}.items()
    ]
    board = board_of(runs)
    best, second = board.rows[0].algorithm, board.rows[1].algorithm
    assert {best, second} == {"b", "c"}
    assert tied(board) == [second]
    assert board.notes[0].startswith(f"≈ not separable from {best} by ndcg@10")


def test_a_record_without_values_a_user_is_shown_without_an_interval(three: list[Any], make_run: Any) -> None:
    board = board_of([*three, make_run("old", metrics={"ndcg@10": 0.9})])
    assert (row(board, "old").rank, row(board, "old").estimate, row(board, "old").tied) == (1, None, False)
    assert tied(board) == ["b"]
    assert board.notes[1] == "no values of ndcg@10 a user in the records of old: no interval, and not tested."


def test_only_old_records_make_a_board_without_intervals(make_run: Any) -> None:
    board = board_of([make_run(name, metrics={"ndcg@10": 0.9}) for name in "ab"])
    assert [row.estimate for row in board.rows] == [None, None]
    assert board.notes == ("parameters are the suite's own; no row carries a tuning ledger.",)


@pytest.mark.parametrize("sort", ["coverage@10", "hit@10"])
def test_a_metric_that_says_nothing_of_users_has_no_interval(make_run: Any, sort: str) -> None:
    """One has no value a user, the other is undefined for all of them."""
    values = {"ndcg@10": near(0, 1), "hit@10": np.full(N_USERS, np.nan)}
    with pytest.warns(RuntimeWarning, match="Mean of empty slice"):
        runs = [make_run(n, per_user=values, metrics={"hit@10": 0.2, "coverage@10": 0.5}) for n in "ab"]
    board = board_of(runs, sort=sort)
    assert [row.rank for row in board.rows] == [1, 1]
    assert [row.estimate for row in board.rows] == [None, None]
    assert len(board.notes) == 1


def test_one_row_has_an_interval_and_nothing_to_be_told_from(make_run: Any) -> None:
    board = board_of([make_run("a", per_user={"ndcg@10": near(0, 1)})])
    assert board.rows[0].estimate is not None
    assert len(board.notes) == 1


def test_rows_that_are_not_ranked_take_no_part(three: list[Any], make_run: Any) -> None:
    """Holm corrects over three pairs still."""
    part = make_run("part", per_user={"ndcg@10": near(0.5, 4)}, fold_fields={"count": 2}, day=1)
    board = board_of([*three, part])
    assert row(board, "part").rank is None
    assert row(board, "part").estimate is None
    assert "3 pairs" in board.notes[0]


def test_folds_are_pooled_by_user(make_run: Any) -> None:
    halves = [list(range(0, N_USERS, 2)), list(range(1, N_USERS, 2))]
    runs = [
        make_run(
            name,
            per_user={"ndcg@10": near(shift, 1)[half]},
            users=[f"u{user}" for user in half],
            fold_fields={"index": index, "count": 2},
        )
        for name, shift in [("a", 0.01), ("b", 0.0)]
        for index, half in enumerate(halves)
    ]
    board = board_of(runs)
    assert [(row.rank, row.algorithm) for row in board.rows] == [(1, "a"), (2, "b")]
    found = row(board, "a").estimate
    assert found is not None
    assert (found.n_users, found.n_seeds) == (N_USERS, 1)
    assert found.mean == pytest.approx(near(0.01, 1).mean())


def test_the_order_of_the_records_changes_nothing(three: list[Any]) -> None:
    assert board_of(three[::-1]) == board_of(three)


def test_intervals_are_those_of_the_statistics_module(three: list[Any]) -> None:
    expected = estimates(matrices({run.record.row: [run] for run in three}, "ndcg@10"))
    board = board_of(three)
    assert {name: row(board, name).estimate for name in TRIPLE} == expected
