"""Rows that cannot be read are told with file and line; ids survive to the letter."""

from __future__ import annotations

import pytest

from bench.errors import DataError
from bench_datasets.movielens_format import make_movie
from bench_datasets.tables import read_interactions, read_table

GOOD = "1\t7\t3\t881250949"


def read(*lines: str) -> object:
    return read_interactions(read_table("ratings", "\n".join(lines).encode(), "\t", 4), (1, 5))


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("1\t7\t3", "ratings, line 2: needs 4 fields separated by '\\t'. Got 3."),
        ("", "ratings, line 2: needs 4 fields separated by '\\t'. Got 1."),
        ("\t7\t3\t881250949", "ratings, line 2: a user id must not be empty. Got ''."),
        ("1\t\t3\t881250949", "ratings, line 2: an item id must not be empty. Got ''."),
        ("1\t7\tgood\t881250949", "ratings, line 2: a rating must be a number in [1, 5]. Got 'good'."),
        ("1\t7\t-1\t881250949", "ratings, line 2: a rating must be a number in [1, 5]. Got '-1'."),
        ("1\t7\tnan\t881250949", "ratings, line 2: a rating must be a number in [1, 5]. Got 'nan'."),
        ("1\t7\t3\t0", "a timestamp must be in whole UTC seconds after 1970 and before 2100. Got '0'."),
        ("1\t7\t3\t881250949000", "a timestamp must be in whole UTC seconds after 1970 and before 2100. Got"),
        ("1\t7\t3\t8.8e8", "a timestamp must be in whole UTC seconds after 1970 and before 2100. Got '8.8e8'."),
    ],
)
def test_a_bad_row_is_told_with_its_line(row: str, told: str) -> None:
    with pytest.raises(DataError) as caught:
        read(GOOD, row, GOOD)
    assert told in str(caught.value)


def test_the_wrong_encoding_is_told_with_its_line() -> None:
    with pytest.raises(DataError, match=r"items, line 2: not valid utf-8"):
        read_table("items", "Café\nMisérables".encode("latin-1").replace(b"Caf\xe9", b"Cafe"), "|", 1)


def test_only_line_feeds_end_a_line() -> None:
    table = read_table("items", "a\x85b|1\r\nc\x0bd|2\n".encode("latin-1"), "|", 2, encoding="latin-1")
    assert table.rows == [["a\x85b", "1"], ["c\x0bd", "2"]]


def test_ids_survive_to_the_letter() -> None:
    ids = ["007", "7", "NA", "null", "nan", str(2**60), str(2**60 + 1), "é", "e\u0301"]
    lines = "".join(f"{identity}\t{identity}\t3\t881250949\n" for identity in ids)
    data = read_interactions(read_table("ratings", lines.encode(), "\t", 4), (1, 5))
    assert data.user_ids[data.user].tolist() == data.item_ids[data.item].tolist() == ids


@pytest.mark.parametrize(
    ("titled", "title", "year"),
    [
        ("Toy Story (1995)", "Toy Story", 1995),
        ("Seven (Se7en) (1995)", "Seven (Se7en)", 1995),
        ("2001: A Space Odyssey (1968)", "2001: A Space Odyssey", 1968),
        ("Land Before Time III (1995) (V)", "Land Before Time III", 1995),
        ("Heidi Fleiss: Hollywood Madam (1995) ", "Heidi Fleiss: Hollywood Madam", 1995),
        ("Mise\u0301rables, Les (1995)", "Misérables, Les", 1995),
        ("No Year", "No Year", None),
        ("unknown", "", None),
        ("unkonwn (unkonwn)", "", None),
    ],
)
def test_title_and_year(titled: str, title: str, year: int | None) -> None:
    movie = make_movie("1", titled, [])
    assert movie.title == title
    assert movie.year == year or (year is None and movie.year != movie.year)


def test_genres_are_sorted_and_unknown_is_none() -> None:
    assert make_movie("1", "Title", ["War", "", "unknown", "Action"]).genres == ("Action", "War")
