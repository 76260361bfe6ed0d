"""A fitted model with all that it needs to recommend to anyone, in a folder: what is served outside the harness.

It knows users and items by their ids, and ranks as a run does: the full catalogue without the history, or with it
where the run's task counts repeats. Loading one unpickles a model, which runs whatever its author put there: load only
folders that you wrote yourself, or were written by somebody whose code you would run.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench import seeds
from bench.algorithm import Algorithm
from bench.batches import Candidates, TopK, UserBatch
from bench.errors import UnmetNeedError, UsageError
from bench.interactions import BoolArray, IdArray, Int32Array, ItemLists
from bench.plugins import load_registries
from bench.ranking import recommend

MODEL_FILE, ABOUT_FILE, USERS_FILE, ITEMS_FILE = "model.bin", "about.json", "users.parquet", "items.parquet"
NEWCOMER = "(a user unseen in training)"
PROBES, ROUNDING = 64, 1e-6
"""Training users that a newcomer is compared with, and what scores may differ by, relative to the largest."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recommended:
    """What one user is recommended: items, best first, with their scores. n_unknown: ids in the history that the
    catalogue has not, which were ignored.
    """

    items: list[str]
    scores: list[float]
    n_unknown: int


@dataclass(frozen=True, eq=False)
class Recommender:
    """A fitted algorithm among its ids.

    name: of the algorithm in the registry; row: what errors call it. trained: bool[n_users], who has training rows.
    tie_seed: of the order among equal scores. repeats: whether items of the history may be recommended.
    """

    algorithm: Algorithm[Any]
    name: str
    row: str
    user_ids: IdArray
    trained: BoolArray
    item_ids: IdArray
    tie_seed: int
    repeats: bool
    has_user_features: bool
    """If so, nobody's code stands for a newcomer's: attributes of another user would come with it."""

    def recommend(self, users: Sequence[str | None], histories: Sequence[Sequence[str]], k: int) -> list[Recommended]:
        """The k best for each user. users: ids, None for one who has none; histories: ids of items, oldest first.

        Raises UsageError if k is not positive, UnmetNeedError if a user is unseen in training and the algorithm
        can't serve such.
        """
        if k < 1:
            raise UsageError(f"k must be at least 1. Got {k}.")
        lists, n_unknown = self._encoded(histories)
        if n_unknown.any():
            count, of = int(n_unknown.sum()), int((n_unknown > 0).sum())
            logger.warning("%d ids in the histories of %d users are not in the catalogue; ignored.", count, of)
        topk = self._ranked(self.codes(users), lists, k)
        rows = zip(topk.items, topk.scores, topk.filled, n_unknown.tolist(), strict=True)
        return [Recommended(self.item_ids[i[ok]].tolist(), s[ok].tolist(), unknown) for i, s, ok, unknown in rows]

    def _ranked(self, users: Int32Array, history: ItemLists, k: int) -> TopK:
        nothing = ItemLists(np.zeros(len(history) + 1, np.int64), np.empty(0, np.int32), history.n_items)
        batch = UserBatch(users, history, Candidates(nothing) if self.repeats else None)
        return recommend(self.algorithm, self.row, batch, k, self.ties, np.append(self.user_ids, NEWCOMER)).topk

    def codes(self, users: Sequence[str | None]) -> Int32Array:
        """int32[b]: the users' codes; those of newcomers are whatever the algorithm takes for unseen in training."""
        known = [None if user is None else self._user_codes.get(user) for user in users]
        if not self.algorithm.serves_unseen_users:
            refused = [user for user, code in zip(users, known, strict=True) if code is None or not self.trained[code]]
            self._refuse(refused, "has learnt something of each user and nothing of others")
        codes = [self.newcomer if code is None else code for code in known]
        self._refuse([user for user, code in zip(users, codes, strict=True) if code is None], "has no place for others")
        return np.array(codes, np.int32)

    def _refuse(self, users: Sequence[str | None], why: str) -> None:
        if users:
            names = ", ".join("(no id)" if user is None else f"'{user}'" for user in users[:3])
            more = f" and {len(users) - 3} others" if len(users) > 3 else ""
            raise UnmetNeedError(f"'{self.row}' serves users of its training alone: it {why}. Got {names}{more}.")

    @cached_property
    def newcomer(self) -> int | None:
        """A code that the algorithm takes for a user unseen in training; None if there is none.

        That of a user without training rows if there is one whose attributes nobody asks for; else one beyond the
        vocabulary, if codes are not looked up.
        """
        unseen, beyond = np.flatnonzero(~self.trained), len(self.user_ids)
        if len(unseen) and not self.has_user_features:
            return int(unseen[0])
        return beyond if self._looks_nothing_up(beyond) else None

    def _looks_nothing_up(self, beyond: int) -> bool:
        """Whether a code beyond the vocabulary scores like that of some training user with the same history. One that
        is looked up is no index, or is that of something else; user-based neighbourhoods merely leave it out.
        """
        codes = np.append(beyond, np.flatnonzero(self.trained)[:PROBES]).astype(np.int32)
        try:
            scores = self.algorithm.score(
                UserBatch(codes, ItemLists.from_lists([[0]] * len(codes), len(self.item_ids)))
            )
        except IndexError:
            return False
        dense = torch.as_tensor(scores).float().cpu()
        gaps = (dense[1:] - dense[0]).abs().amax(1)
        return bool((gaps <= ROUNDING * dense.abs().max()).any())

    @cached_property
    def ties(self) -> Any:
        """int64[n_items]: the order among equal scores."""
        return seeds.tie_order(self.tie_seed, self.item_ids)

    @cached_property
    def _user_codes(self) -> dict[str, int]:
        return {user: code for code, user in enumerate(self.user_ids.tolist())}

    @cached_property
    def _item_codes(self) -> dict[str, int]:
        return {item: code for code, item in enumerate(self.item_ids.tolist())}

    def _encoded(self, histories: Sequence[Sequence[str]]) -> tuple[ItemLists, np.ndarray[Any, np.dtype[np.int64]]]:
        known = [[self._item_codes[item] for item in own if item in self._item_codes] for own in histories]
        n_unknown = np.array([len(own) - len(kept) for own, kept in zip(histories, known, strict=True)], np.int64)
        return ItemLists.from_lists(known, len(self.item_ids)), n_unknown

    def save(self, folder: Path) -> None:
        """Write it to a folder, which is made."""
        import pyarrow as pa
        from pyarrow import parquet

        folder.mkdir(parents=True)
        self.algorithm.save(folder / MODEL_FILE)
        users = {"user": pa.array(self.user_ids.tolist(), pa.string()), "trained": self.trained}
        parquet.write_table(pa.table(users), folder / USERS_FILE)
        parquet.write_table(pa.table({"item": pa.array(self.item_ids.tolist(), pa.string())}), folder / ITEMS_FILE)
        plain = ("name", "row", "tie_seed", "repeats", "has_user_features")
        (folder / ABOUT_FILE).write_text(json.dumps({field: getattr(self, field) for field in plain}), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Recommender:
        """Read what `save` wrote. It unpickles: see the module.

        Raises UnknownNameError if the algorithm is not installed.
        """
        from pyarrow import parquet

        about = json.loads((folder / ABOUT_FILE).read_text(encoding="utf-8"))
        algorithm = load_registries().algorithms.get(about["name"])
        users, items = (parquet.read_table(folder / name) for name in (USERS_FILE, ITEMS_FILE))
        return cls(
            algorithm=algorithm.load(folder / MODEL_FILE),
            user_ids=np.array(users["user"].to_pylist(), object),
            trained=users["trained"].to_numpy(),
            item_ids=np.array(items["item"].to_pylist(), object),
            **about,
        )
