"""The two forms in which MovieLens-100K is handed around, brought to one.

GroupLens' files and RecBole's hold the same ratings byte for byte, and the same attributes in different words.
The data set is the same whichever was read. The forms of the larger ones are in `movielens_large`.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.card import Card
from bench.interactions import Dataset, FeatureColumn, Features, IdArray
from bench_datasets.obtain import Obtained
from bench_datasets.tables import Table, identifier, read_interactions, read_table

GROUPLENS = ("u.data", "u.item", "u.user")
RECBOLE = ("ml-100k.inter", "ml-100k.item", "ml-100k.user")
FILES = {"grouplens": GROUPLENS, "recbole": RECBOLE}
"""Ratings, items and users, by layout."""

# The flags at the end of a row of u.item, in their order.
GENRES = [
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
]
# Item 267 has neither title nor year; in RecBole's file it has these words instead.
_NO_TITLE = {"unknown", "unkonwn (unkonwn)"}
_NO_GENRE = {"", "unknown", "(no genres listed)"}
# A title ends with its year; "(V)", for video, may follow.
_TITLE_AND_YEAR = re.compile(r"(?P<title>.*)\((?P<year>\d{4})\)\s*(\(.*\))?")
_DEFAULT_SCALE = (1.0, 5.0)


@dataclass(frozen=True)
class Movie:
    """What is known of a movie. title: without its year, "" if unknown; year: NaN if unknown; genres: sorted."""

    id: str
    title: str
    year: float
    genres: tuple[str, ...]


def parse(card: Card, obtained: Obtained) -> Dataset:
    """The data set in verified files. Raises DataError, with file and line, if they cannot be parsed."""
    ratings, movies, users = _grouplens(obtained) if obtained.layout == "grouplens" else _recbole(obtained)
    interactions = read_interactions(ratings, card.rating_scale or _DEFAULT_SCALE)
    return Dataset(
        card,
        interactions,
        item_features(movies).aligned(interactions.item_ids),
        user_features(users).aligned(interactions.user_ids),
        obtained.served_by,
    )


def _grouplens(obtained: Obtained) -> tuple[Table, list[Movie], Table]:
    """A row of u.item: id, title, release date, video release date, IMDb address, then a flag a genre."""
    ratings, items, users = (obtained.files[name] for name in GROUPLENS)
    movies = [
        make_movie(row[0], row[1], [genre for genre, flag in zip(GENRES, row[5:], strict=True) if flag == "1"])
        for row in read_table("u.item", items, "|", 5 + len(GENRES), encoding="latin-1").rows
    ]
    return read_table("u.data", ratings, "\t", 4), movies, read_table("u.user", users, "|", 5)


def _recbole(obtained: Obtained) -> tuple[Table, list[Movie], Table]:
    """A row of ml-100k.item: id, title, year, genres. Title and year put together again are the title of u.item."""
    ratings, items, users = (
        read_table(name, obtained.files[name], "\t", n_fields, header=True)
        for name, n_fields in zip(RECBOLE, (4, 4, 5), strict=True)
    )
    movies = [make_movie(row[0], f"{row[1]} ({row[2]})", row[3].split(" ")) for row in items.rows]
    return ratings, movies, users


def make_movie(identity: str, titled: str, genres: Sequence[str]) -> Movie:
    """From a title with its year, as in "Toy Story (1995)", and genres in any order, of which "unknown" is none."""
    titled = unicodedata.normalize("NFC", titled).strip()
    known = tuple(sorted(genre for genre in genres if genre not in _NO_GENRE))
    match = _TITLE_AND_YEAR.fullmatch(titled)
    if match:
        return Movie(identity, match["title"].strip(), float(match["year"]), known)
    return Movie(identity, "" if titled in _NO_TITLE else titled, math.nan, known)


def item_features(movies: Sequence[Movie]) -> Features:
    """Title, year and genres."""
    return Features(
        _objects([movie.id for movie in movies]),
        {
            "title": FeatureColumn("text", _objects([movie.title for movie in movies])),
            "year": FeatureColumn("number", np.array([movie.year for movie in movies], np.float64)),
            "genres": FeatureColumn("tags", _objects([movie.genres for movie in movies])),
        },
    )


def user_features(users: Table) -> Features:
    """A row of users: id, age, gender, occupation, zip code."""
    ages = np.array(users.column(1, "an age must be a number", float), np.float64)
    columns = {"age": FeatureColumn("number", ages)}
    for index, name in ((2, "gender"), (3, "occupation"), (4, "zip")):
        columns[name] = FeatureColumn("category", _objects([row[index] for row in users.rows]))
    return Features(_objects(users.column(0, "a user id must not be empty", identifier)), columns)


def _objects(values: Sequence[object]) -> IdArray:
    """An object array of one dimension, of tuples too."""
    array = np.empty(len(values), object)
    array[:] = values
    return array
