"""Groups of users and items, and metrics of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.batches import EvalSet
from bench.errors import UnknownNameError, UsageError
from bench.interactions import Interactions, ItemLists
from bench.slices import Groups, gap, item_groups, popularity_thirds, slice_values, thirds, user_groups

N_ITEMS = 6


def asked(users: Sequence[int], histories: Sequence[Sequence[int]]) -> EvalSet:
    nothing = ItemLists.from_lists([[]] * len(users), N_ITEMS)
    return EvalSet(np.array(users, np.int32), ItemLists.from_lists(histories, N_ITEMS), nothing)


def train(pairs: Sequence[tuple[int, int]], n_users: int) -> Interactions:
    users, items = zip(*pairs, strict=True)
    ids = [np.array([f"{kind}{i}" for i in range(n)], object) for kind, n in (("u", n_users), ("i", N_ITEMS))]
    return Interactions(np.array(users, np.int32), np.array(items, np.int32), *ids)


@pytest.mark.parametrize(
    ("values", "codes"),
    [
        ([10, 30, 20], [0, 2, 1]),
        ([5, 1, 3, 2, 4, 6], [2, 0, 1, 0, 1, 2]),
        ([7, 7, 7, 7], [1, 1, 1, 1]),
        ([1, 1, 1, 9], [1, 1, 1, 2]),
        ([1, 2], [0, 2]),
        ([4], [1]),
        ([3, np.nan, 1, 2], [2, -1, 0, 1]),
        ([], []),
    ],
)
def test_thirds_by_rank_keep_equal_values_together(values: list[float], codes: list[int]) -> None:
    assert thirds(np.array(values, np.float64)).tolist() == codes


@pytest.mark.parametrize(
    ("item_users", "codes"),
    [
        ([4, 4, 4], [0, 0, 0]),
        ([90, 5, 5, 0], [0, 2, 2, 2]),
        ([2, 3, 1, 3, 1, 0], [1, 0, 2, 0, 2, 2]),
        ([4, 3, 2, 1], [0, 1, 2, 2]),
        ([1, 1, 1, 3, 3, 3], [2, 2, 2, 0, 0, 0]),
        ([0, 0], [2, 2]),
    ],
)
def test_popularity_is_cut_where_more_popular_items_hold_a_third(item_users: list[int], codes: list[int]) -> None:
    assert popularity_thirds(np.array(item_users)).tolist() == codes


@given(st.lists(st.integers(0, 9), min_size=1, max_size=30), st.randoms())
def test_groups_follow_values_and_not_places(values: list[int], random: Any) -> None:
    for divide, sign in ((thirds, 1), (popularity_thirds, -1)):
        codes = divide(np.array(values, np.float64 if divide is thirds else np.int64)).tolist()
        pairs = sorted(zip(values, codes, strict=True))
        assert len(set(pairs)) == len(set(values))
        in_order = [sign * code for _, code in pairs]
        assert in_order == sorted(in_order)
        shuffled = list(zip(values, codes, strict=True))
        random.shuffle(shuffled)
        again = divide(np.array([value for value, _ in shuffled], np.float64 if divide is thirds else np.int64))
        assert again.tolist() == [code for _, code in shuffled]


def test_users_are_divided_by_activity_and_training() -> None:
    found = user_groups(asked([2, 0, 3], [[1], [], [1, 2, 2]]), train([(0, 1), (2, 1)], 4))
    assert found.keys() == {"user-activity", "user-training"}
    assert found["user-activity"].names == ("low", "middle", "high")
    assert found["user-activity"].codes.tolist() == [1, 0, 2]
    assert [found["user-training"].names[code] for code in found["user-training"].codes] == ["warm", "warm", "cold"]


def test_columns_of_user_features_divide_on_request(features: Any) -> None:
    given = features(
        sex=("category", ["f", "", "m"]), age=("number", [30.0, np.nan, 20.0]), likes=("tags", [("a",), (), ()])
    )
    given = type(given)(np.array(["u0", "u1", "u2"], object), given.columns)
    evaluation, known = asked([3, 2, 0, 1], [[], [], [], []]), train([(0, 0)], 4)
    found = user_groups(evaluation, known, given, ["sex", "age"])
    assert list(found) == ["user-activity", "user-training", "user:sex", "user:age"]
    assert found["user:sex"].names == ("f", "m")
    assert found["user:sex"].codes.tolist() == [-1, 1, 0, -1]
    assert found["user:age"].codes.tolist() == [-1, 0, 2, -1]
    with pytest.raises(UsageError, match=r"a category or a number\. Got 'likes', which is tags\."):
        user_groups(evaluation, known, given, ["likes"])
    with pytest.raises(UnknownNameError, match=r"unknown user feature 'sexx'\. Did you mean 'sex'\? Known: age, likes"):
        user_groups(evaluation, known, given, ["sexx"])
    with pytest.raises(UnknownNameError, match=r"unknown user feature 'sex'\. Known: \(none\)"):
        user_groups(evaluation, known, None, ["sex"])


def test_items_are_divided_by_popularity_and_training() -> None:
    found = item_groups(np.array([4, 0, 3, 1, 2]))
    assert [found["item-popularity"].names[code] for code in found["item-popularity"].codes] == [
        *("head", "tail", "mid", "tail", "tail")
    ]
    assert [found["item-training"].names[code] for code in found["item-training"].codes] == [
        *("warm", "cold", "warm", "warm", "warm")
    ]


def test_values_of_groups_by_hand(judged: Any, metric: Any) -> None:
    """Three users with the lists 0 1; the second has nothing relevant, the third only item 5."""
    evidence = judged([[0, 1]] * 3, [[0, 2, 5], [], [5]], N_ITEMS, histories=[[3], [3], [4]], item_users=[1] * N_ITEMS)
    metrics = [metric(label) for label in ("recall@2", "precision@1", "coverage@2", "average_popularity@2")]
    per_user = {one.label: one.per_user(evidence) for one in metrics if one.kind == "user"}
    users = {
        "half": Groups(("left", "right", "nobody"), np.array([0, 0, 1])),
        "one": Groups(("x",), np.array([-1, 0, -1])),
    }
    items = {"part": Groups(("low", "high", "none"), np.array([0, 0, 0, 0, 2, 1]))}
    found = slice_values(metrics, evidence, per_user, users, items)
    assert {family: {name: one.model_dump() for name, one in groups.items()} for family, groups in found.items()} == {
        "half": {
            "left": {"n_users": 2, "metrics": {"recall@2": 1 / 3, "precision@1": 1, "average_popularity@2": 1}},
            "right": {"n_users": 1, "metrics": {"recall@2": 0, "precision@1": 0, "average_popularity@2": 1}},
        },
        "one": {"x": {"n_users": 1, "metrics": {"recall@2": None, "precision@1": None, "average_popularity@2": 1}}},
        "part": {
            "low": {"n_users": 1, "metrics": {"recall@2": 1 / 2, "precision@1": 1}},
            "high": {"n_users": 2, "metrics": {"recall@2": 0, "precision@1": 0}},
        },
    }


def test_ranks_stay_with_their_items_in_a_part_of_the_catalogue(judged: Any) -> None:
    whole = judged([[0, 1], [2, 1]], [[0, 1], [1, 5]], N_ITEMS, histories=[[], []], ranks=[1, 2, 2, 4])
    part = whole.about(np.array([False, True, False, False, False, True]))
    assert part.truth.items.tolist() == [1, 1, 5]
    assert part.n_relevant.tolist() == [1, 2]
    assert part.ranks.tolist() == [2, 2, 4]


item = st.integers(0, N_ITEMS - 1)


@given(
    st.lists(st.lists(item, unique=True), min_size=1, max_size=5), st.lists(item, min_size=2, max_size=2, unique=True)
)
def test_the_found_items_of_all_parts_are_those_of_the_whole(
    judged: Any, metric: Any, truths: list[list[int]], ranked: list[int]
) -> None:
    evidence = judged([ranked] * len(truths), truths, N_ITEMS)
    groups = Groups(("a", "b"), np.array([0, 1, 0, 1, 0, 1]))
    precision = metric("precision@2")
    parts = slice_values([precision], evidence, {}, {}, {"half": groups})["half"].values()
    whole = np.nansum(precision.per_user(evidence))
    assert sum(one.n_users * (one.metrics["precision@2"] or 0) for one in parts) == pytest.approx(whole, abs=1e-12)


def test_the_gap_is_between_the_extremes() -> None:
    assert gap([0.25, None, 0.75, 0.5]) == 0.5
    assert np.isnan(gap([0.5, None]))
    assert np.isnan(gap([]))
