"""`bench sync` and `bench ui` on a real store."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from bench.cli import sync, ui
from bench.errors import BenchError, UsageError
from bench.store import Stored
from bench.tracking.places import Place
from bench.tracking.sink import Sink

MakeResult = Callable[..., Stored]
RunsOf = Callable[..., list[Run]]


def test_sync_mirrors_what_is_missing(
    store: Place,
    new_sink: Callable[[], Sink],
    make_result: MakeResult,
    runs_of: RunsOf,
    client: MlflowClient,
    capsys: pytest.CaptureFixture[str],
) -> None:
    new_sink().mirror(make_result("ease").path)
    for row in ("vae", "hybrid"):
        make_result(row)
    sync.command(store.root, json=True)
    found = json.loads(capsys.readouterr().out)
    assert {name: found[name] for name in ("mirrored", "present", "pending", "failed")} == {
        "mirrored": 2,
        "present": 1,
        "pending": 0,
        "failed": [],
    }
    assert len(runs_of("result")) == 3
    experiment = client.get_experiment_by_name("smoke-v1/holdout")
    assert experiment is not None
    note = experiment.tags["mlflow.note.content"]
    assert all(f"| {row} |" in note for row in ("ease", "vae", "hybrid"))


def test_notes_show_few_metrics_the_one_that_ranks_first(make_run: MakeResult) -> None:
    few, many = {"recall@5": 0.5, "ndcg@10": 0.25}, {f"m{index}@10": 0.1 for index in range(9)}
    (note,) = sync.leaderboard_notes([make_run("ease", metrics=few)]).values()
    assert "| ndcg@10 |" in note
    assert "All metrics" not in note
    (note,) = sync.leaderboard_notes([make_run("ease", metrics={**few, **many})]).values()
    header = next(line for line in note.splitlines() if line.startswith("| #"))
    assert [cell for cell in header.split(" | ") if "@" in cell] == ["ndcg@10", "recall@5", "m0@10", "m1@10"]
    assert note.endswith("All metrics: `bench leaderboard`.")


def test_sync_without_a_server_says_so(root: Path, make_result: MakeResult) -> None:
    make_result("ease")
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{probe.getsockname()[1]}"
    with pytest.raises(BenchError, match=r"lacks 1 of 1 results: .*refused"):
        sync.command(root, uri)


def test_sync_without_results_says_what_to_do(root: Path) -> None:
    with pytest.raises(UsageError, match="bench run --suite"):
        sync.command(root)


def test_ui_without_a_store_says_what_to_do(root: Path) -> None:
    with pytest.raises(UsageError, match=r"no MLflow store .*mlflow.db yet. Run: bench run"):
        ui.command(root)


def test_ui_says_that_the_port_is_taken(store: Place) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=rf"127.0.0.1:{port}: .*in use. Choose another --port"):
            ui.command(store.root, port=port)


def test_ui_of_a_server_is_the_servers_own(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ui.command(root, "https://tracking.example.org")
    assert "https://tracking.example.org" in capsys.readouterr().out


UI = """
import sys
from pathlib import Path
from bench.cli import ui
ui.command(Path(sys.argv[1]), port=int(sys.argv[2]))
"""


def test_ui_serves_the_store_until_ctrl_c(store: Place, client: MlflowClient) -> None:
    client.create_experiment("movielens-v1/holdout")
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = [sys.executable, "-c", UI, str(store.root), str(port)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            line = process.stdout.readline()
            assert f"http://127.0.0.1:{port}/" in line
            servers = psutil.Process(process.pid).children(recursive=True)
            query = (
                f"http://127.0.0.1:{port}/api/2.0/mlflow/experiments/get-by-name?experiment_name=movielens-v1/holdout"
            )
            with urllib.request.urlopen(query, timeout=60) as answer:
                assert json.load(answer)["experiment"]["name"] == "movielens-v1/holdout"
        finally:
            os.kill(process.pid, signal.SIGINT)
            code = process.wait(30)
        assert code == 0
        assert process.stderr.read().splitlines()[-1] == "stopped"
    _, alive = psutil.wait_procs(servers, timeout=10)
    assert alive == []
