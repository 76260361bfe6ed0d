"""Random is uniform and depends on nothing else; popularity counts."""

from __future__ import annotations

import numpy as np

from bench.algorithm import Context, UserBatch
from bench.interactions import Interactions, ItemLists
from bench.testing import tiny_fold
from bench_algorithms.baselines import Popularity, Random


def batch(users: list[int], n_items: int) -> UserBatch:
    return UserBatch(np.array(users, np.int32), ItemLists.from_lists([[] for _ in users], n_items))


def random_scores(seed: int, users: list[int], n_items: int) -> np.ndarray:
    return Random().fit(tiny_fold().train, None, Context(seed=seed)).score(batch(users, n_items))


def test_random_scores_are_uniform() -> None:
    scores = random_scores(0, list(range(500)), 400)
    assert scores.min() >= 0
    assert scores.max() < 1
    shares = np.histogram(scores, bins=10, range=(0, 1))[0] / scores.size
    np.testing.assert_allclose(shares, 0.1, atol=0.005)


def test_every_item_is_as_likely_to_be_first() -> None:
    winners = random_scores(3, list(range(20_000)), 10).argmax(axis=1)
    np.testing.assert_allclose(np.bincount(winners, minlength=10) / 20_000, 0.1, atol=0.01)


def test_neighbouring_users_items_and_seeds_are_unrelated() -> None:
    scores = random_scores(0, list(range(300)), 300)
    other = random_scores(1, list(range(300)), 300)
    for left, right in (
        (scores[1:], scores[:-1]),
        (scores[:, 1:], scores[:, :-1]),
        (scores, other),
        (scores, scores.T),
    ):
        assert abs(np.corrcoef(left.ravel(), right.ravel())[0, 1]) < 0.02


def test_a_random_score_depends_on_seed_user_and_item_only() -> None:
    many, one = random_scores(5, [4, 7, 2], 30), random_scores(5, [7], 30)
    np.testing.assert_array_equal(many[1], one[0])
    np.testing.assert_array_equal(random_scores(5, [7], 20)[0], one[0, :20])


def test_popularity_counts_each_user_of_an_item_once() -> None:
    train = Interactions(
        user=np.array([0, 0, 1, 2, 2], np.int32),
        item=np.array([0, 0, 0, 1, 0], np.int32),
        user_ids=np.array(["a", "b", "c"], object),
        item_ids=np.array(["x", "y", "z"], object),
    )
    scores = Popularity().fit(train, None, Context()).score(batch([0, 2], 3))
    assert scores.tolist() == [[3, 1, 0], [3, 1, 0]]
