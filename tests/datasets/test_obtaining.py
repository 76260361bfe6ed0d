"""Whichever source serves, the data set is the same; they are asked in order: cache, folder, network."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from bench.dataset_source import Acquire
from bench.errors import DataError
from bench_datasets.home import data_home

if TYPE_CHECKING:
    from tests.datasets.conftest import Mini, Server

WHEEL = "minibole-1.0-py3-none-any.whl"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "mine"
    path.mkdir()
    return path


@pytest.fixture
def index(mini: Mini, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package index that pip uses instead of the machine's: a folder with the tiny wheel."""
    if subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True).returncode:
        pytest.skip("this environment has no pip")
    wheels = tmp_path / "index"
    wheels.mkdir()
    (wheels / WHEEL).write_bytes(mini.wheel)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    return wheels


def test_a_folder_with_the_archive(mini: Mini, home: Path, folder: Path) -> None:
    (folder / "ml-100k.zip").write_bytes(mini.archive)
    dataset = mini.loader().load(Acquire(home=home, folder=folder))
    assert dataset.source == f"the folder {folder} (the archive)"
    data = dataset.interactions
    assert data.user_ids[data.user].tolist() == ["196", "186", "196", "22"]
    assert data.item_ids[data.item].tolist() == ["242", "302", "267", "1412"]
    assert data.rating is not None
    assert data.rating.tolist() == [3, 3, 4, 1]
    assert data.rating.dtype == np.float32
    assert data.timestamp is not None
    assert data.timestamp[0] == 881250949
    assert data.timestamp.dtype == np.int64


@pytest.mark.parametrize("subfolder", ["", "ml-100k"])
def test_a_folder_with_loose_files(mini: Mini, home: Path, folder: Path, subfolder: str) -> None:
    target = folder / subfolder
    target.mkdir(exist_ok=True)
    for name, content in mini.files.items():
        (target / name).write_bytes(content)
    dataset = mini.loader().load(Acquire(home=home, folder=folder))
    assert dataset.source == f"the folder {target} (the files)"


def test_what_a_folder_gave_is_kept_in_the_cache(mini: Mini, home: Path, folder: Path) -> None:
    for name, content in mini.files.items():
        (folder / name).write_bytes(content)
    mini.loader().load(Acquire(home=home, folder=folder))
    assert mini.loader().load(Acquire(home=home)).source == "the local cache (the files)"


def test_a_folder_serves_where_the_cache_cannot_be_written(mini: Mini, folder: Path, tmp_path: Path) -> None:
    (folder / "ml-100k.zip").write_bytes(mini.archive)
    (tmp_path / "file").touch()
    dataset = mini.loader().load(Acquire(home=tmp_path / "file" / "home", folder=folder))
    assert dataset.source.startswith("the folder")


def test_the_cache_comes_before_the_folder_and_the_folder_before_the_network(
    mini: Mini, home: Path, folder: Path, server: Server
) -> None:
    (folder / "ml-100k.zip").write_bytes(mini.archive)
    server.answers = [server.serves(mini.archive)]
    loader = mini.loader(mini.zip_source(server.url))
    sources = [loader.load(Acquire(home=home, folder=folder)).source for _ in range(2)]
    assert sources == [f"the folder {folder} (the archive)", "the local cache (the archive)"]
    assert server.n_requests == 0


def test_a_download_is_cached(mini: Mini, home: Path, server: Server) -> None:
    server.answers = [server.serves(mini.archive)]
    loader = mini.loader(mini.zip_source(server.url))
    heard: list[tuple[str, int, int]] = []
    first = loader.load(Acquire(home=home, progress=lambda *event: heard.append(event)))
    second = loader.load(Acquire(home=home, offline=True))
    assert first.source == f"the archive ({server.url})"
    assert second.source == "the local cache (the archive)"
    size = len(mini.archive)
    assert heard[0] == ("the archive", 0, size)
    assert heard[-1] == ("the archive", size, size)
    assert sorted(path.name for path in (home / "mini" / "v1").iterdir()) == [".lock", "ml-100k.zip"]


def test_a_wheel_from_the_package_index(mini: Mini, home: Path, index: Path) -> None:
    dataset = mini.loader(mini.wheel_source()).load(Acquire(home=home))
    assert dataset.source == "the wheel (minibole==1.0)"


def test_the_next_source_serves_where_one_does_not(mini: Mini, home: Path, server: Server, index: Path) -> None:
    server.answers = [server.fails(404)]
    dataset = mini.loader(mini.zip_source(server.url), mini.wheel_source()).load(Acquire(home=home))
    assert dataset.source == "the wheel (minibole==1.0)"


def test_another_wheel_on_the_index_is_refused(mini: Mini, home: Path, index: Path) -> None:
    other = mini.zip_of({"other": b"wheel"})
    (index / WHEEL).write_bytes(other)
    with pytest.raises(DataError) as caught:
        mini.loader(mini.wheel_source()).load(Acquire(home=home))
    assert hashlib.sha256(other).hexdigest() in str(caught.value)
    assert hashlib.sha256(mini.wheel).hexdigest() in str(caught.value)


