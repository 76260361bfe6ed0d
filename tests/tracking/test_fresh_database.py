"""Several processes at once on a database that has no tables yet."""

from __future__ import annotations

import multiprocessing
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow import MlflowClient

from bench.database import sqlite_uri
from bench.store import Stored
from bench.tracking.places import place
from bench.tracking.worker import Worker

WORKERS = 4


def open_and_mirror(root: Path, uri: str, folder: Path, results: multiprocessing.Queue[dict[str, object]]) -> None:
    """What the mirroring process does, without its pipes."""
    worker = Worker(lambda reply: None)
    opening = {"do": "open", "root": str(root), "uri": uri, "command": "bench run", "started_ms": 0}
    opened = worker.answer(opening)
    results.put(worker.answer({"do": "mirror", "path": str(folder)}) if opened["ok"] else opened)


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_four_processes_on_a_fresh_database(
    database: str,
    tmp_path: Path,
    make_result: Callable[..., Stored],
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    """Each with a results folder of its own, so that only the database brings them together."""
    monkeypatch.syspath_prepend(Path(__file__).parents[2])  # where a spawned process finds this module by its name
    if database == "sqlite":
        uri = sqlite_uri(tmp_path / "shared" / "mlflow.db")
    else:
        uri = request.getfixturevalue("new_database")()
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    processes = []
    for index in range(WORKERS):
        stored = make_result(f"row-{index}")
        root = tmp_path / f"results-{index}"
        shutil.copytree(stored.path, root / "record")
        processes.append(context.Process(target=open_and_mirror, args=(root, uri, root / "record", results)))
    for process in processes:
        process.start()
    answers = [results.get(timeout=120) for _ in processes]
    for process in processes:
        process.join(10)
    assert answers == [{"ok": True, "outcome": "mirrored"}] * WORKERS
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("smoke-v1/holdout")
    assert experiment is not None
    found = client.search_runs([experiment.experiment_id], "tags.`bench.kind` = 'result'")
    assert sorted(run.data.tags["bench.row"] for run in found) == [f"row-{index}" for index in range(WORKERS)]


def test_what_a_killed_process_left_is_made_again(tmp_path: Path) -> None:
    from bench.tracking.opening import open_client

    (tmp_path / ".mlflow.db.unfinished").write_bytes(b"half a database")
    (tmp_path / ".mlflow.db.unfinished-journal").write_bytes(b"half a journal")
    steps: list[None] = []
    client = open_client(place(tmp_path), lambda: steps.append(None))
    assert [found.name for found in client.search_experiments()] == ["Default"]
    assert len(steps) > 10
    assert not list(tmp_path.glob(".mlflow.db.unfinished*"))
