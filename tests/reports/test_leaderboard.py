"""The leaderboard from hand-made records: who is compared with whom, who is ranked, what is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench.errors import UnknownNameError
from bench.protocol.audit import Finding
from bench.records import Status
from bench_reports.board import BoardRow, TaskBoard
from bench_reports.leaderboard import leaderboard, newest_runs
from bench_reports.rendering import failures


def only(runs: list[Any], **options: Any) -> TaskBoard:
    """The one task board of these runs."""
    board = leaderboard(runs, **options)
    assert len(board.tasks) == 1
    return board.tasks[0]


def ranks(board: TaskBoard) -> list[tuple[int | None, str]]:
    return [(row.rank, row.algorithm) for row in board.rows]


def row(board: TaskBoard, algorithm: str) -> BoardRow:
    return next(row for row in board.rows if row.algorithm == algorithm)


def test_rows_are_sorted_by_the_suites_primary_metric(make_run: Any) -> None:
    runs = [
        make_run("a", metrics={"ndcg@10": 0.1, "hit@10": 0.9}),
        make_run("b", metrics={"ndcg@10": 0.3, "hit@10": 0.2}),
        make_run("c", metrics={"ndcg@10": 0.2, "hit@10": 0.5}),
    ]
    board = only(runs)
    assert board.sort == "ndcg@10"
    assert board.metrics == ("ndcg@10", "hit@10")
    assert ranks(board) == [(1, "b"), (2, "c"), (3, "a")]
    assert ranks(only(runs, sort="hit@10")) == [(1, "a"), (2, "c"), (3, "b")]


def test_equal_values_share_a_rank(make_run: Any) -> None:
    runs = [make_run(name, metrics={"ndcg@10": value}) for name, value in [("d", 0.1), ("c", 0.3), ("b", 0.3)]]
    assert ranks(only(runs)) == [(1, "b"), (1, "c"), (3, "d")]


def test_a_metric_may_be_better_when_lower(make_run: Any) -> None:
    values = {"a": 0.1, "b": 0.3}
    runs = [make_run(name, metrics={"ndcg@10": value}, higher_is_better=False) for name, value in values.items()]
    board = only(runs)
    assert ranks(board) == [(1, "a"), (2, "b")]
    assert board.lower_is_better == {"ndcg@10"}


def test_a_row_is_the_mean_over_its_seeds(make_run: Any, tmp_path: Path) -> None:
    runs = [make_run("a", metrics={"ndcg@10": value}, seed=seed) for seed, value in [(3, 0.3), (1, 0.1)]]
    found = row(only(runs), "a")
    assert found.seeds == (1, 3)
    assert found.metrics["ndcg@10"] == pytest.approx(0.2)
    assert found.timings["fit_seconds"] == 2.0
    assert found.fit_seconds == 3.0
    assert found.users_per_second == 40
    assert [path.name.split("-")[1] for path in found.records] == ["1", "3"]
    assert all((path / "record.json").exists() for path in found.records)


def test_the_newest_run_of_a_seed_wins(make_run: Any) -> None:
    runs = [make_run("a", metrics={"ndcg@10": value}, day=day) for day, value in [(2, 0.2), (9, 0.9), (5, 0.5)]]
    assert row(only(runs), "a").metrics["ndcg@10"] == 0.9


def test_seeds_of_other_parameters_or_code_are_not_averaged_in(make_run: Any) -> None:
    runs = [
        make_run("a", metrics={"ndcg@10": 0.1}, seed=1, day=1, parameters={"l2": 1.0}),
        make_run("a", metrics={"ndcg@10": 0.2}, seed=2, day=2, parameters={"l2": 2.0}),
    ]
    board = only(runs)
    assert row(board, "a").seeds == (2,)
    assert "a: 1 older run with other parameters or code not shown." in board.notes


def test_only_the_newest_fold_of_a_task_is_shown(make_run: Any) -> None:
    runs = [
        make_run("a", metrics={"ndcg@10": 0.9}, fold="0" * 64, day=1),
        make_run("b", metrics={"ndcg@10": 0.8}, fold="0" * 64, day=1),
        make_run("a", metrics={"ndcg@10": 0.1}, fold="1" * 64, day=2),
    ]
    board = only(runs)
    assert ranks(board) == [(1, "a")]
    assert row(board, "a").metrics["ndcg@10"] == 0.1
    assert board.notes[0] == (
        "2 older runs on another split of the data not shown (a, b); the fold of this table is 111111111111."
    )


def test_values_of_another_metric_version_are_not_compared(make_run: Any) -> None:
    runs = [
        make_run("a", metrics={"ndcg@10": 0.9}, day=1, versions={"ndcg@10": 1}),
        make_run("b", metrics={"ndcg@10": 0.1}, day=2, versions={"ndcg@10": 2}),
    ]
    board = only(runs)
    assert ranks(board) == [(1, "b"), (None, "a")]
    assert "a: ndcg@10 of version 1 not shown; the others are of 2." in board.notes


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.OK])
def test_a_failed_row_is_last_and_never_ranked(make_run: Any, status: Status) -> None:
    runs = [
        make_run("a", status=status, reason="why"),
        make_run("b", metrics={"ndcg@10": None}),
        make_run("c", metrics={"ndcg@10": 0.0}),
    ]
    board = only(runs)
    assert ranks(board) == [(1, "c"), (None, "b"), (None, "a")]
    assert (row(board, "a").status, row(board, "a").reason) == (status, "why")


def test_a_row_that_lost_a_seed_is_not_ranked(make_run: Any) -> None:
    runs = [
        make_run("a", metrics={"ndcg@10": 0.9}, seed=1),
        make_run("a", status=Status.DIVERGED, reason="nan", seed=2),
        make_run("b", metrics={"ndcg@10": 0.1}, seed=1),
    ]
    board = only(runs)
    assert ranks(board) == [(1, "b"), (None, "a")]
    assert row(board, "a").statuses == (Status.OK, Status.DIVERGED)
    assert row(board, "a").metrics["ndcg@10"] == 0.9


def test_only_failures_make_a_board_too(make_run: Any) -> None:
    board = only([make_run("a", status=Status.TIMEOUT, reason="60 s")])
    assert board.metrics == ("ndcg@10",)
    assert row(board, "a").metrics == {"ndcg@10": None}
    assert row(board, "a").users_per_second is None


def test_suites_and_tasks_keep_apart_and_in_order(make_run: Any) -> None:
    places = [("smoke", "temporal"), ("smoke", "holdout"), ("movielens", "holdout"), ("smoke", "temporal")]
    runs = [make_run(f"r{i}", metrics={"ndcg@10": 0.1}, suite=s, task=t) for i, (s, t) in enumerate(places)]
    board = leaderboard(runs)
    assert [(task.suite, task.task, len(task.rows)) for task in board.tasks] == [
        ("smoke-v1", "temporal", 2),
        ("smoke-v1", "holdout", 1),
        ("movielens-v1", "holdout", 1),
    ]


def test_an_unknown_metric_is_an_error_with_the_nearest_name(make_run: Any) -> None:
    with pytest.raises(UnknownNameError, match=r"unknown metric 'ndgc@10'\. Did you mean 'ndcg@10'\?"):
        leaderboard([make_run("a", metrics={"ndcg@10": 0.1})], sort="ndgc@10")


def test_a_task_without_the_metric_says_how_it_is_ranked(make_run: Any) -> None:
    runs = [
        make_run("a", metrics={"ndcg@10": 0.1, "hit@10": 1.0}),
        make_run("a", metrics={"ndcg@10": 0.1}, task="next-item"),
    ]
    second = leaderboard(runs, sort="hit@10").tasks[1]
    assert second.sort == "ndcg@10"
    assert "no run of this task has hit@10; ranked by ndcg@10." in second.notes


@pytest.mark.parametrize(
    ("rules", "ending"),
    [
        ({"candidates": {"strategy": "popularity", "n": 100}}, " · 100 sampled candidates (popularity)"),
        ({"candidates": None, "repeats": True}, " · items of the history may be repeated"),
        ({"candidates": None, "repeats": False}, ""),
    ],
)
def test_the_title_says_what_was_ranked(make_run: Any, rules: dict[str, Any], ending: str) -> None:
    board = only([make_run("a", metrics={"ndcg@10": 0.1}, fold_fields={"rules": rules})])
    assert board.title == f"smoke-v1 · holdout · 20 users{ending}"


def test_the_audit_is_printed_below_the_other_notes(make_run: Any) -> None:
    audit = [
        Finding(kind="future-of-user", severity="note", text="this split ignores time."),
        Finding(kind="pair-overlap", severity="leak", text="3 pairs are in train and test."),
        Finding(kind="duplicates", severity="clean", text="no user appears twice."),
    ]
    board = only([make_run("a", metrics={"ndcg@10": 0.1}, fold_fields={"audit": audit})])
    assert board.notes[-2:] == (
        "audit: leak (pair-overlap): 3 pairs are in train and test.",
        "audit: this split ignores time.",
    )


def folds(make_run: Any, row: str, values: dict[int, float], seed: int = 1, **fields: Any) -> list[Any]:
    return [
        make_run(row, metrics={"ndcg@10": value}, seed=seed, fold_fields={"index": index, "count": 3}, **fields)
        for index, value in values.items()
    ]


def test_a_row_is_the_mean_over_the_folds_and_seeds_of_its_task(make_run: Any) -> None:
    runs = [
        *folds(make_run, "a", {0: 0.1, 1: 0.2, 2: 0.6}, seed=1),
        *folds(make_run, "a", {0: 0.4, 1: 0.5, 2: 0.6}, seed=2),
    ]
    board = only(runs)
    assert board.title == "smoke-v1 · holdout · 3 folds of 20 users"
    found = row(board, "a")
    assert found.metrics["ndcg@10"] == pytest.approx(0.4)
    assert (found.rank, found.n_missing, found.seeds) == (1, 0, (1, 2, 1, 2, 1, 2))


def test_a_row_that_lacks_a_fold_is_not_ranked_and_says_so(make_run: Any) -> None:
    runs = [
        *folds(make_run, "a", {0: 0.9, 2: 0.9}, seed=1),
        *folds(make_run, "a", {0: 0.9, 1: 0.9, 2: 0.9}, seed=2),
        *folds(make_run, "b", {0: 0.1, 1: 0.1, 2: 0.1}),
    ]
    board = only(runs)
    assert ranks(board) == [(1, "b"), (None, "a")]
    assert failures(board) == ["a: not ranked: 1 of 6 runs (seeds × folds) missing"]


def test_folds_that_were_tuned_each_by_itself_are_one_row(make_run: Any) -> None:
    """Their parameters differ. Those of an older tuning are not mixed in."""
    tuned = [
        run
        for index in range(3)
        for run in folds(make_run, "a", {index: 0.3}, parameters={"l2": index}, trials=20, day=2)
    ]
    board = only(tuned)
    assert (row(board, "a").n_missing, row(board, "a").metrics["ndcg@10"]) == (0, pytest.approx(0.3))
    longer = folds(make_run, "a", {0: 0.9}, parameters={"l2": 9}, trials=40, day=3)
    assert row(only([*tuned, *longer]), "a").n_missing == 2


def test_folds_of_another_split_are_left_out(make_run: Any) -> None:
    old = folds(make_run, "a", {0: 0.9, 1: 0.9, 2: 0.9}, fold="0" * 64, day=1)
    board = only([*old, *folds(make_run, "a", {0: 0.1, 1: 0.1, 2: 0.1}, fold="1" * 64, day=2)])
    assert row(board, "a").metrics["ndcg@10"] == pytest.approx(0.1)
    assert board.notes[0].startswith("3 older runs on another split of the data not shown (a); ")


def test_a_board_may_be_of_some_metrics(make_run: Any) -> None:
    values = {"ndcg@10": 0.1, "hit@10": 0.2, "coverage@10": 0.3}
    runs = [make_run("a", metrics=values), make_run("a", metrics={"ndcg@10": 0.1}, task="next-item")]
    boards = leaderboard(runs, metrics=["coverage@10", "ndcg@10"]).tasks
    assert [board.metrics for board in boards] == [("ndcg@10", "coverage@10"), ("ndcg@10",)]
    assert row(boards[0], "a").metrics == {"ndcg@10": 0.1, "coverage@10": 0.3}
    assert leaderboard(runs, "hit@10", ["coverage@10"]).tasks[0].metrics == ("hit@10", "coverage@10")


def test_an_unknown_metric_among_the_chosen_is_an_error(make_run: Any) -> None:
    with pytest.raises(UnknownNameError, match=r"unknown metric 'coverge@10'\. Did you mean 'coverage@10'\?"):
        leaderboard([make_run("a", metrics={"ndcg@10": 0.1, "coverage@10": 0.1})], metrics=["coverge@10"])


def test_the_newest_runs_are_those_of_the_board(make_run: Any) -> None:
    runs = [
        make_run("a", metrics={"ndcg@10": 0.1}, day=1),
        make_run("b", metrics={"ndcg@10": 0.1}, day=2, fold="0" * 64),
        make_run("a", metrics={"ndcg@10": 0.2}, day=3),
        make_run("c", metrics={"ndcg@10": 0.2}, day=4, task="next-item"),
    ]
    board = leaderboard(runs)
    shown = [path for task in board.tasks for row in task.rows for path in row.records]
    assert [run.path for run in newest_runs(runs)] == shown == [runs[2].path, runs[3].path]


def test_notes_tell_what_the_numbers_do_not(make_run: Any) -> None:
    tuned = only(
        [
            make_run("a", metrics={"ndcg@10": 0.1}, trials=20, seeded=True),
            make_run("b", metrics={"ndcg@10": 0.2}, final_fit="train", seed=2, seeded=True),
            make_run("c", metrics={"ndcg@10": 0.3}, warnings=["all scores were tied for 20 of 20 users."]),
        ]
    )
    assert tuned.notes == (
        "trained on train alone, the others on train and validation: b.",
        "the rows have different seeds; a mean over more of them is steadier.",
        "tuned on validation with 20 trials, but for defaults: b, c. Unequal budgets favour who had more.",
        "c: all scores were tied for 20 of 20 users.",
    )
    untuned = only([make_run("a", metrics={"ndcg@10": 0.1})])
    assert untuned.notes == ("parameters are the suite's own; no row carries a tuning ledger.",)


def test_published_values_stand_beside_ours(make_run: Any) -> None:
    told = {"published": {"ndcg@10": 0.42, "hit@10": 0.6}, "published_in": "a paper, 2018"}
    board = only([make_run("vae", metrics={"ndcg@10": 0.4123}, **told), make_run("a", metrics={"ndcg@10": 0.2})])
    assert board.notes[-1] == "published of vae (a paper, 2018): ndcg@10 0.42 (here 0.4123), hit@10 0.6 (here —)."


def test_no_records_make_an_empty_board() -> None:
    assert leaderboard([]).tasks == ()
