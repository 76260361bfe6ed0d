"""The profile of a fold, against numbers worked by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from bench.interactions import Interactions
from bench.profile import CURVE_STEPS, TIME_BINS, FoldProfile, profile_of
from bench.protocol.fold import NOWHERE, TEST, TRAIN, VALIDATION, Fold, make_fold
from bench.protocol.rules import Rules
from bench.protocol.splitters import StrongGeneralisation, Temporal

PARTS = [TRAIN, TRAIN, VALIDATION, TEST, TRAIN, TRAIN, TRAIN, TRAIN]


def fold(parts: Sequence[int] = PARTS, times: Sequence[int] | None = None) -> Fold:
    """Ann has a, b, c, d, bob a and b, cat a and b: popularity 3, 3, 1, 1 of eight, in that order of items."""
    users = ["ann"] * 4 + ["bob"] * 2 + ["cat"] * 2
    stamps = None if times is None else np.array(times)
    data = Interactions.from_ids(users, [*"abcd", *"ab", *"ab"], timestamp=stamps)
    return make_fold(data, np.array(parts, np.int8), {}, Rules(validates=False))


def at(profile: FoldProfile, share: float) -> float:
    """The curve's height at a share of the items that it has a point for."""
    tail = profile.long_tail
    return tail.interaction_shares[tail.item_shares.index(share)]


def test_the_long_tail_is_that_of_all_parts() -> None:
    profile = profile_of(fold())
    tail = profile.long_tail
    assert len(tail.item_shares) == len(tail.interaction_shares) == CURVE_STEPS + 1
    assert (at(profile, 0), at(profile, 0.25), at(profile, 1)) == (0, 3 / 8, 1)
    assert at(profile, 0.64) == pytest.approx(6 / 8 + (0.64 - 0.5) / 0.25 / 8)
    assert (tail.top_1_percent, tail.top_5_percent, tail.top_20_percent) == (0.015, 0.075, 0.3)
    assert tail.gini == 2 * (1 * 1 + 2 * 1 + 3 * 3 + 4 * 3) / (4 * 8) - 5 / 4
    assert profile.density == 8 / (3 * 4)


def test_an_item_that_nobody_has_in_the_fold_is_in_the_tail() -> None:
    tail = profile_of(fold([*PARTS[:2], NOWHERE, *PARTS[3:]])).long_tail
    assert tail.interaction_shares[-1] == 1
    assert tail.interaction_shares[tail.item_shares.index(0.7744)] == 1  # 3, 3, 1 and 0


def test_activity_counts_every_user_with_interactions_once() -> None:
    activity = profile_of(fold()).activity
    assert dict(zip(activity.levels, activity.quantiles, strict=True))[0.5] == 2
    assert (activity.quantiles[0], activity.quantiles[-1]) == (2, 4)
    assert (activity.edges, activity.users) == ([2, 3, 4, 5], [2, 0, 1])


def test_users_all_equally_active_fill_one_bin() -> None:
    activity = profile_of(fold([TRAIN, TEST, NOWHERE, NOWHERE, TRAIN, TRAIN, TRAIN, TEST])).activity
    assert (activity.edges, activity.users) == ([2, 3], [3])


def test_the_timeline_counts_each_part_and_finds_the_cuts() -> None:
    timeline = profile_of(fold(times=[0, 1, 58, 59, 0, 1, 2, 57])).timeline
    assert timeline is not None
    assert (timeline.first, timeline.last) == (0, 59)
    occupied = {name: {at: n for at, n in enumerate(counts) if n} for name, counts in timeline.counts.items()}
    assert occupied == {"train": {0: 2, 1: 2, 2: 1, 57: 1}, "validation": {58: 1}, "test": {59: 1}}
    assert {len(counts) for counts in timeline.counts.values()} == {TIME_BINS}
    assert timeline.cuts == {"validation": 58, "test": 59}


@pytest.mark.parametrize(
    ("times", "cuts"),
    [
        ([0, 1, 5, 9, 0, 1, 2, 5], {"test": 9}),
        ([0, 1, 5, 9, 0, 1, 2, 9], {}),
        ([3] * 8, {}),
    ],
    ids=["train to the same second as validation", "train to the last second", "one second"],
)
def test_there_is_no_cut_where_parts_overlap_in_time(times: list[int], cuts: dict[str, int]) -> None:
    timeline = profile_of(fold(times=times)).timeline
    assert timeline is not None
    assert timeline.cuts == cuts
    assert sum(map(sum, timeline.counts.values())) == 8


def test_without_timestamps_there_is_no_timeline() -> None:
    assert profile_of(fold()).timeline is None


def many(seed: int = 0) -> Interactions:
    rng = np.random.default_rng(seed)
    user, item = (rng.zipf(1.3, 4000) % n for n in (300, 500))
    return Interactions.from_ids(
        [f"u{u}" for u in user], [f"i{i}" for i in item], timestamp=rng.integers(0, 2**31, 4000)
    )


def test_the_cuts_are_those_of_the_temporal_splitter() -> None:
    (own,) = Temporal().split(many(), 1)
    timeline = profile_of(own).timeline
    assert timeline is not None
    stamps = {"validation": own.held_validation.timestamp, "test": own.held_test.timestamp}
    assert timeline.cuts == {name: int(times.min()) for name, times in stamps.items() if times is not None}
    assert {name: sum(counts) for name, counts in timeline.counts.items()} == own.counts.interactions


def test_histories_of_users_not_trained_on_count_too() -> None:
    (own,) = StrongGeneralisation().split(many(), 1)
    profile = profile_of(own)
    assert profile.timeline is not None
    assert {name: sum(counts) for name, counts in profile.timeline.counts.items()} == own.counts.interactions
    assert sum(profile.activity.users) == len({*own.train.user, *own.validation_history.user, *own.test_history.user})


def test_a_profile_is_small_and_survives_json() -> None:
    (own,) = Temporal().split(many(), 1)
    written = profile_of(own).model_dump_json()
    assert FoldProfile.model_validate_json(written) == profile_of(own)
    assert len(written) < 3000
