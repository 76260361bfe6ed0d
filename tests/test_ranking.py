"""Top-k and ranks are exact, keep to the candidates, break ties by the seeded order, and the contract is checked."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bench.algorithm import Algorithm, Context, EvalSet, TopK, UserBatch
from bench.batches import Candidates
from bench.config import Config
from bench.errors import ContractError
from bench.interactions import Interactions, ItemLists
from bench.ranking import Ranked, ranks_in_lists, recommend
from bench.seeds import tie_order
from bench.topk import ranks_of, sort_keys, top_k

ITEMS = np.array([f"i{n}" for n in range(9)], object)


def by_sorting(scores: NDArray[np.float32], candidates: Candidates, ties: NDArray[np.int64]) -> list[list[int]]:
    """The definition: the candidates of each user by score, then by tie rank."""
    lists = []
    for row, line in enumerate(scores):
        listed = set(candidates.listed.row(row).tolist())
        allowed = [i for i in range(len(line)) if (i in listed) == candidates.only]
        lists.append(sorted(allowed, key=lambda i: (-line[i], ties[i])))
    return lists


def some_items(n_rows: int, seed: int, n_items: int = 6) -> ItemLists:
    """Up to all items a row, in any order."""
    rng = np.random.default_rng(seed)
    lists = [rng.permutation(n_items)[: rng.integers(0, n_items + 1)].tolist() for _ in range(n_rows)]
    return ItemLists.from_lists(lists, n_items)


values_with_ties = st.lists(
    st.lists(st.sampled_from([-2.5, -0.0, 0.0, 1e-30, 1.0, 3.0]), min_size=6, max_size=6), min_size=1, max_size=4
)


@given(values_with_ties, st.integers(1, 8), st.integers(0, 5), st.booleans())
def test_top_k_is_the_sorted_list(values: list[list[float]], k: int, seed: int, only: bool) -> None:
    scores = np.array(values, np.float32)
    candidates = Candidates(some_items(len(values), seed), only)
    ties = tie_order(seed, ITEMS[:6])
    topk = top_k(scores, candidates, k, ties)
    expected = [(line + [-1] * k)[:k] for line in by_sorting(scores, candidates, ties)]
    assert topk.items.tolist() == expected
    assert topk.items.dtype == np.int32
    assert topk.scores.dtype == np.float32
    assert np.isneginf(topk.scores[topk.items < 0]).all()
    rows, ranks = np.nonzero(topk.filled)
    assert (topk.scores[rows, ranks] == scores[rows, topk.items[rows, ranks]]).all()


@given(values_with_ties, st.integers(0, 5), st.integers(6, 9), st.booleans())
def test_a_rank_is_the_place_among_all_candidates(
    values: list[list[float]], seed: int, wanted_seed: int, only: bool
) -> None:
    scores = np.array(values, np.float32)
    candidates, wanted = Candidates(some_items(len(values), seed), only), some_items(len(values), wanted_seed)
    ties = tie_order(seed, ITEMS[:6])
    found = ranks_of(wanted, sort_keys(torch.from_numpy(scores), candidates, ties))
    complete = by_sorting(scores, candidates, ties)
    expected = [
        complete[row].index(item) + 1 if item in complete[row] else 0
        for row, item in zip(wanted.rows.tolist(), wanted.items.tolist(), strict=True)
    ]
    assert found.tolist() == expected
    assert found.dtype == np.int64


@given(values_with_ties, st.integers(1, 6), st.integers(0, 5), st.integers(6, 9))
def test_ranks_in_lists_are_the_ranks_up_to_their_end(
    values: list[list[float]], k: int, seed: int, wanted_seed: int
) -> None:
    scores = np.array(values, np.float32)
    candidates, wanted = Candidates(some_items(len(values), seed)), some_items(len(values), wanted_seed)
    ties = tie_order(seed, ITEMS[:6])
    ranks = ranks_of(wanted, sort_keys(torch.from_numpy(scores), candidates, ties))
    assert ranks_in_lists(wanted, top_k(scores, candidates, k, ties)).tolist() == np.where(ranks > k, 0, ranks).tolist()


@given(st.integers(1, 5), st.integers(0, 20), st.booleans())
def test_candidates_count_and_refuse_what_they_say(n_rows: int, seed: int, only: bool) -> None:
    candidates = Candidates(some_items(n_rows, seed), only)
    asked = np.tile(np.arange(-1, 6, dtype=np.int32), (n_rows, 1))
    refused = candidates.refuses(asked)
    assert not refused[:, 0].any()
    assert ((~refused[:, 1:]).sum(1) == candidates.counts).all()
    for row in range(n_rows):
        listed = set(candidates.listed.row(row).tolist())
        assert refused[row, 1:].tolist() == [(item in listed) != only for item in range(6)]
        assert (candidates.slice(row, row + 1).refuses(asked[:1]) == refused[row]).all()


def test_an_item_met_twice_is_one_candidate_less() -> None:
    assert Candidates(ItemLists.from_lists([[2, 0, 2], []], 4)).counts.tolist() == [2, 4]


def test_parts_of_an_evaluation_keep_what_belongs_to_their_users() -> None:
    history, truth = ItemLists.from_lists([[0], [1, 2], []], 4), ItemLists.from_lists([[1, 3], [0], [2]], 4)
    ratings = np.array([1, 2, 3, 4], np.float32)
    listed = Candidates(ItemLists.from_lists([[1, 3], [0, 3], [2]], 4), only=True)
    part = EvalSet(np.array([5, 6, 7], np.int32), history, truth, ratings, listed).slice(1, 3)
    assert part.users.tolist() == [6, 7]
    assert part.ratings is not None
    assert part.ratings.tolist() == [3, 4]
    assert part.batch.candidates.only
    assert [part.batch.candidates.listed.row(row).tolist() for row in (0, 1)] == [[0, 3], [2]]
    assert part.slice(0, 1).batch.candidates.listed.items.tolist() == [0, 3]
    assert not UserBatch(part.users, part.history).candidates.only


def test_numpy_and_torch_scores_rank_alike() -> None:
    scores = np.random.default_rng(0).normal(size=(5, 9)).astype(np.float32)
    everything, ties = Candidates(ItemLists.from_lists([[]] * 5, 9)), tie_order(0, ITEMS)
    assert (
        top_k(scores, everything, 4, ties).items == top_k(torch.from_numpy(scores), everything, 4, ties).items
    ).all()


def test_tie_order_is_by_id_and_seed() -> None:
    order = tie_order(1, ITEMS)
    assert sorted(order) == list(range(9))
    assert (order != tie_order(2, ITEMS)).any()
    reversed_order = tie_order(1, ITEMS[::-1].copy())
    assert (order == reversed_order[::-1]).all()


class Fixed(Algorithm[Config]):
    """Scores every user alike."""

    def __init__(self, scores: list[float]) -> None:
        super().__init__(Config())
        self.scores = np.array(scores, np.float32)

    def fit(self, train: Interactions, validation: EvalSet | None, context: Context) -> "Fixed":
        return self

    def score(self, batch: UserBatch) -> NDArray[np.float32]:
        return np.tile(self.scores, (len(batch), 1))


class Listed(Fixed):
    """Overrides recommend with given lists."""

    def __init__(self, lists: list[list[int]]) -> None:
        super().__init__([])
        self.lists = np.array(lists, np.int32)

    def recommend(self, batch: UserBatch, k: int, ties: NDArray[np.int64]) -> TopK:
        return TopK(self.lists, np.zeros(self.lists.shape, np.float32))


def ranked(
    algorithm: Algorithm[Config],
    histories: list[list[int]],
    k: int = 2,
    n_items: int = 4,
    restricted: Candidates | None = None,
    truth: list[list[int]] | None = None,
) -> Ranked:
    users = np.arange(len(histories), dtype=np.int32)
    ids = np.array([f"user {u}" for u in users], object)
    batch = UserBatch(users, ItemLists.from_lists(histories, n_items), restricted)
    wanted = None if truth is None else ItemLists.from_lists(truth, n_items)
    return recommend(algorithm, "mine", batch, k, tie_order(0, ITEMS[:n_items]), ids, wanted, budget_bytes=1)


def test_blocks_of_one_user_give_every_user_their_list() -> None:
    result = ranked(Fixed([1, 2, 3, 4]), [[], [3], [3, 2, 1]])
    assert result.topk.items.tolist() == [[3, 2], [2, 1], [0, -1]]


def test_all_tied_users_are_counted() -> None:
    assert ranked(Fixed([1, 1, 1, 1]), [[], []]).n_tied_users == 2


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_non_finite_scores_name_algorithm_and_user(value: float) -> None:
    with pytest.raises(ContractError, match=r"'mine' must give finite scores.*'user 0'"):
        ranked(Fixed([1, value, 3, 4]), [[]])


def test_wrong_shape_is_refused() -> None:
    with pytest.raises(ContractError, match=r"\[1, 4\]. Got \[1, 3\]"):
        ranked(Fixed([1, 2, 3]), [[]])


@pytest.mark.parametrize(
    ("items", "rule"),
    [([1, 1], "no item twice"), ([1, 4], r"items in \[0, 4\)"), ([1, -1], "2 items where the catalogue has them")],
)
def test_bad_lists_name_the_user(items: list[int], rule: str) -> None:
    with pytest.raises(ContractError, match=rule + ".*user 0"):
        ranked(Listed([items]), [[]])


def test_items_of_the_history_are_taken_out_and_counted() -> None:
    result = ranked(Listed([[2, 0]]), [[2]])
    assert result.topk.items.tolist() == [[0, -1]]
    assert result.n_masked == 1


def test_only_the_candidates_are_recommended_block_by_block() -> None:
    listed = Candidates(ItemLists.from_lists([[0, 1], [2]], 4), only=True)
    result = ranked(Fixed([1, 2, 3, 4]), [[3], []], restricted=listed)
    assert result.topk.items.tolist() == [[1, 0], [2, -1]]
    result = ranked(Listed([[3, 1]]), [[]], restricted=listed.slice(0, 1))
    assert (result.topk.items.tolist(), result.n_masked) == ([[1, -1]], 1)


def test_with_repeats_the_history_is_recommended_again() -> None:
    everything = Candidates(ItemLists.from_lists([[], []], 4))
    assert ranked(Fixed([1, 2, 3, 4]), [[3], [3, 2]], restricted=everything).topk.items.tolist() == [[3, 2], [3, 2]]
    result = ranked(Listed([[3, 1]]), [[3]], restricted=everything.slice(0, 1))
    assert (result.topk.items.tolist(), result.n_masked) == ([[3, 1]], 0)


def test_ranks_of_the_truth_come_on_request_block_by_block() -> None:
    truth = [[0, 3], [], [1]]
    assert ranked(Fixed([1, 2, 3, 4]), [[3], [], [2]], truth=truth).truth_ranks.tolist() == [3, 0, 2]  # type: ignore[union-attr]
    assert ranked(Fixed([1, 2, 3, 4]), [[3], [], [2]]).truth_ranks is None


def test_own_lists_give_the_ranks_that_are_in_them_without_what_was_taken_out() -> None:
    assert ranked(Listed([[2, 0, 1]]), [[2]], k=3, truth=[[1, 3, 2]]).truth_ranks.tolist() == [2, 0, 0]  # type: ignore[union-attr]
