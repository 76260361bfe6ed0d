"""Neighbourhood models of ratings against slow ones, against Surprise, by hand, and at their edges."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bench.algorithm import Context
from bench.interactions import Interactions
from bench_algorithms import rating_similarity
from bench_algorithms.rating_neighbourhood import ItemKNNMeans, UserKNNMeans, nearest_mean, rating_matrix
from bench_algorithms.rating_similarity import SimilarRaters

USERS, ITEMS = np.divmod(np.arange(25 * 18, dtype=np.int32), np.int32(18))
SETTINGS = list(itertools.product(("msd", "cosine", "pearson"), (0.0, 3.0), (1, 3, 1000)))
Rated = dict[int, float]


def slow_similarity(x: Rated, y: Rated, measure: str, shrinkage: float) -> float:
    common = sorted(x.keys() & y.keys())
    if not common:
        return 0.0
    ours, theirs = np.array([x[c] for c in common]), np.array([y[c] for c in common])
    if measure == "msd":
        value = 1 / (1 + ((ours - theirs) ** 2).mean())
    elif measure == "cosine":
        value = ours @ theirs / math.sqrt((ours @ ours) * (theirs @ theirs))
    else:
        ours, theirs = ours - ours.mean(), theirs - theirs.mean()
        scale = math.sqrt((ours @ ours) * (theirs @ theirs))
        value = ours @ theirs / scale if scale > 1e-9 else 0.0
    return max(0.0, value) * len(common) / (len(common) + shrinkage)


def slow(rows: list[Rated], n_columns: int, k: int, *how: Any) -> np.ndarray:
    """float[n_rows, n_columns]; rows: what each user rated, or who rated each item. Of equal neighbours the first."""
    everything = [rating for row in rows for rating in row.values()]
    means = [np.mean(list(row.values())) if row else math.nan for row in rows]
    found = np.empty((len(rows), n_columns))
    for (r, row), c in itertools.product(enumerate(rows), range(n_columns)):
        raters = [n for n, other in enumerate(rows) if c in other and n != r]
        weights = {n: np.float32(slow_similarity(row, rows[n], *how)) for n in raters}
        nearest = [n for n in sorted(raters, key=lambda n: (-weights[n], n))[:k] if weights[n] > 0]
        column = [other[c] for other in rows if c in other]
        found[r, c] = means[r] if row else np.mean(column or everything)
        if nearest:
            total = sum(float(weights[n]) for n in nearest)
            found[r, c] += sum(float(weights[n]) * (rows[n][c] - means[n]) for n in nearest) / total
    return np.clip(found, min(everything), max(everything))


def rows_of(train: Interactions, by_item: bool) -> list[Rated]:
    assert train.rating is not None
    rows: list[Rated] = [{} for _ in range(train.n_items if by_item else train.n_users)]
    for user, item, rating in zip(train.user.tolist(), train.item.tolist(), train.rating.tolist(), strict=True):
        rows[item if by_item else user][user if by_item else item] = rating
    return rows


@pytest.mark.parametrize(("measure", "shrinkage", "k"), SETTINGS)
def test_both_agree_with_a_slow_one(ratings: Interactions, measure: Any, shrinkage: float, k: int) -> None:
    fields: dict[str, Any] = {"similarity": measure, "shrinkage": shrinkage, "k": k}
    users = UserKNNMeans(**fields).fit(ratings, None, Context()).predict(USERS, ITEMS).reshape(25, 18)
    items = ItemKNNMeans(**fields).fit(ratings, None, Context()).predict(USERS, ITEMS).reshape(25, 18)
    how = (k, measure, shrinkage)
    np.testing.assert_allclose(users, slow(rows_of(ratings, by_item=False), 18, *how), rtol=1e-5)
    np.testing.assert_allclose(items, slow(rows_of(ratings, by_item=True), 25, *how).T, rtol=1e-5)


@pytest.mark.parametrize("measure", ["msd", "cosine", "pearson"])
@pytest.mark.parametrize("by_item", [False, True])
def test_they_agree_with_surprise(ratings: Interactions, measure: Any, by_item: bool) -> None:
    """On pairs that Surprise knows and that are not in training, where it would count a rating as its own neighbour."""
    pytest.importorskip("surprise")
    from bench_algorithms.surprise_library import Surprise

    options = {"k": 1000, "sim_options": {"name": measure, "user_based": not by_item}}
    theirs = Surprise(model="KNNWithMeans", parameters=options).fit(ratings, None, Context())
    ours = (ItemKNNMeans if by_item else UserKNNMeans)(similarity=measure, k=1000).fit(ratings, None, Context())
    unrated = (rating_matrix(ratings).toarray() == 0)[USERS, ITEMS] & (USERS < 24) & (ITEMS < 17)
    pairs = USERS[unrated], ITEMS[unrated]
    np.testing.assert_allclose(ours.predict(*pairs), theirs.predict(*pairs), rtol=1e-5)


def test_by_hand() -> None:
    """User b agrees with a on both items, c is off by one and by two: similarities 1 and 1 / (1 + 2.5)."""
    ids = [np.array(names, object) for names in (["a", "b", "c"], ["x", "y", "z"])]
    user, item = np.array([[0, 0, 1, 1, 1, 2, 2, 2], [0, 1, 0, 1, 2, 0, 1, 2]], np.int32)
    train = Interactions(user, item, *ids, np.array([2, 4, 2, 4, 3, 1, 2, 5], np.float32))
    model = UserKNNMeans().fit(train, None, Context())
    similar = 1 / 3.5
    expected = 3 + (1 * (3 - 3) + similar * (5 - 8 / 3)) / (1 + similar)
    assert float(model.predict(USERS[:1], np.array([2], np.int32))[0]) == pytest.approx(expected)


def test_blocks_change_nothing(ratings: Interactions, monkeypatch: pytest.MonkeyPatch) -> None:
    model = UserKNNMeans(k=3).fit(ratings, None, Context())
    whole = model.predict(USERS, ITEMS)
    monkeypatch.setattr(rating_similarity, "BLOCK_BYTES", 1)
    assert len(list(model.similar.blocks())) == 25
    np.testing.assert_array_equal(model.predict(USERS, ITEMS), whole)


def test_without_neighbours_it_is_the_mean(ratings: Interactions) -> None:
    matrix = rating_matrix(ratings)
    user_mean, item_mean = matrix[0].data.mean(), matrix[:, [0]].data.mean()
    users, items = np.array([0, 24, 24], np.int32), np.array([17, 0, 17], np.int32)
    for model in (UserKNNMeans(), ItemKNNMeans()):
        found = model.fit(ratings, None, Context()).predict(users, items)
        np.testing.assert_allclose(found, [user_mean, item_mean, matrix.data.mean()], rtol=1e-6)


def test_a_rating_is_not_its_own_neighbour() -> None:
    """Of two opposite users each is predicted the other's ratings; with themselves as neighbours, almost their own."""
    ids = [np.array(names, object) for names in (["a", "b"], ["x", "y"])]
    train = Interactions(*np.array([[0, 0, 1, 1], [0, 1, 0, 1]], np.int32), *ids, np.array([1, 5, 5, 1], np.float32))
    model = UserKNNMeans().fit(train, None, Context())
    assert model.predict(train.user, train.item).tolist() == [5, 1, 1, 5]


