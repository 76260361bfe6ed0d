"""Files of lists made elsewhere: every id exact, every mistake named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from bench.errors import DataError, UsageError
from bench.lists import read_pairs, read_predictions, read_ranked

HARD_IDS = ["007", "7", "7.0", "NA", "null", "", " x ", "nan", str(2**60), str(2**60 + 1), "é", "é", 'a,"b"\nc', "1e5"]
HARD_IDS.remove("")


def write_csv(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def write_parquet(path: Path, **columns: Any) -> Path:
    parquet.write_table(pa.table(columns), path)
    return path


def test_ids_of_csv_survive_exactly(tmp_path: Path) -> None:
    rows = "".join('"{}",i\n'.format(one.replace('"', '""')) for one in HARD_IDS)
    assert read_pairs(write_csv(tmp_path / "a.csv", "user,item\n" + rows)).user.to_pylist() == HARD_IDS


def test_unquoted_ids_of_csv_are_never_numbers_or_missing(tmp_path: Path) -> None:
    ids = ["007", "NA", "null", "nan", "true", str(2**60 + 1), "1e5", "-"]
    text = "item,user\n" + "".join(f"i,{one}\n" for one in ids)
    assert read_pairs(write_csv(tmp_path / "a.csv", text)).user.to_pylist() == ids


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())], ids=str)
def test_string_ids_of_parquet_survive_exactly(tmp_path: Path, kind: pa.DataType) -> None:
    users = pa.array(HARD_IDS).cast(kind)
    path = write_parquet(tmp_path / "a.parquet", user=users, item=["i"] * len(HARD_IDS))
    assert read_pairs(path).user.to_pylist() == HARD_IDS


def test_integer_ids_of_parquet_survive_exactly(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", user=[2**60, 2**60 + 1], item=pa.array([0, 2**64 - 1], pa.uint64()))
    pairs = read_pairs(path)
    assert pairs.user.to_pylist() == [str(2**60), str(2**60 + 1)]
    assert pairs.item.to_pylist() == ["0", str(2**64 - 1)]


def test_float_ids_are_refused(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", user=[1.0, 2.0], item=["a", "b"])
    with pytest.raises(DataError, match=r"column 'user' of .* must hold strings or integers\. Got double\."):
        read_pairs(path)


def test_a_byte_order_mark_and_windows_lines_are_no_part_of_a_name(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xef\xbb\xbfuser,item,rank\r\nu,i,1\r\n")
    ranked = read_ranked(path)
    assert (ranked.pairs.user.to_pylist(), ranked.pairs.item.to_pylist()) == (["u"], ["i"])


def test_rank_is_used_where_there_are_rank_and_score(tmp_path: Path) -> None:
    ranked = read_ranked(write_csv(tmp_path / "a.csv", "score,user,item,rank\n0.1,u,i, 1\n0.2,u,j,2.0\n"))
    assert (ranked.by, ranked.key.tolist()) == ("rank", [1.0, 2.0])


def test_a_higher_score_is_ranked_first(tmp_path: Path) -> None:
    ranked = read_ranked(write_csv(tmp_path / "a.csv", "user,item,score\nu,i,-1e-3\nu,j,7\n"))
    assert (ranked.by, ranked.key.tolist()) == ("score", [0.001, -7.0])
    ranked = read_ranked(write_parquet(tmp_path / "a.parquet", user=["u"], item=["i"], score=pa.array([3], pa.int8())))
    assert ranked.key.tolist() == [-3.0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("user,itme,rank\nu,i,1\n", r"needs a column 'item'\. Did you mean 'itme'\? Its columns: itme, rank, user\."),
        ("user,item\nu,i\n", r"needs a column 'rank' or 'score'\. Its columns: item, user\."),
        ("user,user,item,rank\nu,u,i,1\n", r"needs only one column 'user'\."),
        ("user,item,rank\n", r"has no rows\."),
        ("", r"needs a column 'rank' or 'score'\. Its columns: \(none\)\."),
        ("user,item,rank\nu,i,1\nu,j,two\n", r"row 2 after the header: rank must be a finite number\. Got 'two'\."),
        ("user,item,rank\nu,i,0\n", r"row 1 after the header: rank must be an int in \[1, inf\)\. Got '0'\."),
        ("user,item,rank\nu,i,1.5\n", r"rank must be an int in \[1, inf\)\. Got '1\.5'\."),
        ("user,item,rank\nu,i,\n", r"rank must be a finite number\. Got ''\."),
        ("user,item,score\nu,i,nan\n", r"score must be a finite number\. Got 'nan'\."),
        ("user,item,score\nu,i,inf\n", r"score must be a finite number\. Got 'inf'\."),
        ("user,item,rank\n,i,1\n", r"row 1 after the header: user must not be missing\. Got ''\."),
        ("user,item,rank\nu,i,1\nu,j\n", r"cannot read .*Expected 3 columns, got 2"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_ranked(write_csv(tmp_path / "a.csv", text))


def test_missing_values_of_parquet_are_named(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", user=["u", "v"], item=["i", None], rank=[1, 2])
    with pytest.raises(DataError, match=r"row 2 after the header: item must not be missing\. Got None\."):
        read_ranked(path)
    path = write_parquet(tmp_path / "a.parquet", user=["u", "v"], item=["i", "j"], rank=[1, None])
    with pytest.raises(DataError, match=r"row 2 after the header: rank must be a finite number\. Got None\."):
        read_ranked(path)


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot read .*none\.csv: No such file or directory\."):
        read_pairs(tmp_path / "none.csv")
    with pytest.raises(UsageError, match=r"must be \.csv or \.parquet\. Got '.*a\.tsv'\."):
        read_pairs(write_csv(tmp_path / "a.tsv", "user\titem\n"))
    (tmp_path / "a.parquet").write_bytes(b"PAR1 but no more")
    with pytest.raises(DataError, match=r"cannot read .*a\.parquet"):
        read_pairs(tmp_path / "a.parquet")
    (tmp_path / "b.csv").write_bytes(b"user,item\n\xff\xfe,i\n")
    with pytest.raises(DataError, match=r"cannot read .*b\.csv"):
        read_pairs(tmp_path / "b.csv")


def test_predictions_are_read_as_they_are_written(tmp_path: Path) -> None:
    rows = read_predictions(write_csv(tmp_path / "a.csv", "prediction,user,rating,item\n3.1,007,4,i\n-1e-3,7, 5.0,i\n"))
    assert rows.pairs.user.to_pylist() == ["007", "7"]
    assert (rows.actual.tolist(), rows.predicted.tolist()) == ([4.0, 5.0], [3.1, -0.001])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("user,item,rating,prediction\nu,i,4,4\nu,j,3,nan\n", r"row 2 after the header: prediction must be a finite"),
        ("user,item,rating,prediction\nu,i,good,4\n", r"row 1 after the header: rating must be a finite.*Got 'good'\."),
        ("user,item,rating,predicted\nu,i,4,4\n", r"needs a column 'prediction'\. Did you mean 'predicted'\?"),
    ],
)
def test_mistakes_in_predictions_are_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_predictions(write_csv(tmp_path / "a.csv", text))


def test_missing_predictions_of_parquet_are_named(tmp_path: Path) -> None:
    path = write_parquet(
        tmp_path / "a.parquet", user=["u", "u"], item=["i", "j"], rating=[4, 5], prediction=[None, 1.5]
    )
    with pytest.raises(DataError, match=r"row 1 after the header: prediction must be a finite number\. Got None\."):
        read_predictions(path)
