"""Held-out users are as in Liang et al. (2018); held-out items are nowhere in training data."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest

from bench.errors import DataError
from bench.interactions import Interactions
from bench.protocol.fold import NOWHERE, TEST, TEST_HISTORY
from bench.protocol.splitters import ColdItems, StrongGeneralisation

if TYPE_CHECKING:
    from tests.protocol.conftest import Splits


def squares(sizes: list[int]) -> Interactions:
    """Users "00", "01", … with the first so many of the same items."""
    rows = [(f"{user:02}", f"i{item:02}") for user, size in enumerate(sizes) for item in range(size)]
    return Interactions.from_ids([user for user, _ in rows], [item for _, item in rows])


def test_no_held_out_user_is_trained_on(splits: type[Splits]) -> None:
    fold = StrongGeneralisation(validation_users=10, test_users=0.25).split(splits.data(), 1)[0]
    train = set(fold.train.user.tolist())
    held = [{user for user, _ in splits.pairs(part)} for part in (fold.held_validation, fold.held_test)]
    histories = {user for part in (fold.validation_history, fold.test_history) for user, _ in splits.pairs(part)}
    assert not train & set.union(*held, histories)
    assert len(train) == 40 - 10 - 10
    assert not set.intersection(*held)


def test_liangs_counts() -> None:
    """His code holds out int(0.2 n) of a user with n ≥ 5, and nothing of the others; n counts known items only."""
    sizes = [20, 4, 5, 9, 10, 14, 15, 20, 3, 12]
    data = squares(sizes)
    for seed in range(5):
        splitter = StrongGeneralisation(validation_users=0, test_users=9)
        assigned = splitter.assign(data, seed, 0)
        trained = next(user for user in range(10) if (assigned.part[data.user == user] == 0).all())
        short = 0
        for user in set(range(10)) - {trained}:
            known = min(sizes[user], sizes[trained])
            held = int(0.2 * known) if known >= 5 else 0
            short += held == 0
            expected = {TEST: held, TEST_HISTORY: known - held, NOWHERE: sizes[user] - known}
            found = Counter(assigned.part[data.user == user].tolist())
            assert found == Counter({part: number for part, number in expected.items() if number})
        assert assigned.excluded == {
            "interactions of held-out users with items that nobody in train has": (assigned.part == NOWHERE).sum(),
            "held-out users with too few interactions to hold one out": short,
        }


def test_the_history_of_a_tested_user_is_what_was_not_held_out() -> None:
    data = squares([10] * 10)
    fold = StrongGeneralisation(validation_users=3, test_users=3, held_out=0.5).split(data, 1)[0]
    for part in (fold.validation, fold.test):
        assert part.history.lengths.tolist() == part.truth.lengths.tolist() == [5, 5, 5]
    assert fold.counts.interactions == {
        "train": 40,
        "validation": 15,
        "test": 15,
        "history of users not trained on": 30,
    }


def test_what_is_held_out_is_drawn_at_random(splits: type[Splits]) -> None:
    data = squares([10] * 10)
    fold = StrongGeneralisation(validation_users=0, test_users=8).split(data, 1)[0]
    assert len({item for _, item in splits.names(fold.held_test)}) > 4


@pytest.mark.parametrize(("validation", "test"), [(5, 5), (0.5, 0.5), (0, 10), (9, 0.1)])
def test_somebody_must_be_trained_on(validation: float, test: float) -> None:
    with pytest.raises(DataError, match=r"validation_users = .* leaves nobody to train on: the data set has 10 users"):
        StrongGeneralisation(validation_users=validation, test_users=test).split(squares([5] * 10), 1)


def test_one_is_one_user_and_not_all() -> None:
    fold = StrongGeneralisation(validation_users=0, test_users=1).split(squares([5] * 10), 1)[0]
    assert len(fold.test) == 1


def test_held_out_items_are_in_no_training_data(splits: type[Splits]) -> None:
    data = splits.data()
    fold = ColdItems(validation=0.2, test=0.3).split(data, 1)[0]
    items = [set(part.item.tolist()) for part in (fold.train, fold.held_validation, fold.held_test)]
    assert [len(some) for some in items] == [15, 6, 9]
    assert len(set.union(*items)) == 30
    assert not items[2] & set(fold.train_and_validation.item.tolist())
    assert fold.counts.items["test without training"] == 9


def test_users_with_cold_items_only_are_counted() -> None:
    data = Interactions.from_ids(["a", "a", "b", "c"], ["x", "y", "x", "y"])
    fold = ColdItems(validation=0, test=0.5).split(data, 1)[0]
    assert fold.counts.excluded == {"test users without a history": 1}
    assert fold.train.user_ids[fold.test.users].tolist() == ["a"]
    assert np.array_equal(fold.test.truth.lengths, [1])