def test_pip_says_why_it_has_no_wheel(mini: Mini, home: Path, index: Path) -> None:
    shutil.rmtree(index)
    with pytest.raises(DataError, match=r"the wheel .*: pip download failed: .*minibole==1.0"):
        mini.loader(mini.wheel_source()).load(Acquire(home=home))


def test_all_sources_give_the_same_data_set(mini: Mini, home: Path, folder: Path) -> None:
    """The titles of the two copies differ in year, spaces, "(V)" and one misprint; the data set does not."""
    sources = [mini.zip_source(), mini.files_source(), mini.wheel_source(None)]
    for name, content in {"ml-100k.zip": mini.archive, WHEEL: mini.wheel, **mini.files}.items():
        (folder / name).write_bytes(content)
    loaded = [
        mini.loader(source).load(Acquire(home=home / str(number), folder=folder))
        for number, source in enumerate(sources)
    ]
    assert [dataset.source.split("(")[-1] for dataset in loaded] == ["the archive)", "the files)", "the wheel)"]
    assert len({dataset.fingerprint for dataset in loaded}) == 1


def test_features(mini: Mini, home: Path, folder: Path) -> None:
    (folder / "ml-100k.zip").write_bytes(mini.archive)
    dataset = mini.loader().load(Acquire(home=home, folder=folder))
    items, users = dataset.item_features, dataset.user_features
    assert items is not None
    assert users is not None
    assert items.ids.tolist() == dataset.interactions.item_ids.tolist() == ["1412", "242", "267", "302"]
    assert items.columns["title"].values.tolist() == [
        "Land Before Time III: The Great Giving",
        "Misérables, Les",
        "",
        "Heidi Fleiss: Hollywood Madam",
    ]
    np.testing.assert_array_equal(items.columns["year"].values, [1995, 1995, np.nan, 1995])
    assert items.columns["genres"].values[:3].tolist() == [("Animation", "Children's"), ("Drama", "Musical"), ()]
    assert users.ids.tolist() == ["186", "196", "22"]
    assert users.columns["age"].values.tolist() == [39, 49, 25]
    assert users.columns["zip"].values.tolist() == ["00000", "55105", "40206"]
    assert {name: column.kind for name, column in users.columns.items()} == {
        "age": "number",
        "gender": "category",
        "occupation": "category",
        "zip": "category",
    }


def test_a_fingerprint_other_than_the_cards_is_an_error(mini: Mini, home: Path, folder: Path) -> None:
    (folder / "ml-100k.zip").write_bytes(mini.archive)
    with pytest.raises(DataError, match=r"mini from the folder .* is not the data set of its card.*expected 0000"):
        mini.loader(fingerprint="0" * 64).load(Acquire(home=home, folder=folder))


def test_offline_with_nothing_cached_says_what_was_tried_and_what_helps(mini: Mini, home: Path) -> None:
    loader = mini.loader(mini.zip_source("http://127.0.0.1:9/ml-100k.zip"), mini.files_source(), mini.wheel_source())
    with pytest.raises(DataError) as caught:
        loader.load(Acquire(home=home, offline=True))
    assert str(caught.value).splitlines() == [
        "mini cannot be had. What was tried:",
        f"  - the cache: nothing in {home / 'mini' / 'v1'}",
        "  - a folder of yours: none was named",
        "  - the archive (http://127.0.0.1:9/ml-100k.zip): not asked, because of the offline option",
        "  - the wheel (minibole==1.0): not asked, because of the offline option",
        "What helps: allow the network; or name a folder that holds ml-100k.zip, or u.data + u.item + u.user, or "
        f"{WHEEL} ('bench data fetch mini --folder DIR'); or run 'bench data fetch mini' on a machine that is "
        "connected and set BENCH_DATA_HOME to a copy of its cache.",
    ]
    assert not home.exists()


def test_bench_offline_keeps_off_the_network(
    mini: Mini, home: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_OFFLINE", "1")
    with pytest.raises(DataError, match=r"not asked, because of BENCH_OFFLINE"):
        mini.loader(mini.zip_source(server.url)).load(Acquire(home=home))
    assert server.n_requests == 0


def test_a_folder_that_does_not_exist_is_an_error_at_once(mini: Mini, home: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"the folder .*nowhere does not exist or is not a folder"):
        mini.loader().load(Acquire(home=home, folder=tmp_path / "nowhere"))


def test_a_folder_without_the_files_is_listed(mini: Mini, home: Path, folder: Path) -> None:
    with pytest.raises(DataError, match=r"your folder .*: it does not hold ml-100k.zip, or u.data \+ u.item \+ u.user"):
        mini.loader().load(Acquire(home=home, folder=folder))


def test_bench_data_home_names_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_DATA_HOME", str(tmp_path))
    assert data_home() == tmp_path
    monkeypatch.delenv("BENCH_DATA_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert data_home().parts[-2:] == ("recsys-bench", "datasets")
