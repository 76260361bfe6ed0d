"""A suite of fast algorithms on the generated data set, planned in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.dataset_source import Acquire
from bench.plugins import load_registries
from bench.running.folds import PreparedFold, build_folds
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
        "tasks": {"holdout": {"splitter": "holdout"}, "next-item": {"splitter": "next-item"}},
        "algorithms": {"popularity": {}, "ease": {"parameters": {"l2": 20.0}}},
    }
    suite = Suite.model_validate(values)
    suite.check(load_registries())
    return suite


@pytest.fixture(scope="session")
def folds(suite: Suite) -> dict[str, PreparedFold]:
    return build_folds(suite, load_registries(), Acquire())


@pytest.fixture
def make_jobs(suite: Suite, folds: dict[str, PreparedFold], tmp_path: Path) -> MakeJobs:
    """Plans the suite; the keywords are those of Request, or `suite`."""

    def make(suite: Suite = suite, **request: object) -> list[Job]:
        return plan(suite, folds, load_registries(), tmp_path, Request(**request))  # type: ignore[arg-type]

    return make
