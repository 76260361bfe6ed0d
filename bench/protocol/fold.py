"""The fold: what algorithms train on, what they are validated and tested on, and who was left out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bench.batches import EvalSet
from bench.errors import DataError
from bench.interactions import (
    BoolArray,
    Features,
    Int32Array,
    Int64Array,
    Interactions,
    ItemLists,
    among,
    content_hash,
    mask,
)
from bench.protocol.rules import FULL_RANKING, Rules, candidates


@dataclass(frozen=True)
class Counts:
    """How much data each part holds, and how many were excluded, by reason."""

    interactions: Mapping[str, int]
    users: Mapping[str, int]
    items: Mapping[str, int]
    excluded: Mapping[str, int] = field(default_factory=dict)


Parts = NDArray[np.int8]
"""A part a row."""
TRAIN, VALIDATION, TEST, VALIDATION_HISTORY, TEST_HISTORY, NOWHERE = 0, 1, 2, 3, 4, -1
"""The last but one are what is known of users that are validated or tested, and not trained on."""
NAMES = {VALIDATION: "validation", TEST: "test"}
TRAINED = {VALIDATION: (TRAIN, VALIDATION_HISTORY), TEST: (TRAIN, VALIDATION_HISTORY, VALIDATION)}
"""What comes before each held-out part."""
OWN = {VALIDATION: VALIDATION_HISTORY, TEST: TEST_HISTORY}
_PLACE = np.array([0, 2, 4, 1, 3, 5], np.int8)
"""In a history, of events at the same second, by part; NOWHERE is the last."""
NEEDED = {"ranking": "both a history and an item to find", "rating": "a rating to predict"}


@dataclass(frozen=True, eq=False)
class Fold:
    """One split of one data set. All parts share the vocabularies of `train`.

    `fit` sees `train` and `validation` only. For the final fit, `train_and_validation` joins the two.
    A history is made of what came before, train first, and of `validation_history` or `test_history`: the rows
    of users that are not trained on (strong generalisation), which are empty for most splits.
    """

    train: Interactions
    held_validation: Interactions
    held_test: Interactions
    validation_history: Interactions
    test_history: Interactions
    validation: EvalSet
    test: EvalSet
    counts: Counts
    item_features: Features | None = None
    user_features: Features | None = None

    @cached_property
    def train_and_validation(self) -> Interactions:
        """What the final fit may use."""
        return self.train.concat(self.validation_history).concat(self.held_validation)

    def with_features(self, items: Features | None, users: Features | None) -> Fold:
        """The same fold with features, aligned with the item and user codes."""
        return replace(self, item_features=items, user_features=users)

    def without_test(self) -> Fold:
        """The same fold with an empty test part: what tuning may see."""
        nothing = self.train.select(np.empty(0, np.int64))
        return replace(self, held_test=nothing, test_history=nothing, test=_nobody(self.train.n_items))

    @cached_property
    def fingerprint(self) -> str:
        """Sha256 of every part, of who is evaluated on which candidates, and of the features."""
        evaluated = [self.validation.users, self.validation.truth.items, self.test.users, self.test.truth.items]
        features = [f and f.fingerprint for f in (self.item_features, self.user_features)]
        parts = (self.train, self.held_validation, self.held_test)
        return content_hash(*(part.fingerprint for part in parts), *evaluated, *features, *self._uncommon())

    def _uncommon(self) -> list[object]:
        """What most folds have not; left out there, so that they keep the fingerprints they had before it existed."""
        histories = [rows.fingerprint for rows in (self.validation_history, self.test_history) if len(rows)]
        restricted = [part.restricted for part in (self.validation, self.test) if part.restricted]
        return [*histories, *(part for one in restricted for part in (one.only, one.listed.indptr, one.listed.items))]


def make_fold(data: Interactions, part: Parts, excluded: Mapping[str, int], rules: Rules = FULL_RANKING) -> Fold:
    """A fold from a part a row: TRAIN, VALIDATION, …, or NOWHERE.

    To rank, a user is evaluated if they have both a history and an item to find that is not in it; to predict
    ratings, if they have one to predict. The others are left out alike for every algorithm, and counted. Raises
    DataError if a part or an evaluation is empty, or ratings are to be predicted of data without any.
    """
    if rules.kind == "rating" and data.rating is None:
        raise DataError("ratings cannot be predicted: this data set has none.")
    rows = _Rows(data, part)
    missing: dict[str, int] = dict(excluded)
    validation_set = _nobody(data.n_items)
    if rules.validates or (part == VALIDATION).any():
        validation_set = _evaluation(rows, VALIDATION, missing, rules)
    test_set = _evaluation(rows, TEST, missing, rules)
    train, validation, test, *histories = (data.select(part == value) for value in range(5))
    parts = {"train": train, "validation": validation, "test": test}
    fed_in = {"history of users not trained on": sum(map(len, histories))}
    trained_items = mask(data.item[_is_one_of(part, TRAINED[TEST])], data.n_items)
    counts = Counts(
        {name: len(own) for name, own in parts.items()} | {name: n for name, n in fed_in.items() if n},
        {
            "all": data.n_users,
            "train": int(mask(train.user, data.n_users).sum()),
            "validation": len(validation_set),
            "test": len(test_set),
        },
        {
            "all": data.n_items,
            "train": int(mask(train.item, data.n_items).sum()),
            "test": int(mask(test_set.truth.items, data.n_items).sum()),
            "test without training": int((mask(test_set.truth.items, data.n_items) & ~trained_items).sum()),
        },
        {reason: number for reason, number in missing.items() if number},
    )
    return Fold(train, validation, test, histories[0], histories[1], validation_set, test_set, counts)


def _nobody(n_items: int) -> EvalSet:
    nothing = ItemLists.from_lists([], n_items)
    return EvalSet(np.empty(0, np.int32), nothing, nothing)


class _Rows:
    """The rows of the data in the order of histories: user by user, oldest first; at the same second, train first."""

    def __init__(self, data: Interactions, part: Parts) -> None:
        self.data = data
        self.order = data.order(_PLACE[part])
        self.part = part[self.order]

    def of(self, parts: Collection[int]) -> Int64Array:
        """The row numbers of some parts."""
        return self.order[_is_one_of(self.part, parts)]

    def lists(self, rows: Int64Array, users: Int32Array) -> ItemLists:
        """The items of these rows, which are in order, by user."""
        owner = self.data.user[rows]
        lengths = np.bincount(owner, minlength=self.data.n_users)[users]
        items = self.data.item[rows[mask(users, self.data.n_users)[owner]]]
        return ItemLists(np.concatenate([[0], np.cumsum(lengths)]), items, self.data.n_items)

    def pairs(self, rows: Int64Array) -> Int64Array:
        """A number for the user and item of each."""
        return self.data.user[rows].astype(np.int64) * self.data.n_items + self.data.item[rows]


def _is_one_of(part: Parts, parts: Collection[int]) -> BoolArray:
    return np.asarray(np.logical_or.reduce([part == one for one in parts]))


def _evaluation(rows: _Rows, held: int, excluded: dict[str, int], rules: Rules) -> EvalSet:
    """The users of a held-out part; held: VALIDATION or TEST."""
    data, name = rows.data, NAMES[held]
    known, to_find = rows.of([*TRAINED[held], OWN[held]]), rows.of([held])
    asked = mask(data.user[to_find], data.n_users)
    if rules.kind == "ranking":
        with_history = mask(data.user[known], data.n_users)
        excluded[f"{name} users without a history"] = int((asked & ~with_history).sum())
        asked &= with_history
        to_find = to_find[with_history[data.user[to_find]]]
    to_find = _findable(rows, to_find, known, rules)
    evaluated = mask(data.user[to_find], data.n_users)
    excluded[f"{name} users whose items are all in their history"] = int((asked & ~evaluated).sum())
    users = np.flatnonzero(evaluated).astype(np.int32)
    if not len(users):
        raise DataError(f"the {name} part is empty after splitting: no user has {NEEDED[rules.kind]}.")
    history, truth = rows.lists(known, users), rows.lists(to_find, users)
    ratings = None if data.rating is None else data.rating[to_find]
    popularity = np.bincount(data.item[rows.of(TRAINED[held])], minlength=data.n_items)
    return EvalSet(users, history, truth, ratings, candidates(rules, name, history, truth, popularity))


def _findable(rows: _Rows, to_find: Int64Array, known: Int64Array, rules: Rules) -> Int64Array:
    """The rows to find, in their order: each pair once, and none of the history unless repeats count."""
    pairs = rows.pairs(to_find)
    keep: BoolArray = np.zeros(len(pairs), np.bool_)
    keep[np.unique(pairs, return_index=True)[1]] = True
    if not rules.repeats:
        keep &= ~among(pairs, np.sort(rows.pairs(known)))
    return to_find[keep]
