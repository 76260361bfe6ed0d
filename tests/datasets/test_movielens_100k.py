"""The real MovieLens-100K against what is published of it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from bench.dataset_source import Acquire
from bench.errors import DataError
from bench.interactions import BoolArray, Dataset
from bench_datasets.movielens import MOVIELENS_100K, MovieLens

pytestmark = pytest.mark.network


@pytest.fixture(scope="module")
def rows(movielens: Dataset) -> list[tuple[int, int, int, int]]:
    """User, item, rating and timestamp of every row, in file order."""
    data = movielens.interactions
    assert data.rating is not None
    assert data.timestamp is not None
    users, items = data.user_ids[data.user].astype(int), data.item_ids[data.item].astype(int)
    columns = users.tolist(), items.tolist(), data.rating.astype(int).tolist(), data.timestamp.tolist()
    return list(zip(*columns, strict=True))


def md5(rows: list[tuple[int, int, int, int]]) -> str:
    text = "".join("\t".join(map(str, row)) + "\n" for row in rows)
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def split(rows: list[tuple[int, int, int, int]], in_test: BoolArray) -> tuple[str, str]:
    """The md5 of test and base as GroupLens publishes them: sorted by user, then item."""
    test = sorted(row for row, chosen in zip(rows, in_test, strict=True) if chosen)
    base = sorted(row for row, chosen in zip(rows, in_test, strict=True) if not chosen)
    return md5(test), md5(base)


def test_counts_and_fingerprint(movielens: Dataset) -> None:
    data = movielens.interactions
    assert (data.n_users, data.n_items, len(data)) == (943, 1682, 100_000)
    assert movielens.fingerprint == MOVIELENS_100K.card.fingerprint


def test_rows_are_those_of_u_data_in_their_order(rows: list[tuple[int, int, int, int]]) -> None:
    assert md5(rows) == "6e47046882bad158b0efbb84cd5cb987"


def test_the_official_u1_split(rows: list[tuple[int, int, int, int]]) -> None:
    in_test = np.arange(100_000) < 20_000
    assert split(rows, in_test) == ("62d5d837e7c8e36550cc956b09c2ecc8", "4325f44281c9f8c119a3694662d63fc2")


@pytest.mark.parametrize(
    ("first", "test", "base"),
    [
        (0, "52e5d0355092dc1596899855b220508f", "346eb46a756be3b382bdef4f7dcf3a01"),
        (10, "5292d1e388d156aa0c19c384cdf35aca", "e4ce94f6e01e45f65b91a70bb9e8da2f"),
    ],
    ids=["ua", "ub"],
)
def test_the_official_ua_and_ub_splits(
    movielens: Dataset, rows: list[tuple[int, int, int, int]], first: int, test: str, base: str
) -> None:
    user = movielens.interactions.user
    order = np.argsort(user, kind="stable")
    starts = np.searchsorted(user[order], np.arange(movielens.interactions.n_users))
    nth = np.empty(len(user), np.int64)
    nth[order] = np.arange(len(user)) - starts[user[order]]
    assert split(rows, (nth >= first) & (nth < first + 10)) == (test, base)


def test_features(movielens: Dataset) -> None:
    items, users = movielens.item_features, movielens.user_features
    assert items is not None
    assert users is not None
    titles = dict(zip(items.ids, items.columns["title"].values, strict=True))
    assert titles["1"] == "Toy Story"
    assert titles["543"] == "Misérables, Les"
    assert titles["267"] == ""
    assert np.isnan(items.columns["year"].values).sum() == 1
    assert len({genre for genres in items.columns["genres"].values for genre in genres}) == 18
    assert set(users.columns["gender"].values) == {"M", "F"}
    assert len(set(users.columns["occupation"].values)) == 21


def test_a_second_load_comes_from_the_cache(movielens: Dataset) -> None:
    again = MOVIELENS_100K.load(Acquire(offline=True))
    assert again.source.startswith("the local cache")
    assert again.fingerprint == movielens.fingerprint


@pytest.mark.parametrize("number", [0, 2], ids=["GroupLens' archive", "RecBole's wheel"])
def test_each_source_gives_the_pinned_data_set(movielens: Dataset, number: int, tmp_path: Path) -> None:
    """Skips a source that cannot be reached from here; that one of them can is the fixture's business."""
    card = MOVIELENS_100K.card.model_copy(update={"sources": (MOVIELENS_100K.card.sources[number],)})
    try:
        dataset = MovieLens(card).load(Acquire(home=tmp_path))
    except DataError as error:
        if "sha256" in str(error) or "fingerprint" in str(error):
            raise
        pytest.skip(str(error))
    assert dataset.fingerprint == movielens.fingerprint
