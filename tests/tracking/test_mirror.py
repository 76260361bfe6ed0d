"""The mirror with real processes: what may go wrong between a results folder and MLflow."""

from __future__ import annotations

import http.server
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from mlflow.entities import Run

from bench.errors import UsageError
from bench.store import Stored
from bench.tracking import Mirror, markers
from bench.tracking.places import Place

MakeResult = Callable[..., Stored]
RunsOf = Callable[..., list[Run]]
NOTES = {"smoke-v1/holdout": "### Board"}
WAIT_SECONDS = 60
"""For a process to get ready on a busy machine."""


@pytest.fixture
def results(make_result: MakeResult) -> list[Stored]:
    return [make_result(row) for row in ("ease", "vae", "hybrid")]


@pytest.fixture
def no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails the test if a process is started."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("no process should be needed")

    monkeypatch.setattr(subprocess, "Popen", refuse)


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


def mirroring_process(parent: int) -> psutil.Process:
    """Among the children of a process; pytest has others."""
    alive = (child for child in psutil.Process(parent).children() if child.status() != psutil.STATUS_ZOMBIE)
    (found,) = (child for child in alive if "bench.tracking.worker" in child.cmdline())
    return found


def mirror_all(root: Path, results: list[Stored], uri: str | None = None, **options: bool) -> Mirror:
    mirror = Mirror(root, uri, command="bench run --suite smoke", **options)
    for stored in results:
        mirror.submit(stored)
    return mirror


