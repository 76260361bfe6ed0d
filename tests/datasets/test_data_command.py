"""`bench data`, as a user types it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner, Result

from bench.cli.data import app, download_bars
from bench.errors import DataError, UnknownNameError
from bench.plugins import Registries, new_registries

if TYPE_CHECKING:
    from tests.datasets.conftest import Mini, Server


@pytest.fixture
def registries(monkeypatch: pytest.MonkeyPatch, home: Path) -> Registries:
    """What is installed, and an empty cache."""
    from bench_datasets import plugin

    installed = new_registries()
    plugin.register(installed)
    monkeypatch.setattr("bench.describe.load_registries", lambda: installed)
    monkeypatch.setattr("bench.plugins.load_registries", lambda: installed)
    monkeypatch.setenv("BENCH_DATA_HOME", str(home))
    return installed


@pytest.fixture
def served(registries: Registries, mini: Mini, server: Server) -> Server:
    """A registered data set that can be downloaded."""
    server.answers = [server.serves(mini.archive)]
    registries.datasets.add("mini", mini.loader(mini.zip_source(server.url)), origin="tests")
    return server


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, catch_exceptions=True)


def test_list(registries: Registries) -> None:
    shown = {entry["name"]: entry for entry in json.loads(invoke("list", "--json").stdout)}
    assert shown.keys() == {"movielens-100k", "movielens-1m", "movielens-20m", "smoke"}
    assert "movielens-100k" in invoke("list").stdout


def test_info_shows_licence_citation_and_sources(registries: Registries) -> None:
    card = json.loads(invoke("info", "movielens-100k", "--json").stdout)
    assert "no redistribution" in card["licence"]
    assert "Harper" in card["citation"]
    assert "recbole==1.2.1" in json.dumps(card["sources"])
    assert "no redistribution" in " ".join(invoke("info", "movielens-100k").stdout.split())


def test_fetch_then_verify(served: Server) -> None:
    fetched = invoke("fetch", "mini")
    assert fetched.stdout.splitlines()[:3] == [
        "mini, version 1",
        f"source: the archive ({served.url})",
        "content: 4 interactions of 3 users with 4 items",
    ]
    verified = invoke("verify", "mini")
    assert verified.exit_code == 0
    assert "source: the local cache (the archive)" in verified.stdout
    assert served.n_requests == 1


def test_no_bar_where_stderr_is_not_a_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    with download_bars() as progress:
        progress("the archive", 0, 100)
        progress("the archive", 100, 100)
    assert capfd.readouterr() == ("", "")


def test_fetch_from_a_folder(served: Server, mini: Mini, tmp_path: Path) -> None:
    (tmp_path / "ml-100k.zip").write_bytes(mini.archive)
    assert f"source: the folder {tmp_path} (the archive)" in invoke("fetch", "mini", "--folder", str(tmp_path)).stdout
    assert served.n_requests == 0


def test_verify_finds_a_flipped_bit(served: Server, mini: Mini, home: Path) -> None:
    invoke("fetch", "mini")
    cached = home / "mini" / "v1" / "ml-100k.zip"
    cached.write_bytes(cached.read_bytes()[:-1] + b"x")
    error = invoke("verify", "mini").exception
    assert isinstance(error, DataError)
    assert "the cache: " in str(error)
    assert "sha256" in str(error)


def test_verify_a_generated_data_set(registries: Registries) -> None:
    assert "verified: as its card says" in invoke("verify", "smoke").stdout


def test_an_unknown_name(registries: Registries) -> None:
    error = invoke("fetch", "movielens-100").exception
    assert isinstance(error, UnknownNameError)
    assert "Did you mean 'movielens-100k'?" in str(error)
