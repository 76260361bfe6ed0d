"""MovieLens-1M and -20M: the forms in which GroupLens publishes the larger data sets.

1M has "::" between its fields and knows its users; 20M and later are CSV files with a header, and do not.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping

import numpy as np

from bench.card import Card
from bench.errors import DataError
from bench.interactions import Dataset, Interactions
from bench.lists import interactions_of
from bench_datasets.movielens_format import Movie, item_features, make_movie, user_features
from bench_datasets.obtain import Obtained
from bench_datasets.tables import Table, read_table

DAT = ("ratings.dat", "movies.dat", "users.dat")
CSV = ("ratings.csv", "movies.csv")
LARGE_FILES = {"grouplens-dat": DAT, "grouplens-csv": CSV}
"""Ratings, items and, in the first, users, by layout."""
_COLUMNS = ("user", "item", "rating", "timestamp")
_DEFAULT_SCALE = (0.5, 5.0)
# The codes of users.dat, in the words of its README.
_OCCUPATIONS = [
    "other",
    "academic/educator",
    "artist",
    "clerical/admin",
    "college/grad student",
    "customer service",
    "doctor/health care",
    "executive/managerial",
    "farmer",
    "homemaker",
    "K-12 student",
    "lawyer",
    "programmer",
    "retired",
    "sales/marketing",
    "scientist",
    "self-employed",
    "technician/engineer",
    "tradesman/craftsman",
    "unemployed",
    "writer",
]


def parse_large(card: Card, obtained: Obtained) -> Dataset:
    """The data set in verified files. Raises DataError, with file and line, if they cannot be parsed."""
    is_dat = obtained.layout == "grouplens-dat"
    ratings, movies = (_dat_ratings, _dat_movies) if is_dat else (_csv_ratings, _csv_movies)
    interactions = ratings(obtained.files, card.rating_scale or _DEFAULT_SCALE)
    users = user_features(_dat_users(obtained.files)).aligned(interactions.user_ids) if is_dat else None
    items = item_features(movies(obtained.files)).aligned(interactions.item_ids)
    return Dataset(card, interactions, items, users, obtained.served_by)


def _dat_ratings(files: Mapping[str, bytes], scale: tuple[float, float]) -> Interactions:
    """A row: user::item::rating::timestamp."""
    return _ratings(files[DAT[0]].replace(b"::", b"\t"), DAT[0], scale, "\t", None)


def _csv_ratings(files: Mapping[str, bytes], scale: tuple[float, float]) -> Interactions:
    """A row: userId,movieId,rating,timestamp, after a header with these names."""
    names = ["userId", "movieId", "rating", "timestamp"]
    return _ratings(files[CSV[0]], CSV[0], scale, ",", names)


def _ratings(
    content: bytes, name: str, scale: tuple[float, float], separator: str, header: list[str] | None
) -> Interactions:
    """Read by Arrow: twenty million rows as Python strings would take more memory than most machines have."""
    import pyarrow as pa
    from pyarrow import csv as arrow

    names = header or list(_COLUMNS)
    try:
        table = arrow.read_csv(
            io.BytesIO(content),
            arrow.ReadOptions(column_names=None if header else names),
            arrow.ParseOptions(delimiter=separator),
            arrow.ConvertOptions(include_columns=names, column_types=dict.fromkeys(names, pa.string()), null_values=[]),
        )
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        raise DataError(f"{name}: {' '.join(str(error).split())}") from None
    data = interactions_of(table.rename_columns(list(_COLUMNS)).combine_chunks(), name)
    if data.rating is None or data.timestamp is None:
        raise DataError(f"{name}: every row needs a rating and a timestamp.")
    off = (data.rating < scale[0]) | (data.rating > scale[1])
    if off.any():
        row = int(np.argmax(off))
        rule = f"a rating must be a number in [{scale[0]:g}, {scale[1]:g}]"
        raise DataError(f"{name}, row {row + 1}: {rule}. Got {data.rating[row]:g}.")
    return data


def _dat_movies(files: Mapping[str, bytes]) -> list[Movie]:
    """A row: id::title (year)::genres separated by "|"."""
    rows = read_table(DAT[1], files[DAT[1]], "::", 3, encoding="latin-1").rows
    return [make_movie(row[0], row[1], row[2].split("|")) for row in rows]


def _csv_movies(files: Mapping[str, bytes]) -> list[Movie]:
    """A row: movieId,title (year),genres separated by "|", after a header; a title with a comma is quoted."""
    try:
        rows = list(csv.DictReader(io.StringIO(files[CSV[1]].decode("utf-8"), newline=""), strict=True))
        return [make_movie(row["movieId"], row["title"], row["genres"].split("|")) for row in rows]
    except (UnicodeDecodeError, csv.Error, KeyError, AttributeError) as error:
        raise DataError(f"{CSV[1]} must have the columns movieId, title and genres in every row: {error}.") from None


def _dat_users(files: Mapping[str, bytes]) -> Table:
    """A row: id::gender::age group::occupation::zip code; brought to id, age, gender, occupation, zip code.

    The age is the lowest of its group (1: under 18). An occupation that is no known code stays as it is.
    """
    table = read_table(DAT[2], files[DAT[2]], "::", 5)
    rows = [[user, age, gender, _occupation(code), place] for user, gender, age, code, place in table.rows]
    return Table(DAT[2], rows)


def _occupation(code: str) -> str:
    return _OCCUPATIONS[int(code)] if code.isdecimal() and int(code) < len(_OCCUPATIONS) else code
