"""One algorithm under test, with what makes testing it fast and what it is exempt from."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.algorithm import Algorithm, Context, EvalSet, UserBatch
from bench.interactions import Features, Float32Array, Int32Array, Interactions, ItemLists
from bench.metrics.accuracy import NDCG
from bench.metrics.judged import Judged
from bench.plugins import load_registries
from bench.protocol.fold import Fold
from bench.ranking import recommend
from bench.seeds import tie_order
from bench.testing.data import tiny_fold

SEED = 1


@dataclass(frozen=True, eq=False)
class AlgorithmCase:
    """What to check: an algorithm by its registered name, or by its class if that is given.

    parameters: those it is tested with, such as few epochs. exempt: checks it need not pass, by name, each
    with the reason, which is shown. tolerance: by how much a user's scores may depend on who else is in the
    batch, relative to the scores' size; matrix kernels may round differently by shape.
    """

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    exempt: Mapping[str, str] = field(default_factory=dict)
    tolerance: float = 1e-5
    algorithm: type[Algorithm[Any]] | None = None

    @cached_property
    def cls(self) -> type[Algorithm[Any]]:
        """The class under test."""
        found: type[Algorithm[Any]] = self.algorithm or load_registries().algorithms.get(self.name)
        return found

    def new(self) -> Algorithm[Any]:
        """An unfitted model."""
        return self.cls(self.cls.Config.parse(self.name, self.parameters))

    def fit(self, fold: Fold, seed: int = SEED, model: Algorithm[Any] | None = None) -> Algorithm[Any]:
        """A model fitted to the fold as the harness does it; `model` if one is given, otherwise a new one."""
        return self.fit_on(fold.train, fold.validation, fold.item_features, fold.user_features, seed, model)

    def fit_on(
        self,
        train: Interactions,
        validation: EvalSet | None,
        item_features: Features | None,
        user_features: Features | None,
        seed: int = SEED,
        model: Algorithm[Any] | None = None,
    ) -> Algorithm[Any]:
        """The same on data that are no fold."""
        model = model or self.new()
        context = Context(
            seed=seed,
            work_dir=Path(tempfile.mkdtemp(dir=self._folder.name)),
            item_features=item_features,
            user_features=user_features,
            evaluate=_ndcg,
        )
        fitted = model.fit(train, validation if model.uses_validation else None, context)
        self.require(fitted is model, "return itself from fit", f"Got {fitted!r}.")
        return model

    @cached_property
    def fitted(self) -> Algorithm[Any]:
        """A model fitted to `tiny_fold()`, which the checks share: nothing but scoring may be done with it."""
        return self.fit(tiny_fold())

    @cached_property
    def _folder(self) -> tempfile.TemporaryDirectory[str]:
        return tempfile.TemporaryDirectory(prefix="bench-contract-", ignore_cleanup_errors=True)

    def require(self, condition: bool | np.bool_, rule: str, got: str = "") -> None:
        """Fail, saying what the algorithm must do and what it did instead."""
        if not condition:
            raise AssertionError(f"'{self.name}' must {rule}. {got}".rstrip())

    def require_same(self, left: Float32Array, right: Float32Array, rule: str) -> None:
        """Fail unless both arrays are the same, bit for bit."""
        self.require(left.shape == right.shape, rule, f"Shapes are {left.shape} and {right.shape}.")
        n_different = int((left != right).sum())
        self.require(n_different == 0, rule, f"{n_different} of {left.size} scores differ.")


def scores_of(model: Algorithm[Any], batch: UserBatch) -> Float32Array:
    """A model's scores as a numpy array, whatever they were."""
    scores = model.score(batch)
    return scores if isinstance(scores, np.ndarray) else scores.detach().cpu().numpy()


def batch_of(users: Int32Array | list[int], histories: list[list[int]], n_items: int) -> UserBatch:
    """A batch from plain lists."""
    return UserBatch(np.asarray(users, np.int32), ItemLists.from_lists(histories, n_items))


def interactions_of(matrix: NDArray[Any]) -> Interactions:
    """The entries of a matrix [n_users, n_items] that are not 0, as interactions of users with items."""
    user, item = np.nonzero(matrix)
    ids = [np.array([f"{code:04d}" for code in range(n)], object) for n in matrix.shape]
    return Interactions(user.astype(np.int32), item.astype(np.int32), *ids)


def histories_of(matrix: NDArray[Any], first_code: int = 0) -> UserBatch:
    """A user a row, from `first_code` on, whose history are the row's entries that are not 0."""
    lists = [np.flatnonzero(row).tolist() for row in matrix]
    users = np.arange(first_code, first_code + len(lists), dtype=np.int32)
    return UserBatch(users, ItemLists.from_lists(lists, matrix.shape[1]))


def evaluation_batch(fold: Fold) -> UserBatch:
    """All users the fold tests."""
    return fold.test.batch


def _ndcg(model: Algorithm[Any], users: EvalSet) -> float:
    """ndcg@10 on the tiny fold, in the place of the harness' validation score."""
    train = tiny_fold().train
    ties = tie_order(SEED, train.item_ids)
    ranked = recommend(model, type(model).__name__, users.batch, 10, ties, train.user_ids)
    return float(np.nanmean(NDCG(10).per_user(Judged(ranked.topk, users.truth))))
