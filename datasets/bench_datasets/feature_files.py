"""Attributes of users or items in a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import cast, get_args

import numpy as np

from bench.errors import DataError
from bench.interactions import FeatureColumn, FeatureKind, Features, IdArray

KINDS: tuple[FeatureKind, ...] = get_args(FeatureKind)
_SEPARATOR = "|"


def read_features(path: Path, id_column: str) -> Features:
    """The column `id_column` ("item" or "user"), which identifies the rows, and a feature from each other one.

    The name of a column may say what it holds: "code:category", "year:number", "genres:tags", "title:text". One that
    does not is "number" if all of its values are, "tags" if one holds a "|" (which separates them), "text" if more than
    half of them differ, and else "category". An empty cell is a missing value. Raises DataError, with the row, if the
    file cannot be read, lacks the ids, repeats one, or has a value that is not of its kind.
    """
    header, rows = _read(path)
    names = [name.partition(":")[0] for name in header]
    if id_column not in header or len(set(names)) < len(names):
        raise DataError(f"{path} needs a column '{id_column}', and each column once. Its columns: {', '.join(header)}.")
    columns = dict(zip(header, zip(*rows, strict=True), strict=True))
    ids = columns.pop(id_column)
    seen: set[str] = set()
    for row, identifier in enumerate(ids, 1):
        if not identifier or identifier in seen:
            raise DataError(
                f"{path}, row {row} after the header: every {id_column} must be there once. Got '{identifier}'."
            )
        seen.add(identifier)
    return Features(
        _objects(ids), {name.partition(":")[0]: _column(path, name, cells) for name, cells in columns.items()}
    )


def _read(path: Path) -> tuple[list[str], list[list[str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header, *rows = [row for row in csv.reader(file, strict=True) if row] or [[]]
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"cannot read {path}: {error}.") from None
    if not rows:
        raise DataError(f"{path} has no rows.")
    for number, row in enumerate(rows, 1):
        if len(row) != len(header):
            raise DataError(f"{path}, row {number} after the header: needs {len(header)} values. Got {len(row)}.")
    return header, rows


def _column(path: Path, name: str, cells: Sequence[str]) -> FeatureColumn:
    _, colon, said = name.partition(":")
    if colon and said not in KINDS:
        raise DataError(f"the column '{name}' of {path} must be of a kind {', '.join(KINDS)}. Got '{said}'.")
    kind = cast(FeatureKind, said) if colon else _kind(cells)
    if kind == "number":
        return FeatureColumn(kind, np.array([_number(path, name, row, cell) for row, cell in enumerate(cells, 1)]))
    if kind == "tags":
        return FeatureColumn(kind, _objects([tuple(filter(None, cell.split(_SEPARATOR))) for cell in cells]))
    return FeatureColumn(kind, _objects(cells))


def _kind(cells: Sequence[str]) -> FeatureKind:
    filled = [cell for cell in cells if cell]
    if filled and all(map(_is_number, filled)):
        return "number"
    if any(_SEPARATOR in cell for cell in filled):
        return "tags"
    return "text" if 2 * len(set(filled)) > len(filled) else "category"


def _is_number(cell: str) -> bool:
    try:
        return bool(np.isfinite(float(cell)))
    except ValueError:
        return False


def _number(path: Path, name: str, row: int, cell: str) -> float:
    if cell and not _is_number(cell):
        raise DataError(f"{path}, row {row} after the header: '{name}' must be a finite number. Got '{cell}'.")
    return float(cell) if cell else float("nan")


def _objects(values: Sequence[object]) -> IdArray:
    """An object array of one dimension, of tuples too."""
    array = np.empty(len(values), object)
    array[:] = values
    return array
