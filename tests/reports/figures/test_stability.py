"""Ranks over tasks by hand, and which neighbours are joined."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bench_reports.figures.stability import groups_of, lanes_of, places

N = 400


def values(mean: float, seed: int) -> Any:
    return np.random.default_rng(seed).normal(mean, 0.1, N)


def test_equal_values_share_the_mean_of_their_places() -> None:
    found = {"a": 0.5, "b": 0.3, "c": 0.3, "d": 0.1}
    assert places(found, lower_is_better=False) == {"a": 1, "b": 2.5, "c": 2.5, "d": 4}
    assert places(found, lower_is_better=True) == {"a": 4, "b": 2.5, "c": 2.5, "d": 1}


@pytest.mark.parametrize(
    ("apart", "joined"),
    [
        ([], [(0, 3)]),
        ([("a", "d")], [(0, 2), (1, 3)]),
        ([("d", "a")], [(0, 2), (1, 3)]),  # also if the one with the worse mean rank is the better
        ([("a", "b"), ("a", "c"), ("a", "d")], [(1, 3)]),
        ([("b", "c")], [(0, 1), (2, 3)]),
        ([("a", "b"), ("b", "c"), ("c", "d")], []),
    ],
)
def test_groups_are_the_longest_runs_of_neighbours_none_of_whom_are_told_apart(apart: Any, joined: Any) -> None:
    assert groups_of("abcd", frozenset(apart)) == joined


def test_groups_that_overlap_lie_beside_each_other() -> None:
    assert lanes_of([(0, 2), (1, 3), (3, 5), (4, 6)]) == [0, 1, 0, 1]


def test_ranks_and_groups_of_planted_algorithms(make_run: Any, overview: Any, written: Any) -> None:
    means = {"one": {"a": 0.9, "b": 0.5, "c": 0.1}, "two": {"a": 0.9, "b": 0.1, "c": 0.5}}
    runs = [
        make_run(name, per_user={"ndcg@10": values(mean, ord(name))}, task=task)
        for task, own in means.items()
        for name, mean in own.items()
    ]
    (figure,) = overview(runs)
    assert figure.columns == ("algorithm", "mean rank", "one", "two", "groups")
    # b and c are told apart on both tasks, one way and the other: neither is the better one
    assert figure.rows == (("a", "1.0", "1", "1", ""), ("b", "2.5", "2", "3", "1"), ("c", "2.5", "3", "2", "1"))
    assert "a has the best mean rank, 1.0 (between 1 and 1); it is told from the next." in figure.summary
    assert {"a", "b", "c", "one", "two", "rank (1 is best)"} <= set(written(figure))


def test_seeds_spread_the_ranks(make_run: Any, overview: Any) -> None:
    by_seed = {1: 0.5, 2: 0.1, 3: 0.6}
    runs = [make_run("a", metrics={"ndcg@10": value}, seed=seed, seeded=True) for seed, value in by_seed.items()]
    runs.append(make_run("b", metrics={"ndcg@10": 0.3}))
    (figure,) = overview(runs)
    points = figure.spec["datasets"][figure.spec["layer"][0]["data"]["name"]]
    assert [(point["n"], point["r"], point["l"], point["h"]) for point in points] == [("a", 1, 1, 2), ("b", 2, 1, 2)]


def test_only_what_every_task_ranks_takes_part(make_run: Any, overview: Any) -> None:
    means = {"a": 0.1, "b": 0.2, "c": 0.3}
    runs = [make_run(name, metrics={"ndcg@10": value}, task="one") for name, value in means.items()]
    runs += [make_run(name, metrics={"ndcg@10": means[name]}, task="two") for name in "ab"]
    (figure,) = overview(runs)
    assert [row[0] for row in figure.rows] == ["b", "a"]
    assert "left out: 1." in figure.summary
    assert overview(runs[:4]) == []
    assert overview([]) == []
