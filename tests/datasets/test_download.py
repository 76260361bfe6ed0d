"""Downloads that break off, stall, or are killed; and several at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bench.card import Card
from bench.dataset_source import Acquire
from bench.errors import DataError
from bench_datasets.download import Patience
from bench_datasets.home import writing
from bench_datasets.movielens import MovieLens
from bench_datasets.problems import SourceError

if TYPE_CHECKING:
    from tests.datasets.conftest import Mini, Server

LOAD = """
import sys
from pathlib import Path
from bench.card import Card
from bench.dataset_source import Acquire
from bench_datasets.movielens import MovieLens
dataset = MovieLens(Card.model_validate_json(sys.argv[1])).load(Acquire(home=Path(sys.argv[2])))
print(dataset.fingerprint, "|", dataset.source)
"""


def start_loading(card: Card, home: Path) -> subprocess.Popen[str]:
    """Another process that loads the data set."""
    command = [sys.executable, "-c", LOAD, card.model_dump_json(), str(home)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def slowly(request: BaseHTTPRequestHandler, content: bytes, pause_seconds: float) -> None:
    """Half of the content, a pause, the rest."""
    request.send_response(200)
    request.send_header("Content-Length", str(len(content)))
    request.end_headers()
    request.wfile.write(content[: len(content) // 2])
    request.wfile.flush()
    time.sleep(pause_seconds)
    request.wfile.write(content[len(content) // 2 :])


def leftovers(home: Path) -> list[str]:
    """What the cache holds beside its lock."""
    return [path.name for path in (home / "mini" / "v1").iterdir() if path.name != ".lock"]


def test_an_interrupted_download_is_tried_again(mini: Mini, home: Path, server: Server) -> None:
    broken = server.serves(mini.archive[:100], promised=len(mini.archive))
    server.answers = [broken, server.fails(503), server.serves(mini.archive)]
    mini.loader(mini.zip_source(server.url)).load(Acquire(home=home))
    assert server.n_requests == 3
    assert leftovers(home) == ["ml-100k.zip"]


def test_a_download_that_breaks_every_time_is_an_error_and_no_cache_entry(
    mini: Mini, home: Path, server: Server
) -> None:
    server.answers = [server.serves(mini.archive[:100], promised=len(mini.archive))]
    with pytest.raises(DataError, match=rf"broke after 100 of {len(mini.archive)} bytes .attempt 3 of 3"):
        mini.loader(mini.zip_source(server.url)).load(Acquire(home=home))
    assert leftovers(home) == []


def test_a_server_that_hangs_up_without_an_answer(mini: Mini, home: Path, server: Server) -> None:
    server.answers = [lambda request: request.connection.close(), server.serves(mini.archive)]
    mini.loader(mini.zip_source(server.url)).load(Acquire(home=home))
    assert server.n_requests == 2


def test_a_stalled_download_is_given_up(mini: Mini, home: Path, server: Server) -> None:
    server.answers = [lambda request: slowly(request, mini.archive, 5.0)]
    loader = MovieLens(mini.card(mini.zip_source(server.url)), Patience(attempts=1, stall_seconds=0.2))
    started = time.monotonic()
    with pytest.raises(DataError, match=r"the connection broke after .* bytes: timed out"):
        loader.load(Acquire(home=home))
    assert time.monotonic() - started < 3


def test_a_download_that_drips_is_given_up(mini: Mini, home: Path, server: Server) -> None:
    def drip(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        for byte in mini.archive:
            request.wfile.write(bytes([byte]))
            request.wfile.flush()
            time.sleep(0.05)

    server.answers = [drip]
    patience = Patience(attempts=1, stall_seconds=0.2, floor_bytes_per_second=10**6)
    with pytest.raises(DataError, match=r"too slow: \d+ of \d+ bytes when time was up"):
        MovieLens(mini.card(mini.zip_source(server.url)), patience).load(Acquire(home=home))


def test_an_endless_download_is_stopped(mini: Mini, home: Path, server: Server) -> None:
    server.answers = [server.serves(bytes(4 * 2**20))]
    with pytest.raises(DataError, match=rf"sends more than the {len(mini.archive)} bytes"):
        mini.loader(mini.zip_source(server.url)).load(Acquire(home=home))
    assert server.n_requests == 1
    assert leftovers(home) == []


def test_a_refusal_is_not_tried_again(mini: Mini, home: Path, server: Server) -> None:
    server.answers = [server.fails(404)]
    with pytest.raises(DataError, match=r"the server answered 404 Not Found"):
        mini.loader(mini.zip_source(server.url)).load(Acquire(home=home))
    assert server.n_requests == 1


def test_nobody_listens(mini: Mini, home: Path) -> None:
    with pytest.raises(DataError, match=r"cannot connect"):
        mini.loader(mini.zip_source("http://127.0.0.1:9/ml-100k.zip")).load(Acquire(home=home))


def test_two_processes_fetch_at_once_and_one_downloads(mini: Mini, home: Path, server: Server) -> None:
    server.answers = [lambda request: slowly(request, mini.archive, 1.0)]
    card = mini.card(mini.zip_source(server.url))
    processes = [start_loading(card, home) for _ in range(2)]
    output = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], output
    assert len({out.split("|")[0] for out, _ in output}) == 1
    assert server.n_requests == 1
    assert leftovers(home) == ["ml-100k.zip"]


def test_a_process_killed_in_a_download_leaves_no_cache_entry(mini: Mini, home: Path, server: Server) -> None:
    server.answers = [lambda request: slowly(request, mini.archive, 3.0), server.serves(mini.archive)]
    card = mini.card(mini.zip_source(server.url))
    process = start_loading(card, home)
    deadline = time.monotonic() + 30
    while server.n_requests == 0 and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.2)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)
    assert process.returncode == -signal.SIGKILL
    assert [name for name in leftovers(home) if not name.endswith(".part")] == []

    assert mini.loader(mini.zip_source(server.url)).load(Acquire(home=home)).source.startswith("the archive")
    assert leftovers(home) == ["ml-100k.zip"]


def test_a_cache_that_cannot_be_written_is_a_clear_error(mini: Mini, tmp_path: Path, server: Server) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"cannot write to the cache .*; BENCH_DATA_HOME names another"):
        mini.loader(mini.zip_source(server.url)).load(Acquire(home=tmp_path / "file"))
    assert server.n_requests == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes to read-only folders")
def test_a_read_only_cache(mini: Mini, home: Path, server: Server) -> None:
    server.answers = [server.serves(mini.archive)]
    loader = mini.loader(mini.zip_source(server.url))
    loader.load(Acquire(home=home))
    (home / "mini" / "v1").chmod(0o555)
    assert loader.load(Acquire(home=home)).source.startswith("the local cache")
    home.chmod(0o555)
    with pytest.raises(DataError, match=r"Permission denied.*; BENCH_DATA_HOME names another"):
        mini.loader(mini.zip_source(server.url), version=2, name="other").load(Acquire(home=home))


def test_waiting_for_another_writer_ends(tmp_path: Path) -> None:
    told = pytest.raises(SourceError, match=r"another process has been writing to the cache")
    with writing(tmp_path), told, writing(tmp_path, seconds=0.1):
        pass
