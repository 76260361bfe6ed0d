"""The fold: what algorithms train on, what they are validated and tested on, and who was left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from bench.batches import EvalSet
from bench.errors import DataError
from bench.interactions import Features, Int32Array, Interactions, ItemLists, content_hash


@dataclass(frozen=True)
class Counts:
    """How much data each part holds, and how many were excluded, by reason."""

    interactions: Mapping[str, int]
    users: Mapping[str, int]
    items: Mapping[str, int]
    excluded: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Fold:
    """One split of one data set. All parts share the vocabularies of `train`.

    `fit` sees `train` and `validation` only. For the final fit, `train_and_validation` joins the two.
    `validation.history` is train; `test.history` is train and validation.
    """

    train: Interactions
    held_validation: Interactions
    held_test: Interactions
    validation: EvalSet
    test: EvalSet
    counts: Counts
    item_features: Features | None = None
    user_features: Features | None = None

    @cached_property
    def train_and_validation(self) -> Interactions:
        """What the final fit may use."""
        return self.train.concat(self.held_validation)

    def with_features(self, items: Features | None, users: Features | None) -> Fold:
        """The same fold with features, aligned with the item and user codes."""
        return replace(self, item_features=items, user_features=users)

    def without_test(self) -> Fold:
        """The same fold with an empty test part: what tuning may see."""
        nobody = np.empty(0, np.int32)
        nothing = ItemLists.from_lists([], self.train.n_items)
        test = EvalSet(nobody, nothing, nothing)
        return replace(self, held_test=self.held_test.select(np.empty(0, np.int64)), test=test)

    @cached_property
    def fingerprint(self) -> str:
        """Sha256 of every part, of who is evaluated, and of the features."""
        evaluated = [self.validation.users, self.validation.truth.items, self.test.users, self.test.truth.items]
        features = [f and f.fingerprint for f in (self.item_features, self.user_features)]
        parts = (self.train, self.held_validation, self.held_test)
        return content_hash(*(part.fingerprint for part in parts), *evaluated, *features)


def make_fold(data: Interactions, part: np.ndarray[tuple[int], np.dtype[np.int8]], excluded: dict[str, int]) -> Fold:
    """A fold from a part a row: 0 train, 1 validation, 2 test, −1 nowhere.

    A user is evaluated if they have both a history and an item to find that is not in it; the others are
    left out alike for every algorithm, and counted. Raises DataError if a part or an evaluation is empty.
    """
    train, validation, test = (data.select(part == value) for value in range(3))
    known = train.concat(validation)
    missing: dict[str, int] = dict(excluded)
    validation_set = _evaluation(train, validation, "validation", missing)
    test_set = _evaluation(known, test, "test", missing)
    parts = {"train": train, "validation": validation, "test": test}
    counts = Counts(
        {name: len(rows) for name, rows in parts.items()},
        {
            "all": data.n_users,
            "train": len(np.unique(train.user)),
            "validation": len(validation_set),
            "test": len(test_set),
        },
        {
            "all": data.n_items,
            "train": len(np.unique(train.item)),
            "test": len(np.unique(test_set.truth.items)),
            "test without training": len(np.setdiff1d(test_set.truth.items, known.item)),
        },
        {reason: number for reason, number in missing.items() if number},
    )
    return Fold(train, validation, test, validation_set, test_set, counts)


def _evaluation(known: Interactions, held: Interactions, name: str, excluded: dict[str, int]) -> EvalSet:
    users = np.unique(held.user).astype(np.int32)
    with_history = np.isin(users, known.user)
    excluded[f"{name} users without a history"] = int((~with_history).sum())
    users = users[with_history]
    findable = _not_in(held.histories(users), known.histories(users)).lengths > 0
    excluded[f"{name} users whose items are all in their history"] = int((~findable).sum())
    users = users[findable]
    if not len(users):
        raise DataError(f"the {name} part is empty after splitting: no user has both a history and an item to find.")
    history = known.histories(users)
    return EvalSet(users, history, _not_in(held.histories(users), history))


def _not_in(lists: ItemLists, history: ItemLists) -> ItemLists:
    """The lists without what is in the same row's history, and without repeats; the order stays."""
    keys = lists.rows * lists.n_items + lists.items
    first = np.zeros(len(keys), np.bool_)
    first[np.unique(keys, return_index=True)[1]] = True
    keep = first & ~np.isin(keys, history.rows * history.n_items + history.items)
    lengths = np.bincount(lists.rows[keep], minlength=len(lists))
    items: Int32Array = lists.items[keep]
    return ItemLists(np.concatenate([[0], np.cumsum(lengths)]), items, lists.n_items)
