"""Interactions in files: exact ids, optional columns, and every mistake named with its row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from bench.errors import DataError
from bench.lists import files_of, has_rows, read_good_interactions, read_interactions

HARD_IDS = ["007", "7", "NA", "null", "nan", "true", str(2**60), str(2**60 + 1), 'a,"b"\nc', "é"]


def csv(folder: Path, text: str) -> Path:
    path = folder / "some.csv"
    path.write_text(text, encoding="utf-8")
    return path


def table(folder: Path, **columns: Any) -> Path:
    path = folder / "some.parquet"
    parquet.write_table(pa.table(columns), path)
    return path


def test_ids_survive_exactly_and_are_sorted(tmp_path: Path) -> None:
    rows = "".join('"{}",i\n'.format(one.replace('"', '""')) for one in HARD_IDS)
    data = read_interactions(csv(tmp_path, "user,item\n" + rows))
    assert data.user_ids[data.user].tolist() == HARD_IDS
    assert data.user_ids.tolist() == sorted(HARD_IDS)
    assert (data.rating, data.timestamp) == (None, None)


def test_ratings_and_times_are_kept(tmp_path: Path) -> None:
    data = read_interactions(csv(tmp_path, "timestamp,other,rating,item,user\n881250949,?,3.5,i,u\n0,?,-1,j,u\n"))
    assert data.rating is not None and data.timestamp is not None
    assert (data.rating.tolist(), data.timestamp.tolist()) == ([3.5, -1.0], [881250949, 0])
    assert data.item_ids[data.item].tolist() == ["i", "j"]


def test_parquet_types_are_kept(tmp_path: Path) -> None:
    path = table(tmp_path, user=[2**60, 2**60 + 1], item=["NA", "007"], rating=[1, 2], timestamp=pa.array([None, None]))
    data = read_interactions(path)
    assert data.user_ids[data.user].tolist() == [str(2**60), str(2**60 + 1)]
    assert data.rating is not None
    assert data.rating.tolist() == [1, 2]
    assert data.timestamp is None


def test_columns_that_are_empty_throughout_are_none(tmp_path: Path) -> None:
    data = read_interactions(csv(tmp_path, "user,item,rating,timestamp\nu,i,,\nu,j,,\n"))
    assert (len(data), data.rating, data.timestamp) == (2, None, None)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("user,thing\nu,i\n", r"needs a column 'item'"),
        ("user,item\n", r"has no rows"),
        ("user,item\nu,\n", r"row 1 after the header: item must not be missing"),
        ("user,item,rating\nu,i,3\nu,j,\n", r"row 2 after the header: rating must be a finite number\. Got ''"),
        ("user,item,rating\nu,i,good\n", r"rating must be a finite number\. Got 'good'"),
        ("user,item,timestamp\nu,i,881250949000\n", r"timestamp must be in whole UTC seconds, .* Got '881250949000'"),
        ("user,item,timestamp\nu,i,-1\n", r"timestamp must be in whole UTC seconds"),
        ("user,item,timestamp\nu,i,1.5\n", r"timestamp must be in whole UTC seconds"),
    ],
)
def test_a_bad_file_is_told_with_its_row(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(DataError, match=told):
        read_interactions(csv(tmp_path, text))


def test_rows_are_more_than_a_header(tmp_path: Path) -> None:
    assert not has_rows(csv(tmp_path, "user,item\n"))
    assert not has_rows(csv(tmp_path, ""))
    assert has_rows(csv(tmp_path, "user,item\nu,i\n"))
    assert has_rows(table(tmp_path, user=["u"]))
    assert not has_rows(table(tmp_path, user=np.array([], np.int64)))
    with pytest.raises(DataError, match="cannot read"):
        has_rows(tmp_path / "none.csv")


def test_files_are_found_in_the_order_asked_for(tmp_path: Path) -> None:
    csv(tmp_path, "")
    (tmp_path / "a.csv").touch()
    assert list(files_of(tmp_path, ("some", "none", "a"))) == ["some", "a"]
    table(tmp_path, user=["u"])
    with pytest.raises(DataError, match=r"must have one of some\.csv and some\.parquet\. It has both"):
        files_of(tmp_path, ("some",))


BAD = """user,item,rating,timestamp
a,x,4,10
,x,4,10
b,,4,10
b,x
b,x,4,10,11
b,x,many,10
b,x,nan,10
b,x,4,881250949000
b,x,4,soon
007,y,5,20
"""


def test_bad_rows_are_skipped_and_counted(tmp_path: Path) -> None:
    """Every kind of them; the good rows keep their order and ids."""
    path = csv(tmp_path, BAD)
    with pytest.raises(DataError, match=r"cannot read .*some\.csv"):
        read_interactions(path)
    data, n_skipped = read_good_interactions(path)
    assert n_skipped == 8
    assert data.user_ids[data.user].tolist() == ["a", "007"]
    assert data.rating is not None
    assert data.timestamp is not None
    assert (data.rating.tolist(), data.timestamp.tolist()) == ([4, 5], [10, 20])


def test_good_rows_are_all_kept(tmp_path: Path) -> None:
    rows = "".join('"{}",i,\n'.format(one.replace('"', '""')) for one in HARD_IDS)
    path = csv(tmp_path, "user,item,rating\n" + rows)
    data, n_skipped = read_good_interactions(path)
    assert (data.fingerprint, n_skipped) == (read_interactions(path).fingerprint, 0)


def test_bad_rows_of_parquet_are_skipped_too(tmp_path: Path) -> None:
    path = table(tmp_path, user=["a", None, "b"], item=["x", "y", "z"], rating=[1.0, 2.0, float("inf")])
    data, n_skipped = read_good_interactions(path)
    assert (data.user_ids.tolist(), n_skipped) == (["a"], 2)


def test_a_file_of_bad_rows_alone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has no row that can be read: all 2 were skipped\."):
        read_good_interactions(csv(tmp_path, "user,item\n,x\ny,\n"))
