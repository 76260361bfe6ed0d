"""Random shares are the shares that were asked for; cross-validation tests everything once."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.interactions import Interactions
from bench.protocol.fold import TEST, TRAIN, VALIDATION
from bench.protocol.splitters import Holdout, KFold

if TYPE_CHECKING:
    from tests.protocol.conftest import Splits


def test_holdout_takes_its_share_of_each_user(splits: type[Splits]) -> None:
    data = splits.data()
    fold = Holdout(validation=0.2, test=0.3).split(data, 1)[0]
    size = np.bincount(data.user)
    tested = np.bincount(fold.held_test.user, minlength=len(size))
    expected = np.where(size >= 3, np.maximum(1, np.floor(size * 0.3 + 0.5)), 0)
    assert tested.tolist() == expected.tolist()
    assert fold.counts.excluded["users with fewer than 3 interactions (train only)"] == (size < 3).sum()


def test_without_validation_two_interactions_are_enough() -> None:
    data = Interactions.from_ids(["a", "a", "b"], ["x", "y", "x"])
    fold = Holdout(validation=0).split(data, 1)[0]
    assert (len(fold.train), len(fold.held_validation), len(fold.held_test)) == (2, 0, 1)
    assert fold.counts.excluded == {"users with fewer than 2 interactions (train only)": 1}


def test_holdout_of_all_takes_its_share_of_all(splits: type[Splits]) -> None:
    data = splits.data()
    part = Holdout(validation=0.2, test=0.3, by="all").assign(data, 1, 0).part
    n = len(data)
    assert [(part == value).sum() for value in (VALIDATION, TEST)] == [round(0.2 * n), round(0.3 * n)]
    tested = np.bincount(data.user[part == TEST], minlength=data.n_users) / np.bincount(data.user)
    assert tested.std() > 0.1  # users differ: the draw is not by user


def test_identical_events_are_dealt_like_any() -> None:
    data = Interactions.from_ids(["a"] * 10, ["x"] * 10)
    assert (Holdout(test=0.5).assign(data, 1, 0).part == TEST).sum() == 5


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9)), min_size=1, max_size=60),
    st.integers(2, 6),
    st.floats(0, 0.95),
    st.integers(0, 3),
)
def test_k_fold_tests_every_interaction_once(
    events: list[tuple[int, int]], folds: int, validation: float, seed: int
) -> None:
    data = Interactions.from_ids([str(user) for user, _ in events], [str(item) for _, item in events])
    splitter = KFold(folds=folds, validation=validation)
    part = np.stack([splitter.assign(data, seed, index).part for index in range(folds)])
    tested = part == TEST
    assert (tested.sum(0) == 1).all()
    assert np.ptp(tested.sum(1)) <= 1
    for user in range(data.n_users):
        mine = data.user == user
        assert np.ptp(tested[:, mine].sum(1)) <= 1
        for index in range(folds):
            rest = (~tested[index, mine]).sum()
            validating = (part[index, mine] == VALIDATION).sum()
            assert (part[index, mine] == TRAIN).any() == (rest > 0)
            rounded = max(1, np.floor(rest * validation + 0.5)) if validation else 0
            assert validating == min(max(rest - 1, 0), rounded)


def test_the_folds_of_a_cross_validation_are_its_rows(splits: type[Splits]) -> None:
    data = splits.data(repeats=True)
    tested = Counter(row for fold in KFold(folds=4).split(data, 3) for row in splits.rows(fold.held_test))
    assert tested == Counter(splits.rows(data))


@pytest.mark.parametrize("seed", [1, 2])
def test_validation_of_a_fold_is_drawn_anew(splits: type[Splits], seed: int) -> None:
    """So that the same interactions do not validate in every fold."""
    data = splits.data()
    validated = Counter(
        row for fold in KFold(folds=5, validation=0.3).split(data, seed) for row in splits.rows(fold.held_validation)
    )
    assert len(validated) > 0.6 * len(data)
