"""A fold: who is evaluated, on what history, for what truth; with repeats, ratings, and users not trained on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.batches import EvalSet
from bench.errors import DataError
from bench.interactions import Interactions
from bench.protocol.fold import NOWHERE, TEST, TEST_HISTORY, TRAIN, VALIDATION, VALIDATION_HISTORY, Fold, make_fold
from bench.protocol.rules import Rules, Sampling

KNOWN = {VALIDATION: [TRAIN, VALIDATION_HISTORY], TEST: [TRAIN, VALIDATION_HISTORY, VALIDATION, TEST_HISTORY]}
"""The parts that are known of a user, as they follow each other at the same second."""
Row = tuple[str, str, float, int, int]


def fold_of(rows: list[Row], **rules: object) -> Fold:
    """From (user, item, rating, time, part)."""
    user, item, rating, time, part = zip(*rows, strict=True)
    data = Interactions.from_ids(user, item, np.array(rating), np.array(time))
    return make_fold(data, np.array(part, np.int8), {}, Rules(**rules))  # type: ignore[arg-type]


def named(fold: Fold, part: EvalSet) -> dict[str, tuple[list[str], list[str]]]:
    """History and truth by user."""
    users, items = fold.train.user_ids, fold.train.item_ids
    return {
        users[user]: (items[part.history.row(row)].tolist(), items[part.truth.row(row)].tolist())
        for row, user in enumerate(part.users)
    }


def by_hand(rows: list[Row], held: int, repeats: bool, kind: str) -> dict[str, tuple[list[str], list[str]]]:
    """The definition, user by user."""
    found = {}
    for user in sorted({row[0] for row in rows}):
        own = sorted((row for row in rows if row[0] == user), key=lambda row: row[3])
        known = [row for row in own if row[4] in KNOWN[held]]
        known.sort(key=lambda row: (row[3], KNOWN[held].index(row[4])))
        history = [row[1] for row in known]
        truth = dict.fromkeys(row[1] for row in own if row[4] == held)
        truth = {item: None for item in truth if repeats or item not in history}
        if truth and (history or kind == "rating"):
            found[user] = (history, list(truth))
    return found


some_rows = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.sampled_from("uvwxyz"),
        st.sampled_from([1.0, 2.0]),
        st.integers(0, 3),
        st.sampled_from([TRAIN, VALIDATION, TEST, VALIDATION_HISTORY, TEST_HISTORY, NOWHERE]),
    ),
    min_size=1,
    max_size=40,
)


@settings(deadline=None)
@given(some_rows, st.booleans(), st.sampled_from(["ranking", "rating"]))
def test_users_histories_and_truths_are_those_of_the_definition(rows: list[Row], repeats: bool, kind: str) -> None:
    expected = {held: by_hand(rows, held, repeats, kind) for held in (VALIDATION, TEST)}
    if not (expected[VALIDATION] and expected[TEST]):
        with pytest.raises(DataError, match="part is empty after splitting"):
            fold_of(rows, repeats=repeats, kind=kind)
        return
    fold = fold_of(rows, repeats=repeats, kind=kind)
    assert named(fold, fold.validation) == expected[VALIDATION]
    assert named(fold, fold.test) == expected[TEST]


@settings(deadline=None)
@given(some_rows)
def test_ratings_are_those_of_the_truth(rows: list[Row]) -> None:
    test = [(*row[:4], TEST) for row in rows]
    fold = fold_of([("a", "history", 5.0, 9, TRAIN), *test], kind="rating", validates=False)
    first = {row[:2]: row[2] for row in sorted(test, key=lambda row: row[3])[::-1]}
    users, items = (
        fold.train.user_ids[fold.test.users[fold.test.truth.rows]],
        fold.train.item_ids[fold.test.truth.items],
    )
    assert fold.test.ratings is not None
    assert fold.test.ratings.tolist() == [first[pair] for pair in zip(users, items, strict=True)]


ROWS: list[Row] = [
    ("ann", "p", 4, 1, TRAIN),
    ("ann", "q", 3, 2, VALIDATION),
    ("ann", "p", 5, 3, TEST),
    ("ann", "r", 2, 4, TEST),
    ("bob", "p", 1, 1, TEST),
    ("cid", "r", 1, 1, TRAIN),
    ("cid", "r", 1, 2, TEST),
]


def test_to_rank_a_user_needs_a_history_and_something_new() -> None:
    fold = fold_of(ROWS)
    assert named(fold, fold.test) == {"ann": (["p", "q"], ["r"])}
    assert fold.counts.excluded == {
        "test users without a history": 1,
        "test users whose items are all in their history": 1,
    }
    assert fold.counts.users == {"all": 3, "train": 2, "validation": 1, "test": 1}
    assert fold.counts.items == {"all": 3, "train": 2, "test": 1, "test without training": 0}


def test_with_repeats_items_of_the_history_are_to_be_found_and_may_be_recommended() -> None:
    fold = fold_of(ROWS, repeats=True)
    assert named(fold, fold.test) == {"ann": (["p", "q"], ["p", "r"]), "cid": (["r"], ["r"])}
    assert fold.test.batch.candidates.counts.tolist() == [3, 3]
    assert fold.fingerprint != fold_of(ROWS).fingerprint


def test_to_predict_ratings_no_history_is_needed() -> None:
    fold = fold_of(ROWS, kind="rating")
    assert named(fold, fold.test) == {"ann": (["p", "q"], ["r"]), "bob": ([], ["p"])}
    assert fold.test.ratings is not None
    assert fold.test.ratings.tolist() == [2, 1]
    assert "test users without a history" not in fold.counts.excluded


def test_ratings_cannot_be_predicted_of_data_without() -> None:
    data = Interactions.from_ids(["a", "a"], ["p", "q"])
    with pytest.raises(DataError, match=r"ratings cannot be predicted: this data set has none\."):
        make_fold(data, np.array([TRAIN, TEST], np.int8), {}, Rules("rating", validates=False))


UNSEEN: list[Row] = [
    ("ann", "p", 4, 1, TRAIN),
    ("ann", "q", 4, 2, TRAIN),
    ("val", "p", 4, 1, VALIDATION_HISTORY),
    ("val", "q", 4, 2, VALIDATION),
    ("zoe", "q", 4, 5, TEST_HISTORY),
    ("zoe", "s", 4, 4, TEST_HISTORY),
    ("zoe", "p", 4, 6, TEST),
]


def test_users_who_are_not_trained_on_have_a_history_that_is_known_of_them_alone() -> None:
    fold = fold_of(UNSEEN)
    assert named(fold, fold.validation) == {"val": (["p"], ["q"])}
    assert named(fold, fold.test) == {"zoe": (["s", "q"], ["p"])}
    assert len(fold.train) == 2
    assert fold.train_and_validation.user_ids[fold.train_and_validation.user].tolist() == ["ann", "ann", "val", "val"]
    assert fold.counts.interactions["history of users not trained on"] == 3
    assert fold.counts.items["test without training"] == 0


def test_what_is_known_of_such_users_is_in_the_fingerprint() -> None:
    other = [*UNSEEN[:5], ("zoe", "p", 4.0, 4, TEST_HISTORY), ("zoe", "s", 4.0, 6, TEST)]
    assert fold_of(other).fingerprint != fold_of(UNSEEN).fingerprint
    assert fold_of(UNSEEN).fingerprint == fold_of(UNSEEN).fingerprint


def test_tuning_sees_nothing_of_the_test_users() -> None:
    blind = fold_of(UNSEEN).without_test()
    assert (len(blind.held_test), len(blind.test_history), len(blind.test)) == (0, 0, 0)
    assert len(blind.validation) == 1


def test_the_draw_of_candidates_is_in_the_fingerprint() -> None:
    rows = [*ROWS, *(("cid", f"other{n}", 1.0, n, TRAIN) for n in range(20))]
    prints = [
        fold_of(rows, sampling=sampling, seed=seed).fingerprint
        for sampling, seed in [(None, 0), (Sampling(n=5), 0), (Sampling(n=6), 0), (Sampling(n=5), 1)]
    ]
    assert len(set(prints)) == 4


def test_no_validation_part_is_an_error_only_where_there_should_be_one() -> None:
    rows = [row for row in ROWS if row[4] != VALIDATION]
    with pytest.raises(DataError, match="the validation part is empty after splitting: no user has both a history"):
        fold_of(rows)
    assert len(fold_of(rows, validates=False).validation) == 0


def test_the_order_is_the_same_where_the_times_are_too_far_apart_to_be_packed() -> None:
    rng = np.random.default_rng(0)
    user, time, place = rng.integers(0, 5, 200), rng.integers(0, 9, 200), rng.integers(0, 3, 200)
    ids = np.array([f"{n}" for n in range(5)], object)
    near = Interactions(user.astype(np.int32), user.astype(np.int32), ids, ids, None, time)
    far = Interactions(near.user, near.item, ids, ids, None, (time - 4) * 2**59)
    expected = sorted(range(200), key=lambda row: (user[row], time[row], place[row], row))
    assert near.order(place).tolist() == far.order(place).tolist() == expected
