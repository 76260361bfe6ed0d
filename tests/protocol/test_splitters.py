"""Splitters put every interaction in one part, never leak, and count who is left out."""

import numpy as np
import pytest

from bench.algorithm import EvalSet
from bench.errors import DataError
from bench.interactions import Interactions
from bench.protocol.fold import Fold
from bench.protocol.splitters import Holdout, NextItem, Splitter, Temporal


def random_data(n_users: int = 40, seed: int = 0) -> Interactions:
    rng = np.random.default_rng(seed)
    rows = [
        (f"u{u:02}", f"i{i:02}")
        for u in range(n_users)
        for i in rng.choice(30, size=rng.integers(1, 20), replace=False)
    ]
    users, items = zip(*rows, strict=True)
    times = rng.permutation(len(rows)) * 10
    return Interactions.from_ids(list(users), list(items), np.full(len(rows), 4.0), times)


SPLITTERS: list[Splitter] = [Holdout(), NextItem(), Temporal()]


@pytest.fixture(params=SPLITTERS, ids=lambda splitter: type(splitter).__name__)
def fold(request: pytest.FixtureRequest) -> Fold:
    splitter: Splitter = request.param
    return splitter.split(random_data(), seed=1)


def pairs(data: Interactions) -> set[tuple[int, int]]:
    return set(zip(data.user.tolist(), data.item.tolist(), strict=True))


def test_parts_are_disjoint_and_complete(fold: Fold) -> None:
    parts = [pairs(part) for part in (fold.train, fold.held_validation, fold.held_test)]
    assert sum(map(len, parts)) == len(set.union(*parts)) == len(random_data())


def test_no_truth_is_in_the_history(fold: Fold) -> None:
    for part in (fold.validation, fold.test):
        assert not part.history.csr().multiply(part.truth.csr()).nnz
        assert (part.truth.lengths > 0).all()
        assert (part.history.lengths > 0).all()


def test_histories_are_what_may_be_known(fold: Fold) -> None:
    known = pairs(fold.train), pairs(fold.train_and_validation)
    for part, allowed in zip((fold.validation, fold.test), known, strict=True):
        assert user_items(part) == {pair for pair in allowed if pair[0] in set(part.users.tolist())}


def user_items(part: EvalSet) -> set[tuple[int, int]]:
    return {(int(user), int(item)) for row, user in enumerate(part.users) for item in part.history.row(row)}


def test_same_seed_same_fold(fold: Fold) -> None:
    splitter = next(s for s in SPLITTERS if s.split(random_data(), 1).fingerprint == fold.fingerprint)
    assert splitter.split(random_data(), 1).fingerprint == fold.fingerprint


def test_tuning_sees_no_test(fold: Fold) -> None:
    blind = fold.without_test()
    assert len(blind.test) == len(blind.held_test) == 0
    assert blind.validation is fold.validation


def test_holdout_depends_on_the_seed_but_not_on_row_order() -> None:
    data = random_data()
    shuffled = data.select(np.random.default_rng(5).permutation(len(data)))
    fold = Holdout().split(data, 1)
    assert pairs(Holdout().split(shuffled, 1).held_test) == pairs(fold.held_test)
    assert pairs(Holdout().split(data, 2).held_test) != pairs(fold.held_test)


def test_holdout_takes_its_share_of_each_user() -> None:
    data = random_data()
    fold = Holdout(validation=0.2, test=0.3).split(data, 1)
    size = np.bincount(data.user)
    tested = np.bincount(fold.held_test.user, minlength=len(size))
    expected = np.where(size >= 3, np.maximum(1, np.floor(size * 0.3 + 0.5)), 0)
    assert tested.tolist() == expected.tolist()
    assert fold.counts.excluded["users with fewer than 3 interactions (train only)"] == (size < 3).sum()


def test_next_item_holds_out_the_last_two() -> None:
    data = Interactions.from_ids(["a"] * 4, ["w", "x", "y", "z"], timestamp=np.array([3, 1, 4, 2]))
    fold = NextItem().split(data, 0)
    names = [[fold.train.item_ids[i] for i in part.item] for part in (fold.train, fold.held_validation, fold.held_test)]
    assert names == [["x", "z"], ["w"], ["y"]]
    assert [fold.train.item_ids[i] for i in fold.test.history.row(0)] == ["x", "z", "w"]


def test_temporal_cuts_between_seconds() -> None:
    data = random_data()
    fold = Temporal(validation=0.2, test=0.2).split(data, 0)
    times = [part.timestamp for part in (fold.train, fold.held_validation, fold.held_test)]
    assert all(t is not None for t in times)
    assert times[0].max() < times[1].min() <= times[1].max() < times[2].min()  # type: ignore[union-attr]
    assert len(fold.held_test) == pytest.approx(0.2 * len(data), abs=1)


def test_temporal_leaves_new_users_out_and_counts_them() -> None:
    users = ["a", "a", "a", "b", "a", "c"]
    data = Interactions.from_ids(users, list("uvwxyz"), timestamp=np.arange(6))
    fold = Temporal(validation=0.33, test=0.33).split(data, 0)
    assert fold.counts.excluded == {"validation users without a history": 1, "test users without a history": 1}
    assert [fold.train.user_ids[u] for u in fold.test.users] == ["a"]


def test_missing_timestamps_name_the_splitter() -> None:
    with pytest.raises(DataError, match="'next-item' needs timestamps"):
        NextItem().split(Interactions.from_ids(["a"] * 4, list("wxyz")), 0)


def test_nobody_to_test_is_an_error() -> None:
    with pytest.raises(DataError, match="validation part is empty"):
        Holdout().split(Interactions.from_ids(["a", "b"], ["x", "y"]), 0)