def test_repeated_ratings_are_averaged_and_zeros_are_ratings() -> None:
    ids = [np.array(names, object) for names in (["a", "b"], ["x", "y"])]
    train = Interactions(*np.array([[0, 0, 1], [1, 1, 0]], np.int32), *ids, np.array([4, 1, 0], np.float32))
    matrix = rating_matrix(train)
    assert matrix.toarray().tolist() == [[0, 2.5], [0, 0]]
    assert matrix.nnz == 2


def test_equal_ratings_have_no_correlation() -> None:
    """Also where the variance is not 0 in floating point."""
    matrix = rating_matrix(
        Interactions(
            *np.array([[0, 0, 0, 1, 1, 1], [0, 1, 2, 0, 1, 2]], np.int32),
            *[np.array([str(code) for code in range(n)], object) for n in (2, 3)],
            np.array([0.1, 0.1, 0.1, 1, 2, 3], np.float32),
        )
    )
    assert SimilarRaters(matrix, "pearson", 0.0).to(np.array([0, 1])).tolist() == [[0, 0], [0, 0]]


def test_nearest_mean_takes_the_largest_and_the_earlier_of_equals() -> None:
    weights = np.array([[0.5, 1.0, 0.5, 0.5], [0, 0, 0, 0], [0, 0, 0, 2.0]], np.float32)
    values = np.array([1.0, 2.0, 10.0, 100.0])
    assert nearest_mean(weights, values, 2).tolist() == pytest.approx([(2 + 0.5) / 1.5, 0, 100])
    assert nearest_mean(weights, values, 4)[0] == pytest.approx((2 + 0.5 * 111) / 2.5)


def test_the_order_of_the_rows_does_not_matter(ratings: Interactions) -> None:
    assert ratings.rating is not None
    order = np.random.default_rng(1).permutation(len(ratings))
    turned = replace(ratings, user=ratings.user[order], item=ratings.item[order], rating=ratings.rating[order])
    first, second = (UserKNNMeans(k=3).fit(rows, None, Context()) for rows in (ratings, turned))
    np.testing.assert_array_equal(first.predict(USERS, ITEMS), second.predict(USERS, ITEMS))
