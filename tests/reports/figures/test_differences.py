"""Users for whom one algorithm is better, counted by hand, and the same as the picture says it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bench_reports.figures.differences import BINS, bin_width, pairwise

A = [0.5, 0.5, 0.9, 0.0, 0.2]
B = [0.5, 0.4, 0.4, 0.5, 0.2]


def test_counts_by_hand() -> None:
    means = {"a": np.array([*A, np.nan]), "b": np.array([*B, 0.1])}
    width = bin_width(list(means.values()))
    assert width == pytest.approx(0.5 / BINS)
    (pair,) = pairwise(means, width)
    assert (pair.n_users, pair.n_equal) == (5, 2)
    assert (pair.n_better(True), pair.n_better(False)) == (2, 1)
    assert pair.mean == pytest.approx(0.02)
    expected = np.zeros(2 * BINS, int)
    expected[[0, BINS + BINS // 5 - 1, 2 * BINS - 1]] = 1  # −0.5, +0.1 and +0.5
    assert pair.counts.tolist() == expected.tolist()


def test_all_pairs_are_those_of_a_direct_count() -> None:
    rng = np.random.default_rng(0)
    means = {name: rng.integers(0, 5, 200) / 5 for name in "abcd"}
    width = bin_width(list(means.values()))
    pairs = list(pairwise(means, width))
    assert [pair.a + pair.b for pair in pairs] == ["ab", "ac", "ad", "bc", "bd", "cd"]
    for pair in pairs:
        difference = np.round(5 * (means[pair.a] - means[pair.b])).astype(int)
        assert pair.n_better(True) == (difference > 0).sum()
        assert pair.n_equal == (difference == 0).sum()


def test_words_table_and_picture_agree(make_run: Any, figure_of: Any, written: Any) -> None:
    runs = [make_run(name, per_user={"ndcg@10": own}) for name, own in [("a", A), ("b", B)]]
    figure = figure_of(runs, "-differences")
    assert figure.summary.startswith(
        "a has a better ndcg@10 than b for 40 % of 5 users, the same for 40 % and a worse one for 20 %"
    )
    assert figure.rows == (("a", "b", "40 %", "40 %", "20 %", "+0.0200"),)
    texts = written(figure)
    assert "40.0%: a better →" in texts
    assert "← 20.0%: b better" in texts
    assert "40.0% equal, not drawn; mean +0.0200" in texts


def test_where_lower_is_better_the_sides_change_names(make_run: Any, figure_of: Any, written: Any) -> None:
    runs = [make_run(n, per_user={"ndcg@10": own}, higher_is_better=False) for n, own in [("a", A), ("b", B)]]
    figure = figure_of(runs, "-differences")
    assert figure.rows == (("b", "a", "40 %", "40 %", "20 %", "-0.0200"),)  # b is lower for two users, and comes first
    texts = written(figure)
    assert "← 40.0%: b better" in texts
    assert "20.0%: a better →" in texts


def test_seeds_are_averaged_before_users_are_compared(make_run: Any, figure_of: Any) -> None:
    runs = [make_run("a", per_user={"ndcg@10": own}, seed=seed) for seed, own in enumerate([[0.0, 0.4], [0.4, 0.4]])]
    figure = figure_of([*runs, make_run("b", per_user={"ndcg@10": [0.2, 0.1]})], "-differences")
    assert figure.rows == (("a", "b", "50 %", "50 %", "0 %", "+0.1500"),)


def test_nothing_without_values_a_user_of_two(make_run: Any, figure_of: Any) -> None:
    lone = make_run("a", per_user={"ndcg@10": A})
    assert figure_of([lone, make_run("b", metrics={"ndcg@10": 0.1})], "-differences") is None
    assert figure_of([lone, make_run("b", per_user={"ndcg@10": A})], "-differences") is None  # nothing differs
