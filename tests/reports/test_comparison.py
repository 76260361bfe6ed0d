"""Systems compared two by two: what is found, what is refused and why."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from bench.errors import NoVerdictError, UsageError
from bench.records import DatasetRef, Status
from bench.statistics import compare, holm
from bench.values import matrices
from bench_reports.comparison import compare_all, json_pair

N_USERS = 150
BASE = np.random.default_rng(0).beta(1, 3, N_USERS)


def near(shift: float, seed: int) -> Any:
    """Values of users about `shift` above the base, with noise of their own."""
    return BASE + shift + np.random.default_rng(seed).normal(0, 0.05, N_USERS)


def systems(make_run: Any, **shifts: float) -> dict[str, Any]:
    return {
        name: [make_run(name, per_user={"ndcg@10": near(shift, index)})]
        for index, (name, shift) in enumerate(shifts.items())
    }


def test_two_copies_are_tied(make_run: Any) -> None:
    (pair,) = compare_all(systems(make_run, a=0.0, b=0.0), ["ndcg@10"])
    assert pair.better is None
    assert pair.comparison.low < 0 < pair.comparison.high
    assert pair.p_adjusted == pair.comparison.p_t > 0.05


def test_the_very_same_values_are_tied_without_any_doubt(make_run: Any) -> None:
    same = {name: [make_run(name, per_user={"ndcg@10": BASE})] for name in "ab"}
    (pair,) = compare_all(same, ["ndcg@10"])
    assert (pair.better, pair.comparison.difference, pair.p_adjusted) == (None, 0, 1)


def test_a_planted_difference_is_found(make_run: Any) -> None:
    (pair,) = compare_all(systems(make_run, a=0.0, b=0.03), ["ndcg@10"])
    assert (pair.a, pair.b, pair.better) == ("a", "b", "b")
    assert pair.comparison.low < -0.03 < pair.comparison.high < 0
    assert pair.comparison.n_users == N_USERS


def test_users_and_seeds_are_those_of_the_tables(make_run: Any) -> None:
    runs = {
        name: [make_run(name, per_user={"ndcg@10": near(0.0, 10 * seed + at)}, seed=seed) for seed in (1, 2, 3)]
        for at, name in enumerate("ab")
    }
    (pair,) = compare_all(runs, ["ndcg@10"])
    values = matrices(runs, "ndcg@10")
    assert pair.comparison == compare(values["a"], values["b"])
    assert pair.comparison.n_seeds == 3


@pytest.mark.parametrize("higher_is_better", [True, False])
def test_the_better_one_is_the_lower_one_for_some_metrics(make_run: Any, higher_is_better: bool) -> None:
    runs = {
        name: [make_run(name, per_user={"rmse": near(shift, 1)}, higher_is_better=higher_is_better)]
        for name, shift in [("high", 0.3), ("low", 0.0)]
    }
    (pair,) = compare_all(runs, ["rmse"])
    assert pair.comparison.difference == pytest.approx(0.3)
    assert (pair.better, pair.higher_is_better) == ("high" if higher_is_better else "low", higher_is_better)


def test_holm_corrects_over_all_comparisons_of_the_task(make_run: Any) -> None:
    """By either metric b is as much better than a, at p = .04; c is much better."""
    shifts = {"a": 0.0, "b": 0.0187, "c": 0.05}
    runs = {
        name: [make_run(name, per_user={"ndcg@10": near(shift, at), "hit@10": 0.1 + near(shift, at)})]
        for at, (name, shift) in enumerate(shifts.items())
    }
    pairs = compare_all(runs, ["ndcg@10", "hit@10"])
    names = [("a", "b"), ("a", "c"), ("b", "c")]
    assert [(pair.metric, pair.a, pair.b) for pair in pairs] == [(m, *p) for m in ("ndcg@10", "hit@10") for p in names]
    p_values = [pair.comparison.p_t for pair in pairs]
    assert [pair.p_adjusted for pair in pairs] == holm(p_values).tolist()
    assert [pair.comparison.p_t < 0.05 for pair in pairs] == [True] * 6
    assert [pair.better for pair in pairs] == [None, "c", "c"] * 2


def other(field: str) -> dict[str, Any]:
    """Keywords of a record that differs from the others in one respect."""
    return {
        "data": {"dataset": DatasetRef(name="smoke", version=2, fingerprint="e" * 64, source="generated")},
        "split": {"fold": "0" * 64},
        "definition": {"versions": {"ndcg@10": 2}},
        "status": {"status": Status.DIVERGED},
        "fold": {"fold_fields": {"index": 1, "count": 2}},
    }[field]


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        (
            "data",
            "only results on the same data set can be compared. Got 'a': smoke v1 (d); 'b': smoke v2 (eeeeeeeeeeee).",
        ),
        (
            "split",
            "only results on the same split of the data can be compared. Got 'a': ffffffffffff; 'b': 000000000000.",
        ),
        (
            "definition",
            "only results on the same definition of ndcg@10 can be compared. Got 'a': version 1; 'b': version 2.",
        ),
        ("status", "only finished runs can be compared. Got 'b' with seed 1: diverged."),
        ("fold", "only results on the same folds can be compared. Got 'a' with seed 1: 1; 'b' with seed 1: 2."),
    ],
)
def test_what_cannot_be_compared_is_refused_with_the_reason(make_run: Any, field: str, reason: str) -> None:
    runs = {
        "a": [make_run("a", per_user={"ndcg@10": BASE})],
        "b": [make_run("b", per_user={"ndcg@10": BASE}, **other(field))],
    }
    with pytest.raises(NoVerdictError) as caught:
        compare_all(runs, ["ndcg@10"])
    assert str(caught.value) == reason


def test_every_seed_needs_all_folds(make_run: Any) -> None:
    places = {"a": [(1, 0), (1, 1), (2, 0), (2, 1)], "b": [(1, 0), (1, 1), (2, 0)]}
    runs = {
        name: [
            make_run(name, per_user={"ndcg@10": BASE}, seed=seed, fold_fields={"index": index, "count": 2})
            for seed, index in own
        ]
        for name, own in places.items()
    }
    with pytest.raises(NoVerdictError, match=r"same folds .*; 'b' with seed 1: 1, 2; 'b' with seed 2: 1\.$"):
        compare_all(runs, ["ndcg@10"])
    (pair,) = compare_all({"a": runs["a"], "b": runs["b"][:2]}, ["ndcg@10"])
    assert pair.comparison.n_users == N_USERS


def test_a_metric_needs_values_a_user_in_all_systems(make_run: Any) -> None:
    runs = {name: [make_run(name, per_user={"ndcg@10": BASE}, metrics={"coverage@10": 0.5})] for name in "ab"}
    with pytest.raises(UsageError, match=r"a value a user can be compared\. Got coverage@10, without for a, b\.$"):
        compare_all(runs, ["coverage@10"])
    old = {**runs, "old": [make_run("old", metrics={"ndcg@10": 0.1})]}
    with pytest.raises(UsageError, match=r"Got ndcg@10, without for old\.$"):
        compare_all(old, ["ndcg@10"])


def test_an_unknown_metric_is_an_error_with_the_nearest_name(make_run: Any) -> None:
    with pytest.raises(UsageError, match=r"'a' has no metric 'ndgc@10'\. Did you mean 'ndcg@10'\? Known: ndcg@10\.$"):
        compare_all(systems(make_run, a=0.0, b=0.0), ["ndgc@10"])


def test_a_run_is_not_compared_with_itself(make_run: Any) -> None:
    runs = [make_run("a", per_user={"ndcg@10": BASE}, seed=seed) for seed in (1, 2)]
    with pytest.raises(UsageError, match=r"must be different runs\. Got 'a' and 'a:1', which share some\.$"):
        compare_all({"a": runs, "a:1": runs[:1]}, ["ndcg@10"])


def test_too_few_users_are_no_verdict_and_no_nan_in_json(make_run: Any) -> None:
    runs = {name: [make_run(name, per_user={"ndcg@10": [value]})] for name, value in [("a", 0.9), ("b", 0.1)]}
    (pair,) = compare_all(runs, ["ndcg@10"])
    assert pair.better is None
    found = json.loads(json.dumps(json_pair(pair), allow_nan=False))
    assert found["difference"] == pytest.approx(0.8)
    assert (found["low"], found["p_t"], found["p_randomisation"], found["p_adjusted"]) == (None, None, None, None)


def test_json_has_all_of_a_pair(make_run: Any) -> None:
    (pair,) = compare_all(systems(make_run, a=0.0, b=0.03), ["ndcg@10"])
    found = json_pair(pair)
    assert (found["metric"], found["a"], found["b"], found["better"]) == ("ndcg@10", "a", "b", "b")
    assert found["p_adjusted"] == pair.p_adjusted
    assert found["effect"] == pair.comparison.effect
    assert found["n_users"] == N_USERS


def test_nobody_wins_by_one_seed_of_many(make_run: Any) -> None:
    values = {"ndcg@10": [0.1 + 0.01 * (user % 7) for user in range(50)]}
    better = {"ndcg@10": [value + 0.2 + 0.001 * (n % 3) for n, value in enumerate(values["ndcg@10"])]}
    once = make_run("a", per_user=better, seeded=True)
    fixed = make_run("b", per_user=values)
    (pair,) = compare_all({"a": [once], "b": [fixed]}, ["ndcg@10"])
    assert pair.p_adjusted < 0.001
    assert (pair.better, pair.lone) == (None, ("a",))
    again = make_run("a", per_user=better, seeded=True, seed=2)
    (pair,) = compare_all({"a": [once, again], "b": [fixed]}, ["ndcg@10"])
    assert (pair.better, pair.lone) == ("a", ())
