"""Splits by time: what is tested is never older than what is trained on, by user or for all."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.errors import DataError
from bench.interactions import Interactions
from bench.protocol.fold import NOWHERE, TEST, TRAIN, VALIDATION
from bench.protocol.splitters import LeaveLastN, Rolling, Splitter, Temporal, UserTemporal

if TYPE_CHECKING:
    from tests.protocol.conftest import Splits

DAY = 86_400

EVENTS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 30)), min_size=1, max_size=50)


def at(events: Sequence[tuple[int, int]]) -> Interactions:
    """Events of (user, day), each with an item of its own."""
    users, days = zip(*events, strict=True)
    items = [str(row) for row in range(len(events))]
    return Interactions.from_ids([str(user) for user in users], items, timestamp=np.array(days) * DAY)


def in_order(part: np.ndarray, stamps: np.ndarray, strictly: bool) -> bool:  # type: ignore[type-arg]
    """Whether train is before validation is before test."""
    latest = -math.inf
    for value in (TRAIN, VALIDATION, TEST):
        mine = stamps[part == value]
        if len(mine):
            if mine.min() < latest + strictly:
                return False
            latest = mine.max()
    return True


@pytest.mark.parametrize(
    "splitter",
    [LeaveLastN(test=2), LeaveLastN(validation=0), UserTemporal(test=0.3), UserTemporal(validation=0)],
    ids=str,
)
@settings(deadline=None)
@given(EVENTS)
def test_no_user_is_tested_on_their_past(splitter: Splitter, events: list[tuple[int, int]]) -> None:
    data = at(events)
    part = splitter.assign(data, 0, 0).part
    for user in range(data.n_users):
        mine = data.user == user
        assert in_order(part[mine], data.timestamp[mine], strictly=False)  # type: ignore[index]


@pytest.mark.parametrize(
    "splitter", [Temporal(), Temporal(validation=0), Temporal(test=0.5), Rolling(windows=3, days=4)], ids=str
)
@settings(deadline=None)
@given(EVENTS)
def test_nobody_is_tested_on_anybodys_past(splitter: Splitter, events: list[tuple[int, int]]) -> None:
    data = at([*events, (0, -5), (0, 31)])
    for index in range(splitter.n_folds):
        assert in_order(splitter.assign(data, 0, index).part, data.timestamp, strictly=True)  # type: ignore[arg-type]


def test_leave_last_n_holds_out_the_last(splits: type[Splits]) -> None:
    data = Interactions.from_ids(["a"] * 4, ["w", "x", "y", "z"], timestamp=np.array([3, 1, 4, 2]))
    fold = LeaveLastN().split(data, 0)[0]
    assert [[item for _, item in splits.names(part)] for part in splits.parts(fold)[:3]] == [["x", "z"], ["w"], ["y"]]
    assert [fold.train.item_ids[i] for i in fold.test.history.row(0)] == ["x", "z", "w"]


def test_leave_last_n_of_several() -> None:
    data = at([(0, day) for day in range(6)] + [(1, day) for day in range(5)])
    assigned = LeaveLastN(test=2, validation=3).assign(data, 0, 0)
    assert assigned.part.tolist() == [TRAIN, *[VALIDATION] * 3, *[TEST] * 2, *[TRAIN] * 5]
    assert assigned.excluded == {"users with fewer than 6 interactions (train only)": 1}


def test_user_temporal_takes_the_last_share_of_each() -> None:
    data = at([(0, day) for day in range(10)] + [(1, 9 - day) for day in range(5)])
    part = UserTemporal(test=0.3, validation=0.2).assign(data, 0, 0).part
    assert part[:10].tolist() == [TRAIN] * 5 + [VALIDATION] * 2 + [TEST] * 3
    assert part[10:].tolist() == [TEST, TEST, VALIDATION, TRAIN, TRAIN]  # .3 and .2 of 5 are 2 and 1


def test_temporal_cuts_between_seconds(splits: type[Splits]) -> None:
    data = splits.data()
    fold = Temporal(validation=0.2, test=0.2).split(data, 0)[0]
    times = [part.timestamp for part in (fold.train, fold.held_validation, fold.held_test)]
    assert all(t is not None for t in times)
    assert times[0].max() < times[1].min() <= times[1].max() < times[2].min()  # type: ignore[union-attr]
    assert len(fold.held_test) == pytest.approx(0.2 * len(data), abs=1)


def test_temporal_leaves_new_users_out_and_counts_them() -> None:
    users = ["a", "a", "a", "b", "a", "c"]
    data = Interactions.from_ids(users, list("uvwxyz"), timestamp=np.arange(6))
    fold = Temporal(validation=0.33, test=0.33).split(data, 0)[0]
    assert fold.counts.excluded == {"validation users without a history": 1, "test users without a history": 1}
    assert [fold.train.user_ids[u] for u in fold.test.users] == ["a"]


def test_rolling_windows_end_with_the_last_event() -> None:
    """A day a letter: the last four days are two windows of two, the two before them validate the first."""
    data = at([(0, day) for day in range(10)])
    splitter = Rolling(windows=2, days=2)
    marks = {TRAIN: "t", VALIDATION: "v", TEST: "x", NOWHERE: "-"}
    drawn = ["".join(marks[int(value)] for value in splitter.assign(data, 0, index).part) for index in (0, 1)]
    assert drawn == ["ttttvvxx--", "ttttttvvxx"]
    assert splitter.assign(data, 0, 0).excluded == {"interactions after the tested window": 2}
    assert [fold.counts.interactions["train"] for fold in splitter.split(data, 0)] == [4, 6]


def test_a_timeline_too_short_for_the_windows_is_an_error() -> None:
    data = at([(0, day) for day in range(9)])
    told = r"windows = 3 and days = 2 needs more than 8 days of events: .* Got 7 days\."
    with pytest.raises(DataError, match=told):
        Rolling(windows=3, days=2).split(data.select(np.arange(8)), 0)
    Rolling(windows=3, days=2).split(data, 0)


def test_a_window_without_events_is_named() -> None:
    data = at([(0, day) for day in (*range(6), 8, 9)])
    with pytest.raises(DataError, match="fold 1 of 2: the test part is empty"):
        Rolling(windows=2, days=2).split(data, 0)
