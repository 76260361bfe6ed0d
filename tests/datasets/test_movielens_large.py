"""MovieLens-1M and -20M in the forms of GroupLens, on tiny files of the same format."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.card import Card
from bench.dataset_source import Acquire
from bench.errors import DataError
from bench.interactions import Dataset
from bench_datasets.movielens import MOVIELENS_1M, MOVIELENS_20M, MovieLens

DAT = {
    "ratings.dat": "1::1193::5::978300760\n10::661::3::978302109\n1::914::3::978301968\n",
    "movies.dat": "661::James and the Giant Peach (1996)::Animation|Children's|Musical\n"
    "914::My Fair Lady (1964)::Musical|Romance\n1193::Misérables, Les (1995)::Drama\n3::Never Rated (1990)::War\n",
    "users.dat": "1::F::1::10::48067\n10::M::56::16::70072\n",
}
CSV = {
    "ratings.csv": "userId,movieId,rating,timestamp\n1,2,3.5,1112486027\n1,29,0.5,1112484676\n2,2,5.0,974820598\n",
    "movies.csv": 'movieId,title,genres\n2,Jumanji (1995),Adventure|Children\n29,"City of Lost Children, The (1995)",'
    "(no genres listed)\n",
}


def load(tmp_path: Path, files: dict[str, str], layout: str, **fields: Any) -> Dataset:
    """The data set in a zip archive of these files, which its card names."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(f"mini/{name}", text.encode("latin-1" if layout == "grouplens-dat" else "utf-8"))
    content = buffer.getvalue()
    (tmp_path / "mini.zip").write_bytes(content)
    ref = {"name": "mini.zip", "sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content)}
    source = {"title": "mini", "kind": "zip", "layout": layout, "folder": "mini", "files": [ref]}
    words = dict.fromkeys(("title", "description", "licence", "citation", "homepage"), "mini")
    card = Card.model_validate({"name": "mini", "version": 1, **words, "sources": [source], **fields})
    return MovieLens(card).load(Acquire(folder=tmp_path, home=tmp_path / "home"))


def test_ratings_movies_and_users_of_1m(tmp_path: Path) -> None:
    dataset = load(tmp_path, DAT, "grouplens-dat", rating_scale=(1, 5))
    data, items, users = dataset.interactions, dataset.item_features, dataset.user_features
    assert data.user_ids[data.user].tolist() == ["1", "10", "1"]
    assert data.item_ids[data.item].tolist() == ["1193", "661", "914"]
    assert data.rating is not None
    assert data.timestamp is not None
    assert items is not None
    assert users is not None
    assert data.rating.tolist() == [5, 3, 3]
    assert data.timestamp.tolist() == [978300760, 978302109, 978301968]
    assert data.item_ids.tolist() == ["1193", "661", "914"]
    assert items.columns["title"].values.tolist() == ["Misérables, Les", "James and the Giant Peach", "My Fair Lady"]
    assert items.columns["year"].values.tolist() == [1995, 1996, 1964]
    assert items.columns["genres"].values.tolist()[1] == ("Animation", "Children's", "Musical")
    assert users.columns["age"].values.tolist() == [1, 56]
    assert users.columns["gender"].values.tolist() == ["F", "M"]
    assert users.columns["occupation"].values.tolist() == ["K-12 student", "self-employed"]
    assert users.columns["zip"].values.tolist() == ["48067", "70072"]


def test_ratings_and_movies_of_20m(tmp_path: Path) -> None:
    dataset = load(tmp_path, CSV, "grouplens-csv")
    data, items = dataset.interactions, dataset.item_features
    assert data.rating is not None
    assert items is not None
    assert dataset.user_features is None
    assert data.rating.tolist() == [3.5, 0.5, 5.0]
    assert data.rating.dtype == np.float32
    assert items.columns["title"].values.tolist() == ["Jumanji", "City of Lost Children, The"]
    assert items.columns["genres"].values.tolist() == [("Adventure", "Children"), ()]


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("ratings.csv", "3.5", "5.5", r"ratings\.csv, row 1: a rating must be a number in \[0\.5, 5\]\. Got 5\.5"),
        ("ratings.csv", "1112484676", "soon", r"ratings\.csv, row 2 after the header: timestamp must be"),
        ("ratings.csv", "movieId", "item", r"ratings\.csv: .*movieId"),
        ("ratings.csv", "2,2,5.0,974820598", "2,2", r"ratings\.csv: .*Expected 4 columns, got 2"),
        ("movies.csv", "genres", "kinds", r"movies\.csv must have the columns movieId, title and genres"),
        ("movies.csv", ",(no genres listed)", "", r"movies\.csv must have the columns movieId, title and genres"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, file: str, old: str, new: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        load(tmp_path, {**CSV, file: CSV[file].replace(old, new, 1)}, "grouplens-csv")


def test_other_counts_than_the_cards_are_refused(tmp_path: Path) -> None:
    counts = {"users": 2, "items": 3, "interactions": 3}
    with pytest.raises(
        DataError, match=r"must have users=2 items=3 interactions=3, as its card says\. It has users=2 items=2"
    ):
        load(tmp_path, CSV, "grouplens-csv", counts=counts)


@pytest.mark.parametrize("loader", [MOVIELENS_1M, MOVIELENS_20M])
def test_what_cannot_be_had_says_where_it_is(tmp_path: Path, loader: MovieLens) -> None:
    (ref,) = loader.card.sources[0].files
    with pytest.raises(DataError, match=f"name a folder that holds {ref.name}"):
        loader.load(Acquire(folder=None, home=tmp_path, offline=True))
