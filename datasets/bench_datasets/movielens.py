"""MovieLens: 100K from GroupLens' own files or from the copy in RecBole's wheel; 1M and 20M from GroupLens."""

from __future__ import annotations

from pathlib import Path

from bench.card import Card, Counts
from bench.dataset_source import Acquire, DatasetLoader, load_card
from bench.errors import DataError
from bench.interactions import Dataset
from bench_datasets.download import PATIENT, Patience
from bench_datasets.movielens_format import FILES, parse
from bench_datasets.movielens_large import LARGE_FILES, parse_large
from bench_datasets.obtain import obtain

LAYOUTS = FILES | LARGE_FILES
"""The files that are read, by layout."""


class MovieLens(DatasetLoader):
    """Loads the data set of a card whose sources have one of the known layouts."""

    def __init__(self, card: Card, patience: Patience = PATIENT) -> None:
        unknown = {source.layout for source in card.sources} - LAYOUTS.keys()
        if unknown:
            raise DataError(f"a MovieLens source has the layout {' or '.join(LAYOUTS)}. Got {', '.join(unknown)}.")
        self._card, self._patience = card, patience

    @property
    def card(self) -> Card:
        """Read once, with the module."""
        return self._card

    def load(self, acquire: Acquire) -> Dataset:
        """Ratings and timestamps in the order of their file; items with title, year and genres; users, where they are
        known, with age, gender, occupation and zip. Raises DataError if no source serves or the content is not the
        card's.
        """
        obtained = obtain(self.card, acquire, LAYOUTS, self._patience)
        dataset = (parse_large if obtained.layout in LARGE_FILES else parse)(self.card, obtained)
        if self.card.fingerprint not in (None, dataset.fingerprint):
            raise DataError(
                f"{self.card.name} from {obtained.served_by} is not the data set of its card: its fingerprint is "
                f"{dataset.fingerprint}, expected {self.card.fingerprint}."
            )
        self._check_counts(dataset, obtained.served_by)
        return dataset

    def _check_counts(self, dataset: Dataset, served_by: str) -> None:
        data, counts = dataset.interactions, self.card.counts
        found = Counts(users=data.n_users, items=data.n_items, interactions=len(data))
        if counts not in (None, found):
            raise DataError(f"{self.card.name} from {served_by} must have {counts}, as its card says. It has {found}.")


_CARDS = Path(__file__).parent / "cards"
MOVIELENS_100K = MovieLens(load_card(_CARDS / "movielens-100k.toml"))
MOVIELENS_1M = MovieLens(load_card(_CARDS / "movielens-1m.toml"))
MOVIELENS_20M = MovieLens(load_card(_CARDS / "movielens-20m.toml"))
