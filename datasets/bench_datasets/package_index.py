"""Fetching a wheel from a package index, by the pip of this environment and as the user has configured it."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from shutil import copyfileobj
from typing import IO

from bench.card import FileRef
from bench_datasets.problems import ChecksumError, SourceError

_TIMEOUT_SECONDS = 300
_OPTIONS = ["--no-deps", "--only-binary=:all:", "--ignore-requires-python", "--require-hashes", "--retries=1"]
_QUIET = ["--no-input", "--disable-pip-version-check", "--progress-bar=off", "--timeout=30"]
_GOT = re.compile(r"^\s*Got\s+([0-9a-f]{64})\s*$", re.MULTILINE)


def download_wheel(package: str, ref: FileRef, into: IO[bytes]) -> None:
    """Write the wheel of "name==version" to `into`.

    pip is told the checksum, so that it too reads nothing of a file with another one. Raises SourceError
    with pip's reason, ChecksumError if the index has another file.
    """
    with tempfile.TemporaryDirectory(prefix="bench-wheel-") as name:
        folder = Path(name)
        requirements = folder / "requirements.txt"
        requirements.write_text(f"{package} --hash=sha256:{ref.sha256}\n")
        _pip_download(requirements, folder, package, ref)
        try:
            with (folder / ref.name).open("rb") as wheel:
                copyfileobj(wheel, into)
        except FileNotFoundError:
            raise SourceError(f"pip brought no {ref.name}") from None


def _pip_download(requirements: Path, folder: Path, package: str, ref: FileRef) -> None:
    command = [sys.executable, "-m", "pip", "download", *_OPTIONS, *_QUIET, "--dest", str(folder)]
    try:
        done = subprocess.run(
            [*command, "--requirement", str(requirements)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise SourceError(f"pip download was not done after {_TIMEOUT_SECONDS} s") from None
    except OSError as error:
        raise SourceError(f"pip cannot be started: {error.strerror}") from None
    if done.returncode != 0:
        raise _reason(done.stderr, package, ref)


def _reason(stderr: str, package: str, ref: FileRef) -> SourceError:
    other = _GOT.search(stderr)
    if other:
        return ChecksumError(f"{package} on the package index", ref.sha256, other[1])
    if "No module named pip" in stderr:
        return SourceError("this Python environment has no pip (python -m ensurepip installs it)")
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")]
    return SourceError(f"pip download failed: {(errors or lines or ['it gave no reason'])[-1]}")
