"""One run at a time on a results folder."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from bench.errors import UsageError
from bench.interactions import content_hash


@contextmanager
def exclusive(root: Path, command: str, since: str) -> Iterator[None]:
    """Hold the folder's lock. Raises UsageError, saying who holds it, if somebody does."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock = FileLock(root / ".lock", timeout=0)
        lock.acquire()
        (root / ".holder.json").write_text(json.dumps({"pid": os.getpid(), "command": command, "since": since}))
    except Timeout:
        raise UsageError(f"{root} is in use by {_holder(root)}. Wait for it, or give another --out.") from None
    except OSError as error:
        raise UsageError(f"cannot write to the results folder {root}: {error}.") from None
    try:
        yield
    finally:
        (root / ".holder.json").unlink(missing_ok=True)
        lock.release()


@contextmanager
def work_folder(root: Path) -> Iterator[Path]:
    """A folder for one invocation's scratch files, apart from the results, whose disk may be full.

    What killed invocations on the same results left is removed; hold the lock.
    """
    prefix = f"bench-{content_hash(str(root.resolve()))[:16]}-"
    for leftover in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        shutil.rmtree(leftover, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=prefix) as folder:
        yield Path(folder)


def _holder(root: Path) -> str:
    try:
        holder = json.loads((root / ".holder.json").read_text())
        return f"process {holder['pid']} since {holder['since']} ({holder['command']})"
    except (OSError, ValueError, KeyError):
        return "another run"
