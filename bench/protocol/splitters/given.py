"""Folds that the user already has, as files."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np
from pydantic import Field

from bench.errors import DataError
from bench.interactions import BoolArray, IdArray, Int64Array, Interactions
from bench.lists import files_of, has_rows, read_interactions
from bench.protocol.fold import NOWHERE, TEST, TEST_HISTORY, TRAIN, VALIDATION, VALIDATION_HISTORY
from bench.protocol.splitters.base import Assignment, Splitter

FILES = {
    "train": TRAIN,
    "validation_history": VALIDATION_HISTORY,
    "validation": VALIDATION,
    "test_history": TEST_HISTORY,
    "test": TEST,
}
"""The part of each file's rows, by its stem. The order is that of repeated events without a time."""


class Given(Splitter):
    """Train, validation and test files that you already have, a folder a fold, as `bench export-fold` writes them.

    A folder holds train and test, and may hold validation, validation_history and test_history, each .csv or .parquet
    with the columns user and item, and timestamp if there is one. Every interaction of the data set gets the part of
    the row that is the same event: the same user and item, and time where both have it. Where there are several of the
    same, the first in train is the first of the data set, and so on to test. The others, on either side, are counted.
    """

    folders: list[str] = Field(min_length=1)
    """A folder of files for each fold; a relative path starts at the suite's file."""

    @property
    def n_folds(self) -> int:
        return len(self.folders)

    @property
    def validates(self) -> bool:
        files = [files_of(Path(folder), ("validation",)) for folder in self.folders]
        return all(has_rows(path) for found in files for path in found.values()) and all(files)

    def located(self, folder: Path) -> Self:
        return self.changed(folders=[str(folder / given) for given in self.folders])

    def assign(self, data: Interactions, seed: int, index: int) -> Assignment:
        import pandas as pd

        folder = Path(self.folders[index])
        files = _read(folder)
        here, there = _events(data, list(files.values()))
        lengths = [len(rows) for rows in files.values()]
        position = pd.Index(here).get_indexer(pd.Index(there))
        lost = position < 0
        for name, missing in zip(files, np.split(lost, np.cumsum(lengths)[:-1]), strict=True):
            if missing.all():
                raise DataError(_strangers(folder, name, files[name], data))
        if lost.any():
            _refuse_hidden_overlap(folder, data, files, lost)
        part = np.full(len(data), NOWHERE, np.int8)
        part[position[~lost]] = np.repeat([FILES[name] for name in files], lengths)[~lost]
        excluded = {
            "interactions in none of the files": int((part == NOWHERE).sum()),
            "rows of the files that are not in the data set, or were filtered out": int(lost.sum()),
        }
        return Assignment(part, excluded)


def _read(folder: Path) -> dict[str, Interactions]:
    """The rows of every file, by its stem, in the order of FILES; only train and test must have some."""
    paths = files_of(folder, tuple(FILES))
    for needed in ("train", "test"):
        if needed not in paths:
            raise DataError(f"the folder {folder} needs a file {needed}.csv or {needed}.parquet. It has none.")
    kept = {name: path for name, path in paths.items() if name in ("train", "test") or has_rows(path)}
    return {name: read_interactions(path) for name, path in kept.items()}


def _events(data: Interactions, files: list[Interactions]) -> tuple[Int64Array, Int64Array]:
    """int64[n] of the data set and of all files' rows: numbers that are equal for the same event; −1 for a row whose
    user or item the data set has not. The k-th of the same pair (and time) has another number than the first.
    """
    pairs = np.concatenate([_pairs(data, data), *(_pairs(rows, data) for rows in files)])
    stamps = [rows.timestamp for rows in (data, *files)]
    event = _dense(pairs)
    if all(stamp is not None for stamp in stamps):
        stamp = _dense(np.concatenate([stamp for stamp in stamps if stamp is not None]))
        event = event * (stamp.max() + 1) + stamp
    by_time = np.arange(len(data)) if data.timestamp is None else np.argsort(data.timestamp, kind="stable")
    here, there = event[: len(data)], event[len(data) :]
    occurrence = np.empty(len(event), np.int64)
    occurrence[by_time] = _occurrence(here[by_time])
    occurrence[len(data) :] = _occurrence(there)
    numbers = np.where(pairs < 0, -1, _dense(event) * (occurrence.max() + 1) + occurrence)
    return numbers[: len(data)], numbers[len(data) :]


def _pairs(rows: Interactions, data: Interactions) -> Int64Array:
    """int64[n]: a number for each pair of the data set's codes; −1 where it has no such user or item."""
    user, item = _codes(rows.user_ids, data.user_ids)[rows.user], _codes(rows.item_ids, data.item_ids)[rows.item]
    return np.where((user < 0) | (item < 0), -1, user * data.n_items + item)


def _codes(ids: IdArray, known: IdArray) -> Int64Array:
    """int64: the position of each id among the known ones, or −1."""
    position = {identifier: code for code, identifier in enumerate(known)}
    return np.array([position.get(identifier, -1) for identifier in ids], np.int64)


def _dense(values: Int64Array) -> Int64Array:
    import pandas as pd

    return np.asarray(pd.factorize(values)[0], np.int64)


def _occurrence(values: Int64Array) -> Int64Array:
    """int64[n]: how many of the same value come before."""
    import pandas as pd

    return np.asarray(pd.Series(values).groupby(values, sort=False).cumcount(), np.int64)


def _refuse_hidden_overlap(folder: Path, data: Interactions, files: dict[str, Interactions], lost: BoolArray) -> None:
    """A pair in two files of which the data set holds one event would pass for a fold without overlap."""
    pairs = np.concatenate([_pairs(rows, data) for rows in files.values()])
    part = np.repeat(np.arange(len(files)), [len(rows) for rows in files.values()])
    suspect = np.isin(pairs, np.intersect1d(pairs[lost], _pairs(data, data)))
    once_a_file = np.unique(pairs[suspect] * len(files) + part[suspect]) // len(files)
    hidden = lost & np.isin(pairs, once_a_file[1:][once_a_file[1:] == once_a_file[:-1]])
    if hidden.any():
        raise DataError(
            f"{len(np.unique(pairs[hidden]))} user-item pairs are in several files of {folder}, and fewer times in "
            'the data set, which would hide the overlap. Keep repeated pairs with the filter duplicates = "keep", '
            "or remove them from all files but one."
        )


def _strangers(folder: Path, name: str, rows: Interactions, data: Interactions) -> str:
    first, own = _ids(rows), _ids(data)
    return (
        f"no row of {name} in {folder} is an interaction of the data set. Its first is of user '{first[0]}' and item "
        f"'{first[1]}'{first[2]}; the data set's is of user '{own[0]}' and item '{own[1]}'{own[2]}."
    )


def _ids(rows: Interactions) -> tuple[str, str, str]:
    time = "" if rows.timestamp is None else f" at {rows.timestamp[0]}"
    return str(rows.user_ids[rows.user[0]]), str(rows.item_ids[rows.item[0]]), time
