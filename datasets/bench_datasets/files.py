"""A data set of one's own, in files: no loader to write, no card to fill in."""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.card import Card
from bench.dataset_source import Acquire, DatasetLoader
from bench.errors import DataError
from bench.interactions import Dataset, Features, IdArray, Interactions
from bench.lists import files_of, has_rows, read_good_interactions, read_interactions
from bench_datasets.feature_files import read_features

PARTS = ("train", "validation_history", "validation", "test_history", "test")
_MAX_NAME = 80
logger = logging.getLogger(__name__)


class FilesDataset(DatasetLoader):
    """A file of interactions, or a folder with `interactions`, or with `train`, `test` and the like.

    Each is .csv or .parquet with the columns user, item and, if there are any, rating and timestamp (UTC seconds);
    ids are kept exactly. Of a folder with train, test, validation, validation_history or test_history, the rows of
    all are the data set, in that order of time; the splitter `given` puts them where they were. A folder may hold
    `item_features.csv` and `user_features.csv` too; see `read_features`.
    """

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise DataError(f"a data set in files is a .csv or .parquet file, or a folder of them. '{path}' is none.")
        self._path = path

    @property
    def card(self) -> Card:
        """Made up from the path, of which it has the name. No file is read."""
        return Card(
            name=_name(self._path),
            version=1,
            title=self._path.name,
            description="Files of the user's.",
            licence="the user's own",
            citation="none",
            homepage="",
        )

    def load(self, acquire: Acquire) -> Dataset:
        """Rows in the order of the files. Raises DataError if one cannot be read or lacks what another has.

        Ids that look the same and are not are told apart, and warned about.
        """
        items = users = None
        paths = [self._path]
        if self._path.is_dir():
            paths = _interaction_files(self._path)
            items, users = (_features(self._path, kind) for kind in ("item", "user"))
        interactions, n_skipped = _joined(paths, acquire.skip_bad_rows)
        for kind, ids in (("user", interactions.user_ids), ("item", interactions.item_ids)):
            _warn_of_twins(ids, kind, self._path)
        return Dataset(
            self.card,
            interactions,
            items and items.aligned(interactions.item_ids),
            users and users.aligned(interactions.user_ids),
            f"the files of {self._path}" + (f" without {n_skipped} rows that cannot be read" if n_skipped else ""),
            str(self._path.absolute()),
            n_skipped,
        )


def _name(path: Path) -> str:
    """A card's name: lower case letters, digits, dots and hyphens."""
    name = re.sub(r"[^a-z0-9._-]+", "-", path.resolve().stem.lower()).lstrip("._-")
    return name[:_MAX_NAME] or "files"


def _interaction_files(folder: Path) -> list[Path]:
    whole, parts = files_of(folder, ("interactions",)), files_of(folder, PARTS)
    if whole and parts:
        raise DataError(
            f"the folder {folder} must have one file of interactions, or train and test files. It has both."
        )
    if not whole and "train" not in parts:
        raise DataError(f"the folder {folder} needs a file interactions.csv or train.csv (or .parquet). It has none.")
    needed = ("interactions", "train")
    return [path for stem, path in (whole or parts).items() if stem in needed or has_rows(path)]


def _joined(paths: list[Path], skip_bad_rows: bool) -> tuple[Interactions, int]:
    """The rows of all files, and how many were skipped."""
    read = [read_good_interactions(path) if skip_bad_rows else (read_interactions(path), 0) for path in paths]
    files, n_skipped = [rows for rows, _ in read], sum(number for _, number in read)
    if len(files) == 1:
        return files[0], n_skipped
    joined = Interactions.from_ids(
        np.concatenate([rows.user_ids[rows.user] for rows in files]),
        np.concatenate([rows.item_ids[rows.item] for rows in files]),
        _column(paths, "rating", [rows.rating for rows in files]),
        _column(paths, "timestamp", [rows.timestamp for rows in files]),
    )
    return joined, n_skipped


def _warn_of_twins(ids: IdArray, kind: str, path: Path) -> None:
    """Of ids that differ only in how Unicode writes a letter: as one code point (NFC), or a letter and its accent."""
    written: dict[str, list[str]] = {}
    for identifier in ids:
        if not identifier.isascii():
            written.setdefault(unicodedata.normalize("NFC", identifier), []).append(identifier)
    twins = [same for same in written.values() if len(same) > 1]
    if twins:
        logger.warning(
            "%s: %d %s ids look like another one and are not the same, such as %s. They are kept apart; if that is not "
            "meant, write ids in one Unicode form (NFC).",
            path,
            sum(map(len, twins)),
            kind,
            " and ".join(map(ascii, twins[0])),
        )


def _column(paths: list[Path], name: str, columns: Sequence[NDArray[Any] | None]) -> NDArray[Any] | None:
    having = [column for column in columns if column is not None]
    if having and len(having) < len(columns):
        lacking = next(path for path, column in zip(paths, columns, strict=True) if column is None)
        raise DataError(f"{lacking} needs a column '{name}', as the other files of its folder have one.")
    return np.concatenate(having) if having else None


def _features(folder: Path, kind: str) -> Features | None:
    path = folder / f"{kind}_features.csv"
    return read_features(path, kind) if path.is_file() else None
