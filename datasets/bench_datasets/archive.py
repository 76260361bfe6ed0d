"""Reading members of a zip archive that nobody should have to trust.

Members are read into memory, never extracted, so no name in the archive ever becomes a path. An archive
that holds a dangerous name all the same is refused: it is not what it claims to be.
"""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO

from bench_datasets.problems import DamagedError

_CHUNK = 2**18


@dataclass(frozen=True)
class Limits:
    """What a member may grow to: member_bytes each, total_bytes together, ratio times its compressed size."""

    member_bytes: int = 2**30
    total_bytes: int = 2**32
    ratio: int = 200


def read_members(file: IO[bytes], what: str, names: Iterable[str], limits: Limits = Limits()) -> dict[str, bytes]:
    """The content of the named members. `what` names the archive in errors.

    Raises DamagedError on an archive that is damaged, lacks a member, holds an unsafe name or a link, or would
    grow beyond `limits`.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            _refuse_unsafe(archive, what)
            return _read(archive, what, list(names), limits)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise DamagedError(f"{what} is not a readable zip archive: {error}") from None


def _refuse_unsafe(archive: zipfile.ZipFile, what: str) -> None:
    for info in archive.infolist():
        if not _is_safe(info.filename):
            raise DamagedError(f"{what} is refused: its member '{info.filename}' would leave the target folder")
        if stat.S_ISLNK(info.external_attr >> 16):
            raise DamagedError(f"{what} is refused: its member '{info.filename}' is a symbolic link")


def _is_safe(name: str) -> bool:
    path = PurePosixPath(name)
    return not (path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name)


def _read(archive: zipfile.ZipFile, what: str, names: list[str], limits: Limits) -> dict[str, bytes]:
    contents: dict[str, bytes] = {}
    left = limits.total_bytes
    for name in names:
        try:
            info = archive.getinfo(name)
        except KeyError:
            raise DamagedError(f"{what} has no member '{name}'") from None
        allowed = min(limits.member_bytes, left, limits.ratio * max(info.compress_size, 1))
        contents[name] = _read_member(archive, info, what, allowed)
        left -= len(contents[name])
    return contents


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, what: str, allowed: int) -> bytes:
    """Stops at `allowed` bytes, whatever size the archive declares."""
    parts, size = [], 0
    with archive.open(info) as member:
        while chunk := member.read(_CHUNK):
            size += len(chunk)
            if size > allowed:
                raise DamagedError(
                    f"{what} is refused: its member '{info.filename}' has {info.compress_size} bytes and would grow "
                    f"beyond the {allowed} that are allowed"
                )
            parts.append(chunk)
    return b"".join(parts)
