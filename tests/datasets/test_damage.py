"""Damaged, changed and hostile bytes: refused before they are parsed, told with both checksums, never kept."""

from __future__ import annotations

import hashlib
import io
import logging
import os
import stat
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bench.dataset_source import Acquire
from bench.errors import DataError
from bench_datasets.archive import Limits, read_members
from bench_datasets.problems import DamagedError

if TYPE_CHECKING:
    from tests.datasets.conftest import Mini, Server


def flipped(content: bytes) -> bytes:
    """One bit in the middle is another."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def cached(home: Path) -> Path:
    """Where the cache keeps the archive."""
    path = home / "mini" / "v1" / "ml-100k.zip"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def refusal(mini: Mini, home: Path, folder: Path, archive: bytes) -> str:
    """What loading says of a folder with this archive, whose card pins it."""
    folder.mkdir()
    (folder / "ml-100k.zip").write_bytes(archive)
    with pytest.raises(DataError) as caught:
        mini.loader(mini.zip_source(archive=archive)).load(Acquire(home=home, folder=folder))
    return str(caught.value)


def test_a_flipped_bit_in_the_cache_is_told_with_both_checksums(mini: Mini, home: Path) -> None:
    cached(home).write_bytes(flipped(mini.archive))
    with pytest.raises(DataError) as caught:
        mini.loader().load(Acquire(home=home))
    assert f"its sha256 is {sha256(flipped(mini.archive))}, expected {sha256(mini.archive)}" in str(caught.value)


@pytest.mark.parametrize("damage", [flipped, lambda content: content[:-100]], ids=["flipped bit", "half-written"])
def test_a_damaged_cache_is_fetched_again(
    mini: Mini, home: Path, server: Server, damage: object, caplog: pytest.LogCaptureFixture
) -> None:
    assert callable(damage)
    cached(home).write_bytes(damage(mini.archive))
    server.answers = [server.serves(mini.archive)]
    dataset = mini.loader(mini.zip_source(server.url)).load(Acquire(home=home))
    assert dataset.source.startswith("the archive")
    assert cached(home).read_bytes() == mini.archive
    assert "mini: the cache does not serve" in caplog.text


def test_a_truncated_archive_in_a_folder_is_told(mini: Mini, home: Path, tmp_path: Path) -> None:
    (tmp_path / "ml-100k.zip").write_bytes(mini.archive[:-100])
    size = len(mini.archive)
    with pytest.raises(DataError, match=rf"is incomplete: it has {size - 100} bytes, the card says {size}"):
        mini.loader().load(Acquire(home=home, folder=tmp_path))


def test_a_changed_upstream_file_is_never_used(mini: Mini, home: Path, server: Server) -> None:
    changed = mini.archive + b"one more rating"
    server.answers = [server.serves(changed)]
    with pytest.raises(DataError) as caught:
        mini.loader(mini.zip_source(server.url)).load(Acquire(home=home))
    assert f"its sha256 is {sha256(changed)}, expected {sha256(mini.archive)}" in str(caught.value)
    assert server.n_requests == 1  # another try would bring the same
    assert [path.name for path in (home / "mini" / "v1").iterdir()] == [".lock"]


def test_a_changed_upstream_file_is_warned_of_even_if_another_source_serves(
    mini: Mini, home: Path, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.answers = [server.serves(flipped(mini.archive)), server.serves(mini.archive)]
    sources = mini.zip_source(server.url), mini.zip_source(server.url)
    mini.loader(*sources).load(Acquire(home=home))
    (warning,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert sha256(flipped(mini.archive)) in warning.getMessage()


def test_a_file_that_is_no_archive(mini: Mini, home: Path, tmp_path: Path) -> None:
    assert "is not a readable zip archive" in refusal(mini, home, tmp_path / "mine", b"<html>log in first</html>")


def test_an_archive_without_the_file(mini: Mini, home: Path, tmp_path: Path) -> None:
    archive = mini.zip_of({"ml-100k/u.data": b""})
    assert "has no member 'ml-100k/u.item'" in refusal(mini, home, tmp_path / "mine", archive)


@pytest.mark.parametrize("name", ["../../evil", "/tmp/evil", "a/../../evil", "..\\evil", "C:evil"])
def test_a_name_that_leaves_the_folder_is_refused(mini: Mini, home: Path, tmp_path: Path, name: str) -> None:
    archive = mini.zip_of({f"ml-100k/{known}": content for known, content in mini.files.items()} | {name: b"evil"})
    told = refusal(mini, home, tmp_path / "mine", archive)
    assert f"is refused: its member '{name}' would leave the target folder" in told
    assert not list(tmp_path.rglob("*evil*"))


def test_a_symbolic_link_is_refused(mini: Mini, home: Path, tmp_path: Path) -> None:
    buffer = io.BytesIO(mini.archive)
    with zipfile.ZipFile(buffer, "a") as archive:
        link = zipfile.ZipInfo("ml-100k/link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    assert "'ml-100k/link' is a symbolic link" in refusal(mini, home, tmp_path / "mine", buffer.getvalue())


def test_a_zip_bomb_is_refused(mini: Mini, home: Path, tmp_path: Path) -> None:
    bomb = mini.zip_of({f"ml-100k/{name}": bytes(50_000_000) for name in mini.files})
    assert len(bomb) < 200_000
    assert "would grow beyond" in refusal(mini, home, tmp_path / "mine", bomb)


@pytest.mark.parametrize("limits", [Limits(member_bytes=99), Limits(total_bytes=199)])
def test_members_have_a_size_limit_each_and_together(mini: Mini, limits: Limits) -> None:
    archive = mini.zip_of({"a": os.urandom(100), "b": os.urandom(100)})
    with pytest.raises(DamagedError, match=r"would grow beyond the 99 that are allowed"):
        read_members(io.BytesIO(archive), "archive", ["a", "b"], limits)
    assert len(read_members(io.BytesIO(archive), "archive", ["a", "b"])) == 2


def test_a_declared_size_is_not_believed(mini: Mini) -> None:
    """A bomb may understate what it grows to; reading stops all the same."""
    content = bytes(10_000_000)
    archive = bytearray(mini.zip_of({"a": content}))
    declared = len(content).to_bytes(4, "little")
    while declared in archive:
        at = archive.index(declared)
        archive[at : at + 4] = (10).to_bytes(4, "little")
    with pytest.raises(DamagedError):
        read_members(io.BytesIO(bytes(archive)), "archive", ["a"], Limits(member_bytes=1000))
