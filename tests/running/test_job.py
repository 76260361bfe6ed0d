"""One job: fit, final fit, recommend, metrics; what an algorithm may see, and what lands in the record."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pytest

from bench.algorithm import Algorithm, Context, EvalSet, Need, UserBatch
from bench.config import Config
from bench.errors import UnmetNeedError
from bench.interactions import Float32Array, Interactions
from bench.plugins import Registries, load_registries, new_registries
from bench.protocol.fold import Fold
from bench.running.job import execute
from bench.running.plan import Job
from bench.store import PER_USER_FILE, TOPK_FILE


class SpyConfig(Config):
    epochs: int = 10
    """Found by early stopping."""
    patience: int = 1
    """0 = no early stopping."""


class Spy(Algorithm[SpyConfig]):
    """Remembers what it was given; stops early after 4 epochs."""

    fits: ClassVar[list[tuple[SpyConfig, Interactions, EvalSet | None]]] = []

    def fit(self, train: Interactions, validation: EvalSet | None, context: Context) -> Self:
        self.fits.append((self.config, train, validation))
        self.n_items = train.n_items
        context.log("loss", 1, 0.5)
        return self

    def score(self, batch: UserBatch) -> Float32Array:
        return np.tile(np.arange(self.n_items, dtype=np.float32), (len(batch), 1))

    @property
    def uses_validation(self) -> bool:
        return self.config.patience > 0

    @property
    def fitted_config(self) -> SpyConfig:
        return self.config.changed(epochs=4, patience=0)


class Needy(Spy):
    """Needs what the fold may not have."""

    needs = frozenset({Need.ITEM_FEATURES, Need.TIMESTAMPS})


@pytest.fixture
def registries() -> Registries:
    registries = new_registries()
    registries.algorithms.add("spy", Spy, origin="tests")
    registries.algorithms.add("needy", Needy, origin="tests")
    for name in load_registries().metrics:
        registries.metrics.add(name, load_registries().metrics.get(name), origin="tests")
    Spy.fits.clear()
    return registries


@pytest.fixture
def job(make_jobs: Any) -> Job:
    jobs: list[Job] = make_jobs()
    return jobs[0]


def spy_on(job: Job, fold: Fold, registries: Registries, tmp_path: Path, name: str = "spy", **changes: Any) -> Any:
    config = SpyConfig().model_dump()
    return execute(replace(job, algorithm=name, row=name, config=config, **changes), fold, registries, tmp_path)


def fold_of(job: Job) -> Fold:
    fold: Fold = pickle.loads(job.fold_path.read_bytes())
    return fold


def test_the_final_fit_is_blind_and_uses_what_early_stopping_found(
    job: Job, registries: Registries, tmp_path: Path
) -> None:
    fold = fold_of(job)
    outcome = spy_on(job, fold, registries, tmp_path)
    (first, train, validation), (second, both, nothing) = Spy.fits
    assert (first.epochs, second.epochs, second.patience) == (10, 4, 0)
    assert train is fold.train
    assert validation is fold.validation
    assert len(both) == len(fold.train) + len(fold.held_validation)
    assert nothing is None
    assert outcome.fields["config_effective"] == {"epochs": 4, "patience": 0}
    assert set(outcome.fields["curves"]) == {"loss", "final_loss"}
    assert outcome.fields["timings"].final_fit_seconds > 0


def test_final_fit_on_train_only(job: Job, registries: Registries, tmp_path: Path) -> None:
    spy_on(job, fold_of(job), registries, tmp_path, final_fit="train")
    assert [len(train) for _, train, _ in Spy.fits] == [len(fold_of(job).train)]


def test_no_fit_sees_a_test_interaction(job: Job, registries: Registries, tmp_path: Path) -> None:
    fold = fold_of(job)
    spy_on(job, fold, registries, tmp_path)
    test = set(zip(fold.held_test.user.tolist(), fold.held_test.item.tolist(), strict=True))
    for _, train, _ in Spy.fits:
        assert not test & set(zip(train.user.tolist(), train.item.tolist(), strict=True))


def test_tables_hold_the_data_sets_own_ids(job: Job, registries: Registries, tmp_path: Path) -> None:
    fold = fold_of(job)
    tables = spy_on(job, fold, registries, tmp_path).tables
    topk, per_user = tables[TOPK_FILE].to_pylist(), tables[PER_USER_FILE].to_pylist()
    assert {row["user"] for row in topk} == {row["user"] for row in per_user} <= set(fold.train.user_ids)
    assert [row["rank"] for row in topk[:10]] == list(range(1, 11))
    assert all(isinstance(row["item"], str) for row in topk)
    assert set(per_user[0]) == {"user", "ndcg@10", "recall@5", "user-activity", "user-training"}


def test_values_are_means_of_the_per_user_table(job: Job, registries: Registries, tmp_path: Path) -> None:
    outcome = spy_on(job, fold_of(job), registries, tmp_path)
    for label in ("ndcg@10", "recall@5"):
        column = outcome.tables[PER_USER_FILE].column(label).to_numpy()
        assert outcome.fields["metrics"][label].value == pytest.approx(column.mean(), abs=1e-15)
        assert outcome.fields["metrics"][label].n_users == len(column)


def test_unmet_needs_are_named(job: Job, registries: Registries, tmp_path: Path) -> None:
    fold = fold_of(job)
    bare = replace(fold, item_features=None, train=replace(fold.train, timestamp=None))
    with pytest.raises(UnmetNeedError, match="'needy' needs item features, timestamps"):
        spy_on(job, bare, registries, tmp_path, name="needy")
    spy_on(job, fold, registries, tmp_path, name="needy")
