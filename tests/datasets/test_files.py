"""A data set in files of one's own: exact ids, its parts joined, features by what their cells look like."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from bench.dataset_source import Acquire
from bench.errors import DataError
from bench.interactions import Dataset
from bench.protocol.filters import Filters, apply_filters
from bench.protocol.splitters import Given
from bench_datasets.feature_files import read_features
from bench_datasets.files import FilesDataset


def write(folder: Path, **files: str) -> Path:
    folder.mkdir(exist_ok=True)
    for stem, text in files.items():
        (folder / f"{stem}.csv").write_text(text, encoding="utf-8")
    return folder


def load(path: Path) -> Dataset:
    return FilesDataset(path).load(Acquire())


def test_a_file_is_a_data_set(tmp_path: Path) -> None:
    path = write(tmp_path, ratings="user,item,rating\n007,NA,4\n7,null,2\n") / "ratings.csv"
    dataset = load(path)
    data = dataset.interactions
    assert data.user_ids[data.user].tolist() == ["007", "7"]
    assert data.item_ids[data.item].tolist() == ["NA", "null"]
    assert data.rating is not None and data.rating.tolist() == [4, 2]
    assert (data.timestamp, dataset.item_features, dataset.user_features) == (None, None, None)
    assert (dataset.card.name, dataset.card.version) == ("ratings", 1)
    assert (
        dataset.fingerprint != load(write(tmp_path, ratings="user,item\n007,NA\n7,null\n") / "ratings.csv").fingerprint
    )


def test_the_parts_of_a_folder_are_joined_in_order(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        test="item,user,rating,timestamp\nx,b,3,5\n",
        validation="user,item,rating,timestamp\n",
        train="user,item,rating,timestamp\na,x,1,9\nb,y,2,8\na,x,4,1\n",
    )
    data = load(folder).interactions
    assert data.rating is not None and data.timestamp is not None
    found = zip(data.user_ids[data.user], data.item_ids[data.item], data.rating, data.timestamp, strict=True)
    assert list(found) == [("a", "x", 1, 9), ("b", "y", 2, 8), ("a", "x", 4, 1), ("b", "x", 3, 5)]


def test_features_are_aligned_with_the_items_and_users(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        interactions="user,item\nu,2\nu,10\nv,3\n",
        item_features="item,year\n10,1990\n2,\n4,2000\n",
        user_features="user,town\nv,Bern\n",
    )
    dataset = load(folder)
    assert dataset.item_features is not None and dataset.user_features is not None
    assert dataset.item_features.ids.tolist() == dataset.interactions.item_ids.tolist() == ["10", "2", "3"]
    years = dataset.item_features.columns["year"].values.tolist()
    assert years[0] == 1990 and math.isnan(years[1]) and math.isnan(years[2])
    assert dataset.user_features.columns["town"].values.tolist() == ["", "Bern"]


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"test": "user,item\nu,i\n"}, r"needs a file interactions\.csv or train\.csv"),
        ({"train": "user,item\nu,i\n", "interactions": "user,item\nu,i\n"}, r"It has both"),
        ({"train": "user,item,rating\nu,i,1\n", "test": "user,item\nu,j\n"}, r"test\.csv needs a column 'rating'"),
        ({"train": "user,item\n"}, r"has no rows"),
    ],
)
def test_a_folder_that_is_no_data_set(tmp_path: Path, files: dict[str, str], told: str) -> None:
    with pytest.raises(DataError, match=told):
        load(write(tmp_path, **files))


def test_a_path_to_nothing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"'.*nothing\.csv' is none"):
        FilesDataset(tmp_path / "nothing.csv")


@pytest.mark.parametrize(
    ("file", "name"),
    [("My Ratings (2).csv", "my-ratings-2-"), ("é.csv", "files"), ("a" * 100 + ".csv", "a" * 80), ("_x.csv", "x")],
)
def test_the_name_is_made_of_the_path(tmp_path: Path, file: str, name: str) -> None:
    (tmp_path / file).touch()
    assert FilesDataset(tmp_path / file).card.name == name


FEATURES = """item,year,genres,title,country,code:category,tags:tags,note:text
1,1990,a|b,Toy Story,FR,1,x,12
2,,,Heat,FR,2,,
3,1e3,c,Casino,DE,1,y|x,13
"""


def test_what_a_column_holds_is_said_or_seen(tmp_path: Path) -> None:
    path = write(tmp_path, item_features=FEATURES) / "item_features.csv"
    features = read_features(path, "item")
    kinds = {name: column.kind for name, column in features.columns.items()}
    assert kinds == {
        "year": "number",
        "genres": "tags",
        "title": "text",
        "country": "text",  # two of three differ
        "code": "category",
        "tags": "tags",
        "note": "text",
    }
    assert features.ids.tolist() == ["1", "2", "3"]
    assert features.columns["genres"].values.tolist() == [("a", "b"), (), ("c",)]
    assert features.columns["tags"].values.tolist() == [("x",), (), ("y", "x")]
    assert features.columns["code"].values.tolist() == ["1", "2", "1"]
    assert features.columns["year"].values.tolist()[::2] == [1990, 1000]


def test_values_that_recur_are_categories(tmp_path: Path) -> None:
    path = write(tmp_path, f="user,town\n1,Bern\n2,Bern\n3,Rome\n4,Rome\n") / "f.csv"
    assert read_features(path, "user").columns["town"].kind == "category"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("user,year\n1,2\n", r"needs a column 'item'"),
        ("item,a,a:tags\n1,2,3\n", r"each column once"),
        ("item,a\n1,2\n1,3\n", r"row 2 after the header: every item must be there once\. Got '1'"),
        ("item,a\n,2\n", r"every item must be there once\. Got ''"),
        ("item,a\n1\n", r"row 1 after the header: needs 2 values\. Got 1"),
        ("item,a:year\n1,2\n", r"must be of a kind text, category, tags, number\. Got 'year'"),
        ("item,a:number\n1,2\n2,x\n", r"row 2 after the header: 'a:number' must be a finite number\. Got 'x'"),
        ("item,a\n", r"has no rows"),
        ("", r"has no rows"),
        ('item,a\n"1,2\n', r"cannot read"),
    ],
)
def test_bad_features_are_told_with_their_row(tmp_path: Path, text: str, told: str) -> None:
    path = write(tmp_path, f=text) / "f.csv"
    with pytest.raises(DataError, match=told):
        read_features(path, "item")


def test_a_split_of_ones_own_is_split_where_it_was(tmp_path: Path) -> None:
    """Its overlap included, which the default filter would hide."""
    folder = write(
        tmp_path, train="user,item\na,x\na,y\nb,x\n", validation="user,item\na,z\n", test="user,item\na,w\na,x\n"
    )
    kept, _ = apply_filters(load(folder).interactions, Filters(duplicates="keep"))
    fold = Given(folders=[str(folder)]).split(kept, 1)[0]
    assert [len(part) for part in (fold.train, fold.held_validation, fold.held_test)] == [3, 1, 2]
    assert [kept.item_ids[item] for item in fold.held_test.item] == ["w", "x"]
    assert fold.counts.excluded == {}
    with pytest.raises(DataError, match="in several files"):
        Given(folders=[str(folder)]).split(apply_filters(load(folder).interactions, Filters())[0], 1)


def test_bad_rows_of_all_files_are_counted(tmp_path: Path) -> None:
    folder = write(tmp_path, train="user,item\na,x\n,x\n", test="user,item\na,y\nb,\nb\n")
    with pytest.raises(DataError, match=r"train\.csv, row 2 after the header: user must not be missing"):
        load(folder)
    dataset = FilesDataset(folder).load(Acquire(skip_bad_rows=True))
    assert (len(dataset.interactions), dataset.skipped_rows) == (2, 3)
    assert dataset.source.endswith(" without 3 rows that cannot be read")


def test_unicode_twins_are_kept_apart_and_warned_about(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    composed, apart = "caf\u00e9", "cafe\u0301"
    path = write(tmp_path, some=f"user,item\nu,{composed}\nv,{apart}\nw,\u00e9clair\n\u00e9,plain\n") / "some.csv"
    data = load(path).interactions
    assert data.n_items == 4
    (warning,) = [record.getMessage() for record in caplog.records]
    assert "2 item ids look like another one and are not the same" in warning
    assert r"'cafe\u0301' and 'caf\xe9'" in warning
