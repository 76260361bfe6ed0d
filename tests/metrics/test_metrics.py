"""Every metric by hand, and the properties that hold for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from math import log2
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.batches import TopK
from bench.builtins import METRICS
from bench.errors import UnknownNameError, UsageError
from bench.interactions import ItemLists
from bench.metrics import CatalogueMetric, Judged, Metric, UserMetric, parse_metrics
from bench.plugins import load_registries

N_ITEMS = 8
USER_METRICS = ["precision", "recall", "ndcg", "map", "mrr", "hit"]


def judged(lists: Sequence[Sequence[int]], truths: Sequence[Sequence[int]], n_items: int = N_ITEMS) -> Judged:
    """Lists padded to the longest, with falling scores."""
    width = max(map(len, lists), default=0)
    items = np.array([[*row, *[-1] * (width - len(row))] for row in lists], np.int32).reshape(len(lists), width)
    scores = np.where(items >= 0, -np.arange(width, dtype=np.float32), -np.inf).astype(np.float32)
    return Judged(TopK(items, scores), ItemLists.from_lists(truths, n_items))


def metric(label: str) -> Metric:
    return parse_metrics([label], load_registries().metrics)[0]


def per_user(label: str, lists: Sequence[Sequence[int]], truths: Sequence[Sequence[int]]) -> list[float]:
    found = metric(label)
    assert isinstance(found, UserMetric)
    return [float(value) for value in found.per_user(judged(lists, truths))]


class Hand(NamedTuple):
    """A list, the truth, and the value that paper and pencil give."""

    label: str
    ranked: list[int]
    truth: list[int]
    value: float


# The list 3 1 4 0 with the relevant items 1, 0 and 7 has its hits at ranks 2 and 4; one relevant item is missing.
HAND_WORKED = {
    "precision": [
        Hand("precision@4", [3, 1, 4, 0], [1, 0, 7], 2 / 4),
        Hand("precision@3", [3, 1, 4, 0], [1, 0, 7], 1 / 3),
        Hand("precision@4", [1, -1, -1, -1], [1], 1 / 4),
    ],
    "recall": [
        Hand("recall@4", [3, 1, 4, 0], [1, 0, 7], 2 / 3),
        Hand("recall@1", [1, 0, 2, 3], [1, 0, 7], 1 / 3),
    ],
    "ndcg": [
        Hand("ndcg@4", [3, 1, 4, 0], [1, 0, 7], (1 / log2(3) + 1 / log2(5)) / (1 + 1 / log2(3) + 1 / log2(4))),
        Hand("ndcg@2", [3, 1, 4, 0], [1, 0, 7], (1 / log2(3)) / (1 + 1 / log2(3))),
        Hand("ndcg@4", [1, -1, -1, -1], [1], 1.0),
    ],
    "map": [
        Hand("map@4", [3, 1, 4, 0], [1, 0, 7], (1 / 2 + 2 / 4) / 3),
        Hand("map@2", [1, 0, 4, 3], [1, 0, 7], (1 / 1 + 2 / 2) / 3),
    ],
    "mrr": [
        Hand("mrr@4", [3, 1, 4, 0], [1, 0, 7], 1 / 2),
        Hand("mrr@1", [3, 1, 4, 0], [1, 0, 7], 0.0),
    ],
    "hit": [
        Hand("hit@4", [3, 1, 4, 0], [1, 0, 7], 1.0),
        Hand("hit@1", [3, 1, 4, 0], [1, 0, 7], 0.0),
    ],
}
HAND_WORKED_CATALOGUE = {
    "coverage": [
        ("coverage@2", [[0, 1], [1, 2], [1, -1]], 3 / N_ITEMS),
        ("coverage@1", [[0, 1], [1, 2], [1, -1]], 2 / N_ITEMS),
    ],
}


def test_every_built_in_metric_is_worked_by_hand() -> None:
    assert HAND_WORKED.keys() | HAND_WORKED_CATALOGUE.keys() == METRICS.keys()


@pytest.mark.parametrize("case", [case for cases in HAND_WORKED.values() for case in cases], ids=str)
def test_user_metric_by_hand(case: Hand) -> None:
    assert per_user(case.label, [case.ranked], [case.truth]) == pytest.approx([case.value], abs=1e-15)


@pytest.mark.parametrize(("label", "lists", "value"), [case for cs in HAND_WORKED_CATALOGUE.values() for case in cs])
def test_catalogue_metric_by_hand(label: str, lists: list[list[int]], value: float) -> None:
    found = metric(label)
    assert isinstance(found, CatalogueMetric)
    assert found.overall(judged(lists, [[0]] * len(lists)).topk, N_ITEMS) == value


def test_coverage_of_an_empty_catalogue_is_undefined() -> None:
    found = metric("coverage@1")
    assert isinstance(found, CatalogueMetric)
    assert np.isnan(found.overall(judged([[]], [[]], 0).topk, 0))


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_says_what_it_is(name: str) -> None:
    kind: Any = load_registries().metrics.get(name)
    assert kind.name == name
    assert kind.definition
    assert kind.reference
    assert kind.undefined
    assert kind.__doc__
    assert kind.version >= 1
    assert kind.range[0] < kind.range[1]


@pytest.mark.parametrize("name", USER_METRICS)
def test_a_user_without_relevant_items_is_undefined(name: str) -> None:
    first, second = per_user(f"{name}@2", [[0, 1], [0, 1]], [[0], []])
    assert first > 0
    assert np.isnan(second)


@pytest.mark.parametrize("name", USER_METRICS)
def test_an_empty_list_scores_zero_and_a_perfect_one_scores_one(name: str) -> None:
    assert per_user(f"{name}@2", [[-1, -1], [0, 1]], [[0, 1], [0, 1]]) == [0.0, 1.0]


@pytest.mark.parametrize("name", USER_METRICS)
def test_no_truth_at_all_is_undefined_for_everybody(name: str) -> None:
    assert np.isnan(per_user(f"{name}@1", [[0], [1]], [[], []])).all()


@pytest.mark.parametrize("name", USER_METRICS)
def test_lists_shorter_than_the_cutoff_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match=rf"'{name}@3' needs lists of length 3\. Got 2\."):
        per_user(f"{name}@3", [[0, 1]], [[0]])


@pytest.mark.parametrize("label", ["ndcg", "ndcg@", "ndcg@ten", "ndcg@-1", "ndcg@1.5"])
def test_a_label_without_a_cutoff_is_refused(label: str) -> None:
    with pytest.raises(UsageError, match=r"written name@cut-off, such as 'ndcg@10'\. Got"):
        metric(label)


def test_a_cutoff_of_zero_and_an_unknown_name_are_refused() -> None:
    with pytest.raises(UsageError, match=r"the cut-off of 'ndcg' must be an int in \[1, 100000\]\. Got 0\."):
        metric("ndcg@0")
    with pytest.raises(UnknownNameError, match=r"unknown metric 'ndgc'\. Did you mean 'ndcg'\?"):
        metric("ndgc@10")


def test_lists_and_truths_must_be_of_the_same_users() -> None:
    with pytest.raises(UsageError, match=r"each list needs its truth\. Got 1 lists and 2 truths\."):
        judged([[0]], [[0], [1]])


K = 5
items = st.integers(0, N_ITEMS - 1)
ranked = st.lists(items, max_size=K, unique=True).map(lambda row: [*row, *[-1] * (K - len(row))])
truth = st.lists(items, min_size=1, unique=True)
users = st.lists(st.tuples(ranked, truth), min_size=1, max_size=6)
name = st.sampled_from(USER_METRICS)
cutoff = st.integers(1, K)


@given(name, cutoff, users)
def test_values_are_in_the_declared_range(name: str, k: int, users: list[tuple[list[int], list[int]]]) -> None:
    values = per_user(f"{name}@{k}", [row for row, _ in users], [row for _, row in users])
    low, high = metric(f"{name}@{k}").range
    assert all(low <= value <= high for value in values)


@given(name, cutoff, users, st.randoms())
def test_users_do_not_influence_each_other(
    name: str, k: int, users: list[tuple[list[int], list[int]]], random: Any
) -> None:
    values = per_user(f"{name}@{k}", [row for row, _ in users], [row for _, row in users])
    order = list(range(len(users)))
    random.shuffle(order)
    again = per_user(f"{name}@{k}", [users[i][0] for i in order], [users[i][1] for i in order])
    assert again == [values[i] for i in order]
    alone = [per_user(f"{name}@{k}", [row], [wanted])[0] for row, wanted in users]
    assert alone == pytest.approx(values, abs=1e-15)


@given(name, cutoff, ranked, truth, st.integers(0, K - 1), st.integers(0, K - 1))
def test_moving_a_hit_up_never_lowers_a_metric(
    name: str, k: int, ranked: list[int], truth: list[int], upper: int, lower: int
) -> None:
    upper, lower = sorted((upper, lower))
    if ranked[lower] not in truth or ranked[upper] in truth or ranked[upper] < 0:
        return
    swapped = list(ranked)
    swapped[upper], swapped[lower] = ranked[lower], ranked[upper]
    before, after = per_user(f"{name}@{k}", [ranked, swapped], [truth, truth])
    assert after >= before


@given(cutoff, users)
def test_only_the_first_k_items_count(k: int, users: list[tuple[list[int], list[int]]]) -> None:
    lists, truths = [row for row, _ in users], [row for _, row in users]
    for one in USER_METRICS:
        assert per_user(f"{one}@{k}", lists, truths) == per_user(f"{one}@{k}", [row[:k] for row in lists], truths)


@given(users, st.integers(1, K - 1))
def test_coverage_grows_with_the_cutoff(users: list[tuple[list[int], list[int]]], k: int) -> None:
    topk = judged([row for row, _ in users], [row for _, row in users]).topk
    values = []
    for cut in (k, k + 1):
        found = metric(f"coverage@{cut}")
        assert isinstance(found, CatalogueMetric)
        values.append(found.overall(topk, N_ITEMS))
    assert 0 <= values[0] <= values[1] <= 1
