"""Data and folds that the tests of the splitters share."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from bench.batches import EvalSet
from bench.interactions import Interactions
from bench.protocol.fold import Fold

QUARTER_OF_A_DAY = 21_600


class Splits:
    """What goes into a split, and what comes out of it."""

    @staticmethod
    def data(n_users: int = 40, seed: int = 0, repeats: bool = False) -> Interactions:
        """1 to 19 events a user with 30 items, one every quarter of a day, in a random order. With repeats, a user
        may meet an item several times. The timestamp identifies a row.
        """
        rng = np.random.default_rng(seed)
        rows = [
            (f"u{u:02}", f"i{i:02}")
            for u in range(n_users)
            for i in rng.choice(30, size=rng.integers(1, 20), replace=repeats)
        ]
        users, items = zip(*rows, strict=True)
        times = rng.permutation(len(rows)) * QUARTER_OF_A_DAY
        return Interactions.from_ids(list(users), list(items), rng.choice([1.0, 2.5, 4.0], len(rows)), times)

    @staticmethod
    def names(part: Interactions) -> list[tuple[str, str]]:
        """The user and item of every row."""
        return list(zip(part.user_ids[part.user].tolist(), part.item_ids[part.item].tolist(), strict=True))

    @staticmethod
    def pairs(part: Interactions) -> set[tuple[int, int]]:
        """The codes of user and item."""
        return set(zip(part.user.tolist(), part.item.tolist(), strict=True))

    @staticmethod
    def histories(part: EvalSet) -> set[tuple[int, int]]:
        """The pairs that are in the histories."""
        return {(int(user), int(item)) for row, user in enumerate(part.users) for item in part.history.row(row)}

    @staticmethod
    def rows(part: Interactions) -> list[int]:
        """The rows of `data`, by their timestamps."""
        assert part.timestamp is not None
        return sorted(part.timestamp.tolist())

    @staticmethod
    def parts(fold: Fold) -> list[Interactions]:
        """All parts, by their numbers."""
        return [fold.train, fold.held_validation, fold.held_test, fold.validation_history, fold.test_history]

    @staticmethod
    def write(folder: Path, fold: Fold, times: bool = True) -> str:
        """Files as `bench export-fold` writes them; their folder, for the splitter `given`."""
        folder.mkdir(parents=True)
        stems = ("train", "validation", "test", "validation_history", "test_history")
        for stem, part in zip(stems, Splits.parts(fold), strict=True):
            stamps = [""] * len(part) if part.timestamp is None or not times else part.timestamp.tolist()
            with (folder / f"{stem}.csv").open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(["user", "item", "rating", "timestamp"])
                named = zip(Splits.names(part), stamps, strict=True)
                writer.writerows([user, item, "", stamp] for (user, item), stamp in named)
        return str(folder)


@pytest.fixture
def splits() -> type[Splits]:
    """The helpers above; tests cannot import one another."""
    return Splits
