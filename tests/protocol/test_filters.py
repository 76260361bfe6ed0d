"""Filters keep what they say, count what they drop, and name the one that leaves nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import DataError
from bench.interactions import Interactions
from bench.protocol.filters import Filters, apply_filters, k_core


def data(rows: list[tuple[str, str, float, int]]) -> Interactions:
    users, items, ratings, times = zip(*rows, strict=True)
    return Interactions.from_ids(list(users), list(items), np.array(ratings), np.array(times))


ROWS = [("a", "x", 5.0, 1), ("a", "y", 3.0, 2), ("b", "x", 4.0, 3), ("b", "z", 4.0, 4), ("a", "x", 2.0, 9)]


def test_rating_threshold_keeps_the_boundary() -> None:
    kept, dropped = apply_filters(data(ROWS), Filters(min_rating=4.0))
    assert kept.rating is not None
    assert sorted(kept.rating.tolist()) == [4.0, 4.0, 5.0]
    assert (dropped[0].step, dropped[0].interactions, dropped[0].items) == ("min_rating 4", 2, 1)
    assert kept.item_ids.tolist() == ["x", "z"]


@pytest.mark.parametrize(("policy", "rating"), [("first", 5.0), ("last", 2.0)])
def test_duplicates_follow_the_policy(policy: str, rating: float) -> None:
    kept, dropped = apply_filters(data(ROWS), Filters.model_validate({"duplicates": policy}))
    assert kept.rating is not None
    pair = (kept.user_ids[kept.user] == "a") & (kept.item_ids[kept.item] == "x")
    assert kept.rating[pair].tolist() == [rating]
    assert dropped[0].interactions == 1


def test_duplicates_can_all_be_kept() -> None:
    kept, dropped = apply_filters(data(ROWS), Filters(duplicates="keep", min_user_interactions=3))
    assert kept.timestamp is not None
    assert kept.timestamp.tolist() == [1, 2, 9]
    assert [step.step for step in dropped] == ["min_user_interactions 3"]


def test_duplicates_can_be_an_error() -> None:
    with pytest.raises(DataError, match="1 interactions repeat a user-item pair"):
        apply_filters(data(ROWS), Filters(duplicates="error"))


def test_the_filter_that_leaves_nothing_is_named() -> None:
    with pytest.raises(DataError, match="min_user_interactions 9"):
        apply_filters(data(ROWS), Filters(min_user_interactions=9))


def test_threshold_without_ratings_is_an_error() -> None:
    with pytest.raises(DataError, match="needs ratings"):
        apply_filters(Interactions.from_ids(["a"], ["x"]), Filters(min_rating=4.0))


@given(st.sets(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1), st.integers(1, 3))
def test_k_core_is_the_largest_fixed_point(pairs: set[tuple[int, int]], k: int) -> None:
    ordered = sorted(pairs)
    core = k_core(Interactions.from_ids([str(u) for u, _ in ordered], [str(i) for _, i in ordered]), k)
    kept = {pair for pair, stays in zip(ordered, core, strict=True) if stays}
    alive = set(ordered)
    while True:  # the definition, one removal at a time
        bad = [
            pair for pair in alive if sum(u == pair[0] for u, _ in alive) < k or sum(i == pair[1] for _, i in alive) < k
        ]
        if not bad:
            break
        alive.remove(bad[0])
    assert kept == alive
