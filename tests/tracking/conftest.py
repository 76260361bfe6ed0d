"""A migrated sqlite store, copied for each test since making one takes seconds, and results with lists."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from pyarrow import parquet

from bench.database import sqlite_uri
from bench.store import TOPK_FILE, Stored
from bench.tracking.places import Place, place
from bench.tracking.sink import Invocation, Sink

MakeResult = Callable[..., Stored]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty MLflow database with all its tables."""
    file = tmp_path_factory.mktemp("template") / "mlflow.db"
    MlflowClient(sqlite_uri(file))
    return file


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The results folder that `make_run` writes to."""
    folder = tmp_path / "runs"
    folder.mkdir()
    return folder


@pytest.fixture
def store(root: Path, template: Path) -> Place:
    """The default store of the results folder, ready for use."""
    shutil.copyfile(template, root / "mlflow.db")
    return place(root)


@pytest.fixture
def client(store: Place) -> MlflowClient:
    """Looks at what was stored."""
    return MlflowClient(store.uri)


@pytest.fixture
def new_sink(store: Place, client: MlflowClient) -> Callable[[], Sink]:
    """A sink in this process, as a new invocation."""
    return lambda: Sink(client, store, Invocation("bench run --suite smoke", 1_767_225_600_000))


@pytest.fixture
def make_result(make_run: Callable[..., Stored]) -> MakeResult:
    """Like `make_run`, with recommended lists for 30 users."""

    def make(row: str, metrics: dict[str, float | None] | None = None, **fields: Any) -> Stored:
        stored = make_run(row, metrics=metrics if metrics is not None else {"ndcg@10": 0.25, "recall@5": 0.5}, **fields)
        users = [f"u{user:02d}" for user in range(30)]
        rows = [(user, f"i{rank}", rank, 1.0 / rank) for user in users for rank in range(1, 11)]
        columns = dict(zip(("user", "item", "rank", "score"), map(list, zip(*rows, strict=True)), strict=True))
        parquet.write_table(pa.table(columns), stored.path / TOPK_FILE)
        return stored

    return make


@pytest.fixture
def runs_of(client: MlflowClient) -> Callable[..., list[Run]]:
    """The runs of an experiment, of one kind ("result" or "invocation"), oldest first."""

    def runs(kind: str, experiment: str = "smoke-v1/holdout") -> list[Run]:
        found = client.get_experiment_by_name(experiment)
        assert found is not None
        return list(client.search_runs([found.experiment_id], f"tags.`bench.kind` = '{kind}'", order_by=["start_time"]))

    return runs
