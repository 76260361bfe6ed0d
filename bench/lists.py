"""Interactions and lists of items made elsewhere, read from CSV or Parquet with every id kept exactly ("007", "NA",
2**60).
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from bench.errors import DataError, UsageError, suggestion
from bench.interactions import BoolArray, Float64Array, IdArray, Int32Array, Interactions

if TYPE_CHECKING:
    import pyarrow as pa

ID_COLUMNS = ("user", "item")
LATEST_SECOND = 4_102_444_800
"""2100-01-01. A later timestamp is in another unit, or no time."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """The user and item of every row of a file. user, item: Arrow string arrays of one length."""

    user: pa.StringArray
    item: pa.StringArray

    def __len__(self) -> int:
        return len(self.user)


@dataclass(frozen=True, eq=False)
class RankedRows:
    """Recommendations, in any order of rows. key: float64[n], lower is ranked first: the rank, or minus the
    score. by: which column it comes from.
    """

    pairs: Pairs
    key: Float64Array
    by: Literal["rank", "score"]


@dataclass(frozen=True, eq=False)
class PredictedRows:
    """Predicted ratings beside the true ones. actual, predicted: float64[n], finite."""

    pairs: Pairs
    actual: Float64Array
    predicted: Float64Array


def read_pairs(path: Path) -> Pairs:
    """The columns user and item of a file. Raises DataError if it cannot be read or lacks one."""
    return _pairs(_read(path, ID_COLUMNS), path)


def read_ranked(path: Path) -> RankedRows:
    """User, item, and rank (from 1) or score (higher first); the rank is used where there are both.

    Raises DataError if the file cannot be read, lacks a column, or has a value that is not a number.
    """
    names = _column_names(path)
    by: Literal["rank", "score"] = "score" if "score" in names and "rank" not in names else "rank"
    if by not in names:
        raise DataError(f"{path} needs a column 'rank' or 'score'.{_found(by, names)}")
    table = _read(path, (*ID_COLUMNS, by))
    values = _numbers(table.column(by), by, path)
    if by == "rank":
        _refuse((values < 1) | (values != np.floor(values)), table.column(by), path, "rank must be an int in [1, inf)")
    return RankedRows(_pairs(table, path), values if by == "rank" else -values, by)


def read_predictions(path: Path) -> PredictedRows:
    """User, item, rating and prediction.

    Raises DataError if the file cannot be read, lacks a column, or has a rating or prediction that is not a number.
    """
    table = _read(path, (*ID_COLUMNS, "rating", "prediction"))
    actual, predicted = (_numbers(table.column(name), name, path) for name in ("rating", "prediction"))
    return PredictedRows(_pairs(table, path), actual, predicted)


def read_interactions(path: Path) -> Interactions:
    """User, item, and rating and timestamp if the file has these columns and they are not empty throughout.

    Raises DataError if the file cannot be read, lacks user or item, has no rows, or has a rating that is no number or
    a timestamp that is no whole UTC second before 2100.
    """
    return interactions_of(_read(path, _interaction_columns(path)), path)


def read_good_interactions(path: Path) -> tuple[Interactions, int]:
    """`read_interactions` without the rows that it refuses, and how many these are.

    Raises DataError if the file cannot be read, lacks user or item, or has no row that can be read.
    """
    import pyarrow as pa

    broken: list[str] = []
    table = _read(path, _interaction_columns(path), broken)
    bad = np.zeros(len(table), np.bool_)
    for name in table.column_names:
        bad |= _bad(table.column(name), name, path)
    if bad.all():
        raise DataError(f"{path} has no row that can be read: all {len(table) + len(broken)} were skipped.")
    good = table.filter(pa.array(~bad)).combine_chunks()
    return interactions_of(good, path), len(broken) + int(bad.sum())


def _interaction_columns(path: Path) -> list[str]:
    names = _column_names(path)
    return [*ID_COLUMNS, *(name for name in ("rating", "timestamp") if name in names)]


def _bad(column: pa.ChunkedArray, name: str, path: Path) -> BoolArray:
    """bool[n]: what makes `interactions_of` refuse a row. Nothing does in a column that is empty throughout."""
    if name in ID_COLUMNS:
        return _missing(_as_text(column, name, path))
    if _is_empty(column):
        return np.zeros(len(column), np.bool_)
    values = _parsed(column)
    wrong = _wrong_time(values) if name == "timestamp" else np.zeros(len(values), np.bool_)
    return ~np.isfinite(values) | wrong


def _wrong_time(seconds: Float64Array) -> BoolArray:
    return np.asarray((seconds < 0) | (seconds >= LATEST_SECOND) | (seconds != np.floor(seconds)))


def interactions_of(table: pa.Table, path: Path | str) -> Interactions:
    """The same from a table with these columns, read from `path`, each of one chunk."""
    pairs = _pairs(table, path)
    (user, user_ids), (item, item_ids) = _encoded(pairs.user), _encoded(pairs.item)
    rating, timestamp = (_optional(table, name, path) for name in ("rating", "timestamp"))
    if timestamp is not None:
        _refuse(
            _wrong_time(timestamp),
            table.column("timestamp"),
            path,
            "timestamp must be in whole UTC seconds, from 1970 to 2100",
        )
    return Interactions(
        user,
        item,
        user_ids,
        item_ids,
        None if rating is None else rating.astype(np.float32),
        None if timestamp is None else timestamp.astype(np.int64),
    )


def files_of(folder: Path, stems: Sequence[str]) -> dict[str, Path]:
    """The files stem.csv or stem.parquet that a folder has, by stem, in the given order.

    Raises DataError if it is no folder, or has both of one stem.
    """
    if not folder.is_dir():
        raise DataError(f"a folder with files such as {stems[0]}.csv is needed. Got '{folder}', which is no folder.")
    found = {stem: [folder / f"{stem}{kind}" for kind in (".csv", ".parquet")] for stem in stems}
    found = {stem: [path for path in paths if path.is_file()] for stem, paths in found.items()}
    for stem, paths in found.items():
        if len(paths) > 1:
            raise DataError(f"the folder {folder} must have one of {stem}.csv and {stem}.parquet. It has both.")
    return {stem: paths[0] for stem, paths in found.items() if paths}


def has_rows(path: Path) -> bool:
    """Whether a file holds anything but its header. Raises DataError if it cannot be read."""
    _column_names(path)
    if path.suffix == ".parquet":
        from pyarrow import parquet

        return bool(parquet.read_metadata(path).num_rows)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file)
        next(rows, None)
        return any(rows)


def _column_names(path: Path) -> list[str]:
    try:
        if path.suffix == ".parquet":
            from pyarrow import parquet

            return [str(name) for name in parquet.read_schema(path).names]
        if path.suffix == ".csv":
            with path.open(encoding="utf-8-sig", newline="") as file:
                return next(csv.reader(file), [])
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"cannot read {path}: {_line(error)}.") from None
    raise UsageError(f"a file of lists must be .csv or .parquet. Got '{path}'.")


def _found(wanted: str, names: Sequence[str]) -> str:
    return suggestion(wanted, names).replace("Known:", "Its columns:")


def _read(path: Path, wanted: Sequence[str], broken: list[str] | None = None) -> pa.Table:
    """The wanted columns, each of one chunk; those of a CSV file are strings. broken: takes the rows of a CSV file
    that have too few or too many values; without it they are an error.
    """
    names = _column_names(path)
    for name in wanted:
        if names.count(name) != 1:
            number = "a" if name not in names else "only one"
            raise DataError(f"{path} needs {number} column '{name}'.{_found(name, names)}")
    try:
        table = _read_parquet(path, wanted) if path.suffix == ".parquet" else _read_csv(path, wanted, broken)
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read {path}: {_line(error)}.") from None
    if not len(table):
        raise DataError(f"{path} has no rows.")
    return table.combine_chunks()


def _read_parquet(path: Path, wanted: Sequence[str]) -> pa.Table:
    from pyarrow import parquet

    return parquet.read_table(path, columns=list(wanted))


def _read_csv(path: Path, wanted: Sequence[str], broken: list[str] | None) -> pa.Table:
    import pyarrow as pa
    from pyarrow import csv as arrow

    convert = arrow.ConvertOptions(
        include_columns=list(wanted),
        column_types={name: pa.string() for name in wanted},
        null_values=[],
        strings_can_be_null=False,
    )

    def skip(row: arrow.InvalidRow) -> str:
        assert broken is not None
        broken.append(row.text)
        return "skip"

    parse = arrow.ParseOptions(newlines_in_values=True, invalid_row_handler=None if broken is None else skip)
    return arrow.read_csv(path, None, parse, convert)


def _pairs(table: pa.Table, path: Path | str) -> Pairs:
    user, item = (_ids(table.column(name), name, path) for name in ID_COLUMNS)
    return Pairs(user, item)


def _ids(column: pa.ChunkedArray, name: str, path: Path | str) -> pa.StringArray:
    """Ids as strings, none of them missing."""
    ids = _as_text(column, name, path)
    _refuse(_missing(ids), column, path, f"{name} must not be missing")
    return ids


def _missing(ids: pa.StringArray) -> BoolArray:
    from pyarrow import compute

    return np.asarray(compute.fill_null(compute.equal(ids, ""), True).to_numpy(zero_copy_only=False), np.bool_)


def _as_text(column: pa.ChunkedArray, name: str, path: Path | str) -> pa.StringArray:
    """Numbers that are not integers are refused: they no longer hold ids above 2**53."""
    import pyarrow as pa

    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_integer(kind)):
        raise DataError(f"the column '{name}' of {path} must hold strings or integers. Got {kind}.")
    return column.cast(kind).cast(pa.string()).combine_chunks()


def _encoded(ids: pa.StringArray) -> tuple[Int32Array, IdArray]:
    """int32[n] codes, and the sorted distinct ids."""
    encoded = ids.dictionary_encode()
    distinct = np.array(encoded.dictionary.to_pylist(), object)
    order = np.argsort(distinct)
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order))
    return rank[encoded.indices.to_numpy()], distinct[order]


def _optional(table: pa.Table, name: str, path: Path | str) -> Float64Array | None:
    """A column of numbers; None if there is none, or nothing in it."""
    if name not in table.column_names or _is_empty(table.column(name)):
        return None
    return _numbers(table.column(name), name, path)


def _is_empty(column: pa.ChunkedArray) -> bool:
    """Whether there is no value in it."""
    import pyarrow as pa
    from pyarrow import compute

    empty = compute.equal(column, "") if pa.types.is_string(column.type) else column.is_null()
    return bool(compute.all(empty).as_py())


def _numbers(column: pa.ChunkedArray, name: str, path: Path | str) -> Float64Array:
    """float64[n], all finite."""
    values = _parsed(column)
    _refuse(~np.isfinite(values), column, path, f"{name} must be a finite number")
    return values


def _parsed(column: pa.ChunkedArray) -> Float64Array:
    """float64[n], NaN for what is no number."""
    import pyarrow as pa
    from pyarrow import compute

    try:
        text = compute.utf8_trim_whitespace(column) if pa.types.is_string(column.type) else column
        return np.asarray(text.cast(pa.float64(), safe=False).to_numpy(), np.float64)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return np.array([_number(value) for value in column.to_pylist()])


def _number(value: object) -> float:
    try:
        return float(str(value))
    except ValueError:
        return float("nan")


def _refuse(
    bad: np.ndarray[tuple[int], np.dtype[np.bool_]], column: pa.ChunkedArray, path: Path | str, rule: str
) -> None:
    if bad.any():
        row = int(np.argmax(bad))
        raise DataError(f"{path}, row {row + 1} after the header: {rule}. Got {column[row].as_py()!r}.")


def _line(error: Exception) -> str:
    """The error's own words, on one line."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split()).rstrip(".")
