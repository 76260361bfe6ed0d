"""A tracking server on PostgreSQL that several people mirror to at once, each from a results folder of their own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from mlflow import MlflowClient

from bench.store import Stored
from bench.tracking.mirror import SETTINGS

MEMBERS, ROWS = 3, ("ease", "vae")
SYNC = "import sys; from pathlib import Path; from bench.cli import sync; sync.command(Path(sys.argv[1]), sys.argv[2])"


@pytest.fixture
def server(new_database: Callable[[], str], tmp_path: Path) -> Iterator[str]:
    """The address of an MLflow server on a fresh database."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {
        "MLFLOW_BACKEND_STORE_URI": new_database(),
        "MLFLOW_ARTIFACTS_DESTINATION": str(tmp_path / "artifacts"),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "2"]
    with (tmp_path / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, env={**os.environ, **SETTINGS, **settings}, start_new_session=True
        )
    try:
        wait_until_healthy(f"http://127.0.0.1:{port}", process, tmp_path / "server.log")
        yield f"http://127.0.0.1:{port}"
    finally:
        family = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        process.wait(20)
        _, left = psutil.wait_procs(family, timeout=10)
        for one in left:
            one.kill()


def wait_until_healthy(uri: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 150
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(f"{uri}/health", timeout=2):
                return
        except OSError:
            time.sleep(0.3)
    raise AssertionError(log.read_text())


def folder_of(member: int, make_result: Callable[..., Stored], tmp_path: Path) -> Path:
    """The results folder of one of the team, with rows of their own."""
    for row in ROWS:
        make_result(f"{row}-{member}")
    return Path(shutil.move(tmp_path / "runs", tmp_path / f"member-{member}"))


def test_a_team_mirrors_at_once(server: str, make_result: Callable[..., Stored], tmp_path: Path) -> None:
    folders = [folder_of(member, make_result, tmp_path) for member in range(MEMBERS)]
    # the first of them comes twice: what is not mirrored yet is asked for by two processes at once
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", SYNC, str(folder), server], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for folder in (*folders, folders[0])
    ]
    told = [process.communicate(timeout=150) for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes), "\n".join(map(str, told))
    shutil.move(folders[0], tmp_path / "elsewhere")
    again = subprocess.run(
        [sys.executable, "-c", SYNC, str(tmp_path / "elsewhere"), server], text=True, stdout=subprocess.PIPE
    )
    assert again.stdout == f"MLflow ({server}): 0 mirrored, 2 already there\n"

    client = MlflowClient(server)
    (experiment,) = [one for one in client.search_experiments() if one.name != "Default"]
    runs = client.search_runs([experiment.experiment_id], "tags.`bench.kind` = 'result'")
    assert sorted(run.info.run_name for run in runs) == sorted(
        f"{row}-{member} · seed 1" for row in ROWS for member in range(MEMBERS)
    )
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert "| vae-" in experiment.tags["mlflow.note.content"]
    assert {file.path for file in client.list_artifacts(runs[0].info.run_id)} == {"record.json", "per_user_sample.json"}
