"""Suites planned in this process: fast rows on the generated data set, and any task on a made-up one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest

from bench.algorithm import Algorithm, Context, EvalSet, RatingPredictor, UserBatch
from bench.card import Card
from bench.config import Config
from bench.dataset_source import Acquire, DatasetLoader
from bench.interactions import Dataset, FeatureColumn, Features, Float32Array, Int32Array, Interactions
from bench.plugins import Registries, load_registries, new_registries
from bench.protocol.fold import Fold
from bench.running.folds import PreparedFold, build_folds
from bench.running.job import Outcome, execute
from bench.running.plan import Job, Request, plan
from bench.suite import Suite

MakeJobs = Callable[..., list[Job]]


@pytest.fixture(scope="session")
def suite() -> Suite:
    values = {
        "name": "fast",
        "version": 1,
        "description": "Fast rows of two tasks.",
        "dataset": "smoke",
        "seed": 3,
        "metrics": ["ndcg@10", "recall@5", "coverage@10"],
        "primary_metric": "ndcg@10",
        "tasks": {"holdout": {"splitter": "holdout"}, "next-item": {"splitter": "leave-last-n"}},
        "algorithms": {"popularity": {}, "ease": {"parameters": {"l2": 20.0}}},
    }
    suite = Suite.model_validate(values)
    suite.check(load_registries())
    return suite


@pytest.fixture(scope="session")
def folds(suite: Suite) -> dict[str, list[PreparedFold]]:
    return build_folds(suite, load_registries(), Acquire())


@pytest.fixture
def make_jobs(suite: Suite, folds: dict[str, list[PreparedFold]], tmp_path: Path) -> MakeJobs:
    """Plans the suite; the keywords are those of Request, or `suite` or `folds`."""

    def make(suite: Suite = suite, folds: dict[str, list[PreparedFold]] = folds, **request: object) -> list[Job]:
        return plan(suite, folds, load_registries(), tmp_path, Request(**request))  # type: ignore[arg-type]

    return make


class MadeUp(DatasetLoader):
    """60 users who rated 4 to 20 of 30 items, the first of them nearly all liked; a gender, an age and a bio each."""

    @property
    def card(self) -> Card:
        words = dict.fromkeys(("title", "description", "licence", "citation", "homepage"), "none")
        return Card.model_validate({"name": "made-up", "version": 1, **words})

    def load(self, acquire: Acquire) -> Dataset:
        rng = np.random.default_rng(0)
        chance = np.linspace(3, 1, 30) / np.linspace(3, 1, 30).sum()
        lists = [rng.choice(30, rng.integers(4, 21), replace=False, p=chance) for _ in range(60)]
        user = np.repeat([f"u{n:02}" for n in range(60)], [len(one) for one in lists]).astype(object)
        codes = np.concatenate(lists)
        item = np.array([f"i{code:02}" for code in codes], object)
        rating = np.clip(np.round(4 - codes / 12 + rng.normal(0, 0.7, len(codes))), 1, 5)
        data = Interactions.from_ids(user, item, rating, rng.permutation(len(codes)) * 3600)
        columns = {
            "gender": FeatureColumn("category", np.array(["f", "m", ""] * 20, object)),
            "age": FeatureColumn("number", np.arange(60.0)),
            "bio": FeatureColumn("text", np.array(["words"] * 60, object)),
        }
        return Dataset(self.card, data, None, Features(data.user_ids, columns))


class Means(RatingPredictor[Config]):
    """An item's mean rating; the mean of all for an item without."""

    serves_unseen_users = False

    def fit(self, train: Interactions, validation: EvalSet | None, context: Context) -> Self:
        assert train.rating is not None
        sums = np.bincount(train.item, train.rating, minlength=train.n_items)
        counts = np.bincount(train.item, minlength=train.n_items)
        self.means = np.where(counts > 0, sums / np.maximum(counts, 1), train.rating.mean()).astype(np.float32)
        return self

    def predict(self, users: Int32Array, items: Int32Array) -> Float32Array:
        return self.means[items]


class Stopper(Algorithm[Config]):
    """Scores by item code; looks at validation while it learns, and keeps what it saw of it."""

    def fit(self, train: Interactions, validation: EvalSet | None, context: Context) -> Self:
        self.n_items = train.n_items
        if validation is not None and context.evaluate is not None:
            context.log("validation", 1, context.evaluate(self, validation))
        return self

    def score(self, batch: UserBatch) -> Float32Array:
        return np.tile(np.arange(self.n_items, dtype=np.float32), (len(batch), 1))

    @property
    def uses_validation(self) -> bool:
        return True


@dataclass(frozen=True)
class Ran:
    """A job that was run in this process, on its fold."""

    job: Job
    fold: Fold
    outcome: Outcome


class World:
    """Plans and runs one task of the made-up data set with the rows `popularity`, `means` and `stopper`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.registries: Registries = new_registries()
        installed = load_registries()
        for kind in ("metrics", "splitters"):
            for name in getattr(installed, kind):
                getattr(self.registries, kind).add(name, getattr(installed, kind).get(name), origin="tests")
        rows: dict[str, Any] = {
            "popularity": installed.algorithms.get("popularity"),
            "means": Means,
            "stopper": Stopper,
        }
        for name, algorithm in rows.items():
            self.registries.algorithms.add(name, algorithm, origin="tests")
        self.registries.datasets.add("made-up", MadeUp(), origin="tests")

    def suite(self, task: dict[str, Any] | None = None, **changes: Any) -> Suite:
        """A suite of one task, `it`. task: what differs from a ranking of a random holdout."""
        values = {
            "name": "made-up",
            "version": 1,
            "description": "none",
            "dataset": "made-up",
            "seed": 3,
            "metrics": ["ndcg@5", "recall@5", "auc", "novelty@5", "rmse", "mae_user"],
            "primary_metric": "ndcg@5",
            "tasks": {"it": {"splitter": "holdout", **(task or {})}},
            "algorithms": {"popularity": {}, "means": {}, "stopper": {}},
        }
        suite = Suite.model_validate({**values, **changes})
        suite.check(self.registries)
        return suite

    def folds(self, suite: Suite) -> dict[str, list[PreparedFold]]:
        return build_folds(suite, self.registries, Acquire())

    def plan(self, suite: Suite, folds: dict[str, list[PreparedFold]] | None = None) -> list[Job]:
        return plan(suite, folds or self.folds(suite), self.registries, self.folder, Request())

    def run(self, row: str = "popularity", task: dict[str, Any] | None = None, **changes: Any) -> Ran:
        """Runs one row of `suite(task, **changes)` on its first fold."""
        suite = self.suite(task, **changes)
        folds = self.folds(suite)
        job = next(job for job in self.plan(suite, folds) if job.row == row)
        fold = folds["it"][0].fold
        return Ran(job, fold, execute(job, fold, self.registries, self.folder))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)
