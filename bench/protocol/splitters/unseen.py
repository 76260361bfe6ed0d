"""Splits that hold out whole users or whole items, so that nothing is known of them from training."""

from __future__ import annotations

import numpy as np
from pydantic import Field, field_validator

from bench import seeds
from bench.errors import DataError
from bench.interactions import Interactions
from bench.protocol.fold import NOWHERE, TEST, TEST_HISTORY, TRAIN, VALIDATION, VALIDATION_HISTORY
from bench.protocol.splitters.base import Assignment, Shares, Splitter
from bench.protocol.splitters.rows import draw, rank_within_user, share_of


class StrongGeneralisation(Splitter):
    """Held-out users: a model that never saw them recommends from most of their history; the rest is to be found.

    After Liang et al.: Variational autoencoders for collaborative filtering. WWW 2018, with their code's rules:
    what held-out users have of items that nobody in train has is dropped, and of what is left the share held out
    is rounded down, so that a user with too few is not evaluated. Needs algorithms that serve unseen users.
    """

    validation_users: float = Field(default=0.1, ge=0, allow_inf_nan=False)
    """Users that validate: a share below 1, or how many; 0 for no validation part."""
    test_users: float = Field(default=0.1, gt=0, allow_inf_nan=False)
    """Users that are tested: a share below 1, or how many."""
    held_out: float = Field(default=0.2, gt=0, lt=1)
    """Share of a held-out user's interactions that is to be found, drawn at random; the others are their history."""

    @field_validator("validation_users", "test_users")
    @classmethod
    def _share_or_number(cls, users: float) -> float:
        if users > 1 and users % 1:
            raise ValueError("must be a share of the users below 1, or a whole number of users")
        return users

    @property
    def validates(self) -> bool:
        return self.validation_users > 0

    def assign(self, data: Interactions, seed: int, index: int) -> Assignment:
        role = self._roles(data, seed)[data.user]
        known = np.isin(data.item, data.item[role == TRAIN])
        rank, _ = rank_within_user(data, draw(data, seed, "strong-generalisation held out") + ~known)
        size = np.bincount(data.user[known], minlength=data.n_users)[data.user]
        n_held = np.floor(size * self.held_out).astype(np.int64)
        history = np.where(role == TEST, TEST_HISTORY, VALIDATION_HISTORY)
        part = np.select([role == TRAIN, ~known, rank < n_held], [TRAIN, NOWHERE, role], history)
        short = len(np.unique(data.user[(role != TRAIN) & (n_held == 0)]))
        excluded = {
            "interactions of held-out users with items that nobody in train has": int((~known).sum()),
            "held-out users with too few interactions to hold one out": short,
        }
        return Assignment(part.astype(np.int8), excluded)

    def _roles(self, data: Interactions, seed: int) -> np.ndarray[tuple[int], np.dtype[np.int8]]:
        """int8[n_users]: TRAIN, VALIDATION or TEST."""
        users = np.unique(data.user)
        n_test, n_validation = (_number(option, len(users)) for option in (self.test_users, self.validation_users))
        if n_test + n_validation >= len(users):
            raise DataError(
                f"the splitter 'strong-generalisation' with validation_users = {self.validation_users:g} and "
                f"test_users = {self.test_users:g} leaves nobody to train on: the data set has {len(users)} users."
            )
        drawn = seeds.generator(seed, "strong-generalisation users").permutation(users)
        role = np.full(data.n_users, TRAIN, np.int8)
        role[drawn[:n_test]] = TEST
        role[drawn[n_test : n_test + n_validation]] = VALIDATION
        return role


def _number(users: float, all_users: int) -> int:
    return int(users) if users >= 1 else int(share_of(all_users, users))


class ColdItems(Shares):
    """A random share of the items is tested and another validates: training data holds nothing of them.

    All interactions with an item go with it. Users who are left with no history are not evaluated. What does not
    know an item from its features cannot find it here.
    """

    def assign(self, data: Interactions, seed: int, index: int) -> Assignment:
        drawn = seeds.generator(seed, "cold-items").permutation(np.unique(data.item))
        n_test, n_validation = (int(share_of(len(drawn), share)) for share in (self.test, self.validation))
        part = np.full(data.n_items, TRAIN, np.int8)
        part[drawn[:n_test]] = TEST
        part[drawn[n_test : n_test + n_validation]] = VALIDATION
        return Assignment(part[data.item])
