"""MovieLens-100K, from GroupLens' own files or from the copy in RecBole's wheel."""

from __future__ import annotations

from pathlib import Path

from bench.card import Card
from bench.dataset_source import Acquire, DatasetLoader, load_card
from bench.errors import DataError
from bench.interactions import Dataset
from bench_datasets.download import PATIENT, Patience
from bench_datasets.movielens_format import FILES, parse
from bench_datasets.obtain import obtain


class MovieLens(DatasetLoader):
    """Loads the data set of a card whose sources have the layouts "grouplens" or "recbole"."""

    def __init__(self, card: Card, patience: Patience = PATIENT) -> None:
        unknown = {source.layout for source in card.sources} - FILES.keys()
        if unknown:
            raise DataError(f"a MovieLens source has the layout {' or '.join(FILES)}. Got {', '.join(unknown)}.")
        self._card, self._patience = card, patience

    @property
    def card(self) -> Card:
        """Read once, with the module."""
        return self._card

    def load(self, acquire: Acquire) -> Dataset:
        """Ratings and timestamps in the order of u.data; items with title, year and genres; users with age,
        gender, occupation and zip. Raises DataError if no source serves or the content is not the card's.
        """
        obtained = obtain(self.card, acquire, FILES, self._patience)
        dataset = parse(self.card, obtained)
        if self.card.fingerprint not in (None, dataset.fingerprint):
            raise DataError(
                f"{self.card.name} from {obtained.served_by} is not the data set of its card: its fingerprint is "
                f"{dataset.fingerprint}, expected {self.card.fingerprint}."
            )
        return dataset


MOVIELENS_100K = MovieLens(load_card(Path(__file__).parent / "cards" / "movielens-100k.toml"))
