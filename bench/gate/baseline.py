"""A baseline on disk: a folder that is small enough to commit.

`baseline.json` holds what the runs were and their means, `per_user.parquet` the gated metrics' value for every user.
The same records give the same bytes, so that a diff shows what changed.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import ValidationError

from bench.card import Sha256, Strict
from bench.config import describe_validation_error
from bench.errors import NoVerdictError, UsageError
from bench.gate.measured import Contents, Measured

if TYPE_CHECKING:
    import pyarrow as pa

BASELINE_FILE, VALUES_FILE = ("baseline.json", "per_user.parquet")
SCHEMA_VERSION = 1


class BaselineFile(Strict):
    """The content of `baseline.json`."""

    schema_version: Literal[1] = 1
    values_sha256: Sha256
    """Of the file with the values per user, so that the two cannot be mixed up."""
    contents: Contents


def save(measured: Measured, folder: Path) -> int:
    """Write a baseline in place of what lies there, as a whole or not at all. Returns its size in bytes.

    Raises UsageError if the folder holds anything but a baseline.
    """
    foreign = sorted({path.name for path in folder.glob("*")} - {BASELINE_FILE, VALUES_FILE}) if folder.exists() else []
    if foreign or (folder.exists() and not folder.is_dir()):
        raise UsageError(f"a baseline needs a folder of its own. {folder} holds {foreign[0] if foreign else 'a file'}.")
    values = _parquet(measured.per_user)
    file = BaselineFile(values_sha256=hashlib.sha256(values).hexdigest(), contents=measured.contents)
    text = (file.model_dump_json(indent=1) + "\n").encode()
    folder.parent.mkdir(parents=True, exist_ok=True)
    staging = folder.parent / f".writing-{uuid.uuid4().hex}"
    staging.mkdir()
    try:
        (staging / BASELINE_FILE).write_bytes(text)
        (staging / VALUES_FILE).write_bytes(values)
        _swap(staging, folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return len(text) + len(values)


def _swap(staging: Path, folder: Path) -> None:
    aside = folder.parent / f".replaced-{uuid.uuid4().hex}"
    if folder.exists():
        os.replace(folder, aside)
    os.replace(staging, folder)
    shutil.rmtree(aside, ignore_errors=True)


def load(folder: Path) -> Measured:
    """Read a baseline. Raises NoVerdictError, which says why, if there is none or it cannot be read."""
    try:
        text, values = (folder / BASELINE_FILE).read_bytes(), (folder / VALUES_FILE).read_bytes()
    except OSError:
        raise NoVerdictError(f"there is no baseline in '{folder}'. Make one: bench baseline save") from None
    try:
        file = BaselineFile.model_validate_json(text)
    except ValidationError as error:
        raise NoVerdictError(describe_validation_error(f"{folder / BASELINE_FILE}", error, {})) from None
    if hashlib.sha256(values).hexdigest() != file.values_sha256:
        raise NoVerdictError(f"{folder / VALUES_FILE} is not the file that {BASELINE_FILE} was saved with.")
    return Measured(file.contents, _table(values, folder))


def _parquet(table: pa.Table) -> bytes:
    from pyarrow import parquet

    out = io.BytesIO()
    parquet.write_table(table, out, compression="zstd", compression_level=19)
    return out.getvalue()


def _table(values: bytes, folder: Path) -> pa.Table:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        return parquet.read_table(pa.BufferReader(values))
    except (OSError, ValueError) as error:
        raise NoVerdictError(f"cannot read {folder / VALUES_FILE}: {error}.") from None
