"""Top-k is exact, masks the history, breaks ties by the seeded order, and checks the contract."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bench.algorithm import Algorithm, Context, EvalSet, TopK, UserBatch
from bench.config import Config
from bench.errors import ContractError
from bench.interactions import Interactions, ItemLists
from bench.ranking import recommend
from bench.seeds import tie_order
from bench.topk import top_k

ITEMS = np.array([f"i{n}" for n in range(9)], object)


def by_sorting(scores: NDArray[np.float32], history: ItemLists, k: int, ties: NDArray[np.int64]) -> list[list[int]]:
    """The definition: sort by score, then by tie rank, leave the history out."""
    lists = []
    for row, line in enumerate(scores):
        allowed = [i for i in range(len(line)) if i not in set(history.row(row).tolist())]
        ranked = sorted(allowed, key=lambda i: (-line[i], ties[i]))[:k]
        lists.append(ranked + [-1] * (k - len(ranked)))
    return lists


@given(
    st.lists(
        st.lists(st.sampled_from([-2.5, -0.0, 0.0, 1e-30, 1.0, 3.0]), min_size=6, max_size=6), min_size=1, max_size=4
    ),
    st.integers(1, 8),
    st.integers(0, 5),
)
def test_top_k_is_the_sorted_list(values: list[list[float]], k: int, seed: int) -> None:
    scores = np.array(values, np.float32)
    rng = np.random.default_rng(seed)
    history = ItemLists.from_lists([rng.permutation(6)[: rng.integers(0, 7)].tolist() for _ in values], 6)
    ties = tie_order(seed, ITEMS[:6])
    topk = top_k(scores, history, k, ties)
    assert topk.items.tolist() == by_sorting(scores, history, k, ties)
    assert topk.items.dtype == np.int32
    assert topk.scores.dtype == np.float32
    assert np.isneginf(topk.scores[topk.items < 0]).all()
    rows, ranks = np.nonzero(topk.filled)
    assert (topk.scores[rows, ranks] == scores[rows, topk.items[rows, ranks]]).all()


def test_numpy_and_torch_scores_rank_alike() -> None:
    scores = np.random.default_rng(0).normal(size=(5, 9)).astype(np.float32)
    empty, ties = ItemLists.from_lists([[]] * 5, 9), tie_order(0, ITEMS)
    assert (top_k(scores, empty, 4, ties).items == top_k(torch.from_numpy(scores), empty, 4, ties).items).all()


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


def ranked(algorithm: Algorithm[Config], histories: list[list[int]], k: int = 2, n_items: int = 4):  # type: ignore[no-untyped-def]
    users = np.arange(len(histories), dtype=np.int32)
    ids = np.array([f"user {u}" for u in users], object)
    history = ItemLists.from_lists(histories, n_items)
    return recommend(algorithm, "mine", users, history, k, tie_order(0, ITEMS[:n_items]), ids, budget_bytes=1)


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
