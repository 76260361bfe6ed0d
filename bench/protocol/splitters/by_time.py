"""Splits by time: of each user's own interactions, or of the timeline of all."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from bench.errors import DataError
from bench.interactions import Interactions
from bench.protocol.fold import NOWHERE, TEST, TRAIN, VALIDATION
from bench.protocol.splitters.base import Assignment, Shares, Splitter
from bench.protocol.splitters.rows import keep_short_users, rank_within_user, share_of, times

DAY_SECONDS = 86_400


class LeaveLastN(Splitter):
    """The last interactions of each user are tested, those before them validate.

    With one of each it is the usual protocol of sequential recommendation (Kang, McAuley: Self-attentive sequential
    recommendation. ICDM 2018). Users with too few interactions for every part stay in train. Events of the same
    second keep the order of the source. Users are cut at different times: train may hold other users' future.
    """

    test: int = Field(default=1, ge=1)
    """Interactions of each user that are tested."""
    validation: int = Field(default=1, ge=0)
    """Interactions of each user that validate; 0 for no validation part."""

    @property
    def validates(self) -> bool:
        return self.validation > 0

    def assign(self, data: Interactions, seed: int, index: int) -> Assignment:
        rank, size = rank_within_user(data, times(data, "leave-last-n"))
        from_end, held = size - 1 - rank, self.test + self.validation
        part = np.where(from_end < self.test, TEST, np.where(from_end < held, VALIDATION, TRAIN))
        return keep_short_users(data, part, size, held + 1)


class UserTemporal(Shares):
    """The last share of each user's interactions is tested, the share before it validates.

    Users with too few interactions for every part (three, or two without validation) stay in train. Events of the
    same second keep the order of the source. Users are cut at different times: train may hold other users' future.
    """

    def assign(self, data: Interactions, seed: int, index: int) -> Assignment:
        rank, size = rank_within_user(data, times(data, "user-temporal"))
        from_end = size - 1 - rank
        n_test, n_validation = share_of(size, self.test), share_of(size, self.validation)
        part = np.where(from_end < n_test, TEST, np.where(from_end < n_test + n_validation, VALIDATION, TRAIN))
        return keep_short_users(data, part, size, 2 + self.validates)


class Temporal(Shares):
    """Two cut points on the timeline of all users: before the first is train, after the second is test.

    The shares are of all interactions. A cut falls between two seconds, so that no second is on both of its sides.
    """

    def assign(self, data: Interactions, seed: int, index: int) -> Assignment:
        stamps = times(data, "temporal")
        ordered = np.sort(stamps)
        n = len(ordered)
        first_cut = ordered[min(n - 1, round(n * (1 - self.validation - self.test)))]
        second_cut = ordered[min(n - 1, round(n * (1 - self.test)))]
        part = np.where(stamps >= second_cut, TEST, np.where(stamps >= first_cut, VALIDATION, TRAIN))
        return Assignment(part.astype(np.int8))


class Rolling(Splitter):
    """Windows of equal length on the timeline of all users, up to the last event; each is tested in a fold.

    The fold of a window validates on the window before it and trains on all that is before both; what comes after
    the window has no part in it. The first fold is the earliest.
    """

    windows: int = Field(default=3, ge=1)
    """Windows that are tested, each in a fold of its own."""
    days: float = Field(gt=0, allow_inf_nan=False)
    """Length of a window."""

    @property
    def n_folds(self) -> int:
        return self.windows

    def assign(self, data: Interactions, seed: int, index: int) -> Assignment:
        stamps = times(data, "rolling")
        end = stamps.max() + 1
        self._check_length(float(end - stamps.min()) / DAY_SECONDS)
        window = np.ceil((end - stamps) / (self.days * DAY_SECONDS)) - 1  # counted back from the last, from 0
        tested = self.windows - 1 - index
        part = np.select(
            [window > tested + 1, window == tested + 1, window == tested], [TRAIN, VALIDATION, TEST], NOWHERE
        )
        later = int((part == NOWHERE).sum())
        return Assignment(part.astype(np.int8), {"interactions after the tested window": later})

    def _check_length(self, days: float) -> None:
        needed = (self.windows + 1) * self.days
        if days <= needed:
            raise DataError(
                f"the splitter 'rolling' with windows = {self.windows} and days = {self.days:g} needs more than "
                f"{needed:g} days of events: a window to validate the first, and something to train on before that. "
                f"Got {days:.3g} days."
            )
