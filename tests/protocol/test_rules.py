"""Sampled candidates: the truth and n others, reproducible, by the strategy that was asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.batches import Candidates
from bench.errors import DataError
from bench.interactions import Int64Array, ItemLists
from bench.protocol import rules as protocol
from bench.protocol.rules import Rules, Sampling, candidates

N_ITEMS = 12


def drawn(
    n: int,
    history: list[list[int]],
    truth: list[list[int]],
    weights: Int64Array | None = None,
    seed: int = 0,
    *,
    part: str = "test",
    **options: bool,
) -> Candidates:
    popularity = np.ones(N_ITEMS, np.int64) if weights is None else weights
    sampling = Sampling(n=n, strategy="uniform" if weights is None else "popularity")
    known, wanted = (ItemLists.from_lists(lists, len(popularity)) for lists in (history, truth))
    found = candidates(Rules(sampling=sampling, seed=seed, **options), part, known, wanted, popularity)
    assert found is not None
    return found


@given(st.integers(0, 1000), st.integers(1, 6), st.booleans(), st.booleans())
def test_each_user_has_the_truth_and_n_others_that_are_not_in_the_history(
    seed: int, n: int, popular: bool, repeats: bool
) -> None:
    rng = np.random.default_rng(seed)
    shuffled = [rng.permutation(N_ITEMS).tolist() for _ in range(5)]
    history, truth = [row[:4] for row in shuffled], [row[4 : 5 + rng.integers(2)] for row in shuffled]
    weights = np.arange(1, N_ITEMS + 1) ** 3 if popular else None
    found = drawn(n, history, truth, weights, seed, repeats=repeats)
    assert found.only
    for row in range(5):
        listed = found.listed.row(row).tolist()
        assert len(set(listed)) == len(listed) == len(truth[row]) + n
        assert set(truth[row]) <= set(listed)
        assert repeats or not set(history[row]) & set(listed)
    assert found.counts.tolist() == [len(row) + n for row in truth]


def test_the_draw_follows_from_the_seed_and_the_part_alone() -> None:
    history, truth = [[user] for user in range(9)], [[user + 1] for user in range(9)]
    first = drawn(5, history, truth).listed.items.tolist()
    assert drawn(5, history, truth).listed.items.tolist() == first
    assert drawn(5, history, truth, seed=1).listed.items.tolist() != first
    assert drawn(5, history, truth, part="validation").listed.items.tolist() != first


def test_uniform_draws_all_alike_and_popularity_by_weight() -> None:
    weights = np.array([0, 30, 10, 5, 5, 0, 0, 0, 0, 0, 0, 0])
    nobody = [[]] * 20_000
    truth = [[0]] * 20_000
    uniform = np.bincount(drawn(1, nobody, truth).listed.items, minlength=N_ITEMS)[1:]
    assert np.abs(uniform / 20_000 - 1 / 11).max() < 0.012
    popular = np.bincount(drawn(1, nobody, truth, weights).listed.items, minlength=N_ITEMS)[1:]
    assert np.abs(popular / 20_000 - weights[1:] / 50).max() < 0.018


@pytest.mark.parametrize("weights", [[0, 8, 1, 1], [0, 10**9, 1, 1]])
def test_two_draws_without_replacement_have_the_probabilities_of_one_after_the_other(weights: list[int]) -> None:
    """Also where nearly all of the weight is on one item, and the second is found among what is left."""
    found = drawn(2, [[]] * 20_000, [[0]] * 20_000, np.array(weights))
    pairs = np.array([tuple(found.listed.row(row)[1:]) for row in range(20_000)])
    share = np.mean((pairs == [2, 3]).all(1))
    total = sum(weights)
    expected = 2 * (1 / total) * (1 / (total - 1))
    assert share == pytest.approx(expected, abs=0.004)
    assert np.mean((pairs == [1, 2]).all(1)) == pytest.approx((1 - expected) / 2, abs=0.014)


def test_an_item_that_nobody_trained_with_is_not_drawn_by_popularity_but_stays_where_it_is_relevant() -> None:
    found = drawn(2, [[3]], [[0]], np.array([0, 5, 5, 5, 0]))
    assert found.listed.items.tolist() == [0, 1, 2]


def test_too_small_a_catalogue_is_refused_with_what_there_is() -> None:
    with pytest.raises(DataError, match=r"candidates: there must be 9 items to draw for every user\. Somebody has 8\."):
        drawn(9, [[0], [0, 1]], [[2], [2, 3]])
    assert drawn(8, [[0], [0, 1]], [[2], [2, 3]]).counts.tolist() == [9, 10]
    with pytest.raises(DataError, match="Somebody has 1"):
        drawn(2, [[0]], [[2]], np.array([5, 0, 5, 5]))


def test_the_blocks_are_drawn_apart_and_put_together_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "_BLOCK_ITEMS", 2 * N_ITEMS)
    history, truth = [[user] for user in range(7)], [[user + 1, user + 2] for user in range(7)]
    found = drawn(3, history, truth).listed
    for user in range(7):
        row = found.row(user).tolist()
        assert row[:2] == truth[user]
        assert row[2:] == sorted(set(row[2:]) - {user, user + 1, user + 2})
        assert len(row) == 5


def test_without_sampling_only_repeats_restrict_nothing() -> None:
    history, truth = ItemLists.from_lists([[0, 1]], 4), ItemLists.from_lists([[2]], 4)
    popularity = np.ones(4, np.int64)
    assert candidates(Rules(), "test", history, truth, popularity) is None
    everything = candidates(Rules(repeats=True), "test", history, truth, popularity)
    assert everything is not None
    assert everything.counts.tolist() == [4]
