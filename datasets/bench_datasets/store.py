"""Files whose content is known beforehand: verified on every read, replaced as a whole on every write."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from bench.card import FileRef
from bench_datasets.problems import AbsentError, ChecksumError, DamagedError, SourceError

_CHUNK = 2**20
_PART = ".part"


@contextmanager
def open_verified(path: Path, ref: FileRef) -> Iterator[IO[bytes]]:
    """The file, open at its start, after its bytes were compared with the card.

    The same open file is verified and read, so that nobody can swap it in between. Raises AbsentError if
    there is none, SourceError if it cannot be read, DamagedError if it is cut short or has other content.
    """
    with _open(path) as file:
        verify(file, str(path), ref)
        file.seek(0)
        yield file


def _open(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except (FileNotFoundError, NotADirectoryError):
        raise AbsentError(f"{path} does not exist") from None
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror}") from None


def verify(file: IO[bytes], what: str, ref: FileRef) -> None:
    """Compare the rest of an open file with the card. `what` names it in errors."""
    digest, size = hashlib.sha256(), 0
    try:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    except OSError as error:
        raise SourceError(f"cannot read {what}: {error.strerror}") from None
    if size < ref.size_bytes:
        raise DamagedError(f"{what} is incomplete: it has {size} bytes, the card says {ref.size_bytes}")
    if digest.hexdigest() != ref.sha256:
        raise ChecksumError(what, ref.sha256, digest.hexdigest())


def place(folder: Path, ref: FileRef, what: str, write: Callable[[IO[bytes]], None]) -> None:
    """Have `write` fill a temporary file in the folder, verify it, and give it its name; or leave nothing behind.

    `what` names the origin of the bytes in errors. Raises SourceError if the folder cannot be written to.
    """
    try:
        descriptor, name = tempfile.mkstemp(dir=folder, prefix=f"{ref.name}.", suffix=_PART)
    except OSError as error:
        raise SourceError(f"cannot write to {folder}: {error.strerror}") from None
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            write(file)
            file.seek(0)
            verify(file, what, ref)
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(folder / ref.name)
    except OSError as error:
        raise SourceError(f"cannot write {folder / ref.name}: {error.strerror}") from None
    finally:
        temporary.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Delete temporary files of processes that were killed. Call it only while holding the folder's lock."""
    for leftover in folder.glob(f"*{_PART}"):
        leftover.unlink(missing_ok=True)
