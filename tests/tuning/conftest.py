"""A suite of two fast rows on the generated data set, and tuners of them in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.dataset_source import Acquire
from bench.plugins import load_registries
from bench.running.folds import PreparedFold, build_folds
from bench.running.plan import Request
from bench.running.process import Limits
from bench.suite import Suite
from bench.tuning.tuner import Tuner, make_tuner

MakeTuner = Callable[..., Tuner]


@pytest.fixture(scope="session")
def suite() -> Suite:
    values = {
        "name": "fast",
        "version": 1,
        "description": "Fast rows of three tasks.",
        "dataset": "smoke",
        "seed": 3,
        "metrics": ["ndcg@10"],
        "primary_metric": "ndcg@10",
        "tasks": {
            "holdout": {"splitter": "holdout"},
            "next-item": {"splitter": "leave-last-n"},
            "crossed": {"splitter": "k-fold", "options": {"folds": 2}},
        },
        "algorithms": {"popularity": {}, "ease": {"parameters": {"l2": 20.0}}, "item-knn": {}},
    }
    suite = Suite.model_validate(values)
    suite.check(load_registries())
    return suite


@pytest.fixture(scope="session")
def folds(suite: Suite) -> dict[str, list[PreparedFold]]:
    return build_folds(suite, load_registries(), Acquire())


@pytest.fixture
def make(suite: Suite, folds: dict[str, list[PreparedFold]], tmp_path: Path) -> MakeTuner:
    """A tuner of a row on a fold of a task. n_folds, storage: as in `make_tuner`. Other keywords are fixed fields."""

    def tuner(
        row: str = "ease",
        task: str = "holdout",
        index: int = 0,
        n_folds: int = 1,
        storage: str | None = None,
        prepared: PreparedFold | None = None,
        **fixed: Any,
    ) -> Tuner:
        fold = prepared or folds[task][index]
        request = Request(command="bench tune")
        rest = (load_registries(), tmp_path, tmp_path, request, Limits(), fixed, n_folds, storage)
        return make_tuner(suite, row, task, fold, *rest)

    return tuner