def test_everything_is_mirrored_and_a_second_time_needs_no_process(
    store: Place, results: list[Stored], runs_of: RunsOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mirror_all(store.root, results) as mirror:
        summary = mirror.finish(lambda: NOTES, patience=WAIT_SECONDS)
    assert (summary.mirrored, summary.present, summary.pending, summary.failed) == (3, 0, 0, [])
    assert summary.warning is None
    assert [run.info.status for run in runs_of("result")] == ["FINISHED"] * 3
    assert runs_of("invocation")[0].data.tags["mlflow.note.content"] == "### Board"

    monkeypatch.setattr(subprocess, "Popen", None)
    with mirror_all(store.root, results) as mirror:
        summary = mirror.finish(lambda: pytest.fail("not needed"))
    assert (summary.mirrored, summary.present, summary.warning) == (0, 3, None)


@pytest.mark.usefixtures("no_process")
def test_nothing_to_mirror_starts_nothing(root: Path) -> None:
    with Mirror(root) as mirror:
        assert mirror.finish(lambda: pytest.fail("not needed")).warning is None


def test_an_interrupted_invocation_is_closed_as_killed(store: Place, results: list[Stored], runs_of: RunsOf) -> None:
    with mirror_all(store.root, results):
        wait_for(lambda: all((stored.path / "mlflow.json").exists() for stored in results))
    assert [run.info.status for run in runs_of("invocation")] == ["KILLED"]
    assert {run.info.status for run in runs_of("result")} == {"FINISHED"}


PARENT = """
import sys, time
from pathlib import Path
from bench.store import Store
from bench.tracking import Mirror, markers
mirror = Mirror(Path(sys.argv[1]))
for stored in Store(Path(sys.argv[1])).all():
    mirror.submit(stored)
time.sleep(600)
"""


def test_kill_9_leaves_no_process_and_is_repaired(store: Place, results: list[Stored], runs_of: RunsOf) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(store.root)])
    wait_for(lambda: (results[0].path / "mlflow.json").exists() or (results[2].path / "mlflow.json").exists())
    child = mirroring_process(parent.pid)
    parent.kill()
    parent.wait()
    wait_for(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
    assert runs_of("invocation")[0].info.status == "RUNNING"

    with mirror_all(store.root, results, verify=True) as mirror:
        summary = mirror.finish(dict, patience=WAIT_SECONDS)
    assert summary.mirrored + summary.present == 3
    assert summary.closed >= 1
    assert len(runs_of("result")) == 3
    assert "RUNNING" not in {run.info.status for run in (*runs_of("result"), *runs_of("invocation"))}


def test_a_process_that_dies_is_reported(store: Place, results: list[Stored]) -> None:
    mirror = Mirror(store.root)
    mirror.start()
    mirroring_process(os.getpid()).kill()
    for stored in results:
        mirror.submit(stored)
    summary = mirror.finish(lambda: NOTES)
    assert summary.pending == 3
    assert summary.problem == "the mirroring process ended, see mlflow-mirror.log"


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def hung_server() -> Iterator[str]:
    """Accepts connections and never answers."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def broken_server() -> Iterator[str]:
    """Answers 500, whatever it is asked."""

    class Broken(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(500)
            self.end_headers()

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Broken) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def finish_in(root: Path, results: list[Stored], uri: str, seconds: float) -> str:
    """Mirror to a server that doesn't work; how long `finish` may take, and the warning."""
    with mirror_all(root, results, uri) as mirror:
        started = time.monotonic()
        summary = mirror.finish(lambda: NOTES)
        took = time.monotonic() - started
    assert summary.pending == len(results)
    assert summary.warning is not None
    assert took < seconds
    assert all((stored.path / "record.json").exists() for stored in results)
    return summary.warning


def test_unreachable_server(root: Path, results: list[Stored]) -> None:
    warning = finish_in(root, results, f"http://127.0.0.1:{free_port()}", 10)
    assert "lacks 3 of 3 results" in warning
    assert "bench sync" in warning
    assert "\n" not in warning


def test_hung_server(root: Path, results: list[Stored], hung_server: str) -> None:
    assert "lacks 3 of 3 results" in finish_in(root, results, hung_server, 10)


def test_server_that_answers_500(root: Path, results: list[Stored], broken_server: str) -> None:
    assert "lacks 3 of 3 results" in finish_in(root, results, broken_server, 10)


def test_a_bad_uri_is_an_error_before_any_time_is_spent(root: Path) -> None:
    with pytest.raises(UsageError):
        Mirror(root, "mlruns")


SLOW_WORKER = """
import json, sys, time
for line in sys.stdin:
    time.sleep(float(sys.argv[1]))
    refused = "/refused/" in json.loads(line).get("path", "")
    answer = {"ok": False, "down": False, "message": "no"} if refused else {"ok": True, "outcome": "mirrored"}
    print(json.dumps(answer), flush=True)
"""


@pytest.fixture
def slow_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every answer takes a fifth of a second; a row called "refused" is."""

    def spawn(_: Mirror) -> subprocess.Popen[str]:
        arguments = [sys.executable, "-c", SLOW_WORKER, "0.2"]
        return subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8")

    monkeypatch.setattr(Mirror, "_spawn", spawn)


@pytest.mark.usefixtures("slow_worker")
def test_waits_as_long_as_something_moves(root: Path, make_result: MakeResult) -> None:
    results = [make_result(f"row-{index}") for index in range(10)]
    with mirror_all(root, results) as mirror:
        summary = mirror.finish(dict, patience=1.5)
    assert summary.mirrored == 10


@pytest.mark.usefixtures("slow_worker")
def test_a_refused_record_does_not_keep_the_others_out(root: Path, make_result: MakeResult) -> None:
    results = [make_result(row) for row in ("refused", "ease")]
    with mirror_all(root, results) as mirror:
        summary = mirror.finish(dict)
    assert (summary.mirrored, summary.pending, summary.failed) == (1, 0, [(results[0].path, "no")])
    assert summary.warning is not None
    assert "lacks 1 of 2 results" in summary.warning


@pytest.mark.usefixtures("slow_worker")
def test_does_not_wait_for_ever(root: Path, make_result: MakeResult) -> None:
    results = [make_result(f"row-{index}") for index in range(10)]
    with mirror_all(root, results) as mirror:
        summary = mirror.finish(dict, patience=1.5, limit=1.0)
    assert 0 < summary.pending < 10
    assert summary.warning is not None


@pytest.fixture
def marked(store: Place, results: list[Stored]) -> list[Stored]:
    """Results that claim to be mirrored."""
    for stored in results:
        markers.mark(stored.path, store.shown, stored.record.attempt, "run")
    return results


@pytest.mark.usefixtures("slow_worker")
def test_verifying_asks_mlflow_whatever_the_markers_say(root: Path, marked: list[Stored]) -> None:
    with mirror_all(root, marked, verify=True) as mirror:
        assert mirror.finish(dict).mirrored == 3


@pytest.mark.usefixtures("slow_worker")
def test_markers_count_for_nothing_when_the_database_is_gone(root: Path, marked: list[Stored]) -> None:
    (root / "mlflow.db").unlink()
    with mirror_all(root, marked) as mirror:
        assert mirror.finish(dict).mirrored == 3


@pytest.mark.usefixtures("slow_worker")
def test_a_marker_of_another_store_or_attempt_counts_for_nothing(root: Path, marked: list[Stored]) -> None:
    record = marked[0].record.model_copy(update={"attempt": "second"})
    with mirror_all(root, [Stored(marked[0].path, record)]) as mirror:
        assert mirror.finish(dict).mirrored == 1
    with mirror_all(root, marked, "http://127.0.0.1:1") as mirror:
        assert mirror.finish(dict).mirrored == 3
