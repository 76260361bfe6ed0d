"""Splits by chance: a random share, and cross-validation."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from bench.interactions import Interactions
from bench.protocol.fold import TEST, TRAIN, VALIDATION
from bench.protocol.splitters.base import Assignment, Shares, Splitter
from bench.protocol.splitters.rows import draw, keep_short_users, rank_within_user, share_of


class Holdout(Shares):
    """A random share of each user's interactions, or of all. It ignores time.

    By user, those with too few interactions for every part (three, or two without validation) stay in train.
    """

    by: Literal["user", "all"] = "user"
    """What the shares are of: of each user's interactions, or of all."""

    def assign(self, data: Interactions, seed: int, index: int) -> Assignment:
        drawn = draw(data, seed, "holdout")
        if self.by == "user":
            rank, size = rank_within_user(data, drawn)
        else:
            rank, size = np.argsort(np.argsort(drawn)), np.full(len(data), len(data))
        n_test, n_validation = share_of(size, self.test), share_of(size, self.validation)
        part = np.where(rank < n_test, TEST, np.where(rank < n_test + n_validation, VALIDATION, TRAIN))
        return keep_short_users(data, part, size, 2 + self.validates)


class KFold(Splitter):
    """Cross-validation: every interaction is tested in exactly one fold. It ignores time.

    Stratified by user: interactions are dealt out at random, user after user, so that two folds differ by at
    most one in how many of a user's, and of all, they test. Of the rest, a share of each user's validates.
    """

    folds: int = Field(default=5, ge=2)
    """Parts that the interactions are dealt into; each is tested once."""
    validation: float = Field(default=0.1, ge=0, lt=1)
    """Share of a user's interactions that are not tested which validates, at least one; 0 for no validation part."""

    @property
    def n_folds(self) -> int:
        return self.folds

    @property
    def validates(self) -> bool:
        return self.validation > 0

    def assign(self, data: Interactions, seed: int, index: int) -> Assignment:
        dealt = np.empty(len(data), np.int64)
        dealt[np.lexsort((draw(data, seed, "k-fold"), data.user))] = np.arange(len(data)) % self.folds
        tested = dealt == index
        rank, size = rank_within_user(data, draw(data, seed, "k-fold validation", index) + tested)
        rest = size - np.bincount(data.user[tested], minlength=data.n_users)[data.user]
        n_validation = np.minimum(share_of(rest, self.validation), rest - 1)  # one is left to train on
        part = np.where(tested, TEST, np.where(rank < n_validation, VALIDATION, TRAIN))
        return Assignment(part.astype(np.int8))
