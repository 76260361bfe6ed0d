"""Mixing, switching and the cascade by hand, and against their members."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bench.algorithm import Context, UserBatch
from bench.batches import Candidates
from bench.errors import UsageError
from bench.interactions import ItemLists
from bench.testing import tiny_fold
from bench.testing.data import N_ITEMS
from bench_algorithms.content import Content
from bench_algorithms.hybrid_rules import HybridCascade, HybridSwitching, HybridWeighted
from bench_algorithms.neighbourhood import ItemKNN


def fitted(model: Any) -> Any:
    return model.fit(tiny_fold().train, None, Context(item_features=tiny_fold().item_features))


def batch(*histories: list[int], n_items: int = N_ITEMS) -> UserBatch:
    return UserBatch(np.arange(len(histories), dtype=np.int32), ItemLists.from_lists(histories, n_items))


def everyone() -> UserBatch:
    return tiny_fold().test.batch


class Fixed:
    """Stands in for a fitted member: the same scores for everybody."""

    def __init__(self, *scores: float) -> None:
        self.scores = np.array(scores, np.float32)

    def score(self, batch: UserBatch) -> np.ndarray:
        return np.tile(self.scores, (len(batch), 1))


def with_members(model: Any, **members: Fixed) -> Any:
    model.members = members
    return model


@pytest.mark.parametrize("normalisation", ["rank", "min-max", "z-score"])
@pytest.mark.parametrize(("share", "member"), [(0.0, ItemKNN()), (1.0, Content())])
def test_all_the_weight_on_one_member_keeps_its_order(share: float, member: Any, normalisation: Any) -> None:
    hybrid = fitted(HybridWeighted(content_weight=share, normalisation=normalisation)).score(everyone())
    alone = fitted(member).score(everyone())
    for row, history in enumerate(tiny_fold().test.history.csr()):
        left = np.setdiff1d(np.arange(N_ITEMS), history.indices)
        pairs = np.sign(np.subtract.outer(alone[row, left], alone[row, left]))
        ours = np.subtract.outer(hybrid[row, left], hybrid[row, left])
        assert (ours * pairs >= 0).all()
        assert (np.abs(ours[pairs == 0]) < 1e-6).all()


@pytest.mark.parametrize(
    ("normalisation", "expected"),
    [
        # Item 3 is in the history. Of 1, 2, 2, 6 the mean is 2.75 and the deviation 1.92; content is all the same.
        ("rank", [0, 0.5, 0.5, 0, 1]),
        ("min-max", [0, 0.2, 0.2, 0, 1]),
        ("z-score", [-0.91132, -0.39057, -0.39057, 0, 1.69245]),
    ],
)
def test_scores_are_normalised_over_what_is_not_in_the_history(normalisation: Any, expected: list[float]) -> None:
    hybrid = HybridWeighted(content_weight=0.25, normalisation=normalisation)
    with_members(hybrid, collaborative=Fixed(1, 2, 2, 100, 6), content=Fixed(3, 3, 3, 3, 3))
    np.testing.assert_allclose(hybrid.score(batch([3], n_items=5))[0], 0.75 * np.array(expected), atol=1e-4)


def test_switching_switches_at_the_minimum_history() -> None:
    hybrid = with_members(HybridSwitching(minimum_history=2), collaborative=Fixed(1, 1), content=Fixed(2, 2))
    scores = hybrid.score(batch([0], [0, 1], [], [1, 0, 1], n_items=2))
    assert scores[:, 0].tolist() == [2, 1, 2, 1]


def test_switching_gives_each_member_its_own_users_and_histories() -> None:
    users = batch([0, 2], [1, 3, 5, 7], [4], [0, 2, 4, 6, 8])
    scores = fitted(HybridSwitching(minimum_history=3)).score(users)
    knn, content = fitted(ItemKNN()).score(users), fitted(Content()).score(users)
    np.testing.assert_array_equal(scores, [content[0], knn[1], content[2], knn[3]])


def test_switching_tells_a_member_what_may_be_recommended_to_its_users() -> None:
    class Seeing(Fixed):
        def score(self, batch: UserBatch) -> np.ndarray:
            self.seen = batch.candidates
            return super().score(batch)

    seeing = Seeing(1, 1, 1)
    hybrid = with_members(HybridSwitching(minimum_history=2), collaborative=seeing, content=Fixed(2, 2, 2))
    users = batch([0], [0, 1], [2, 1], n_items=3)
    listed = ItemLists.from_lists([[1], [2], [0]], 3)
    hybrid.score(UserBatch(users.users, users.history, Candidates(listed, only=True)))
    assert seeing.seen.only
    assert [seeing.seen.listed.row(row).tolist() for row in range(2)] == [[2], [0]]


def order(scores: np.ndarray) -> list[int]:
    return [int(item) for item in np.argsort(-scores, kind="stable")]


def test_the_cascade_orders_candidates_by_the_second_and_the_others_by_the_first() -> None:
    # By the first: 5, 0, 3, 1, 4, 2. Item 0 is in the history, so the list of three is 5, 3, 1; the second turns it.
    first, second = Fixed(8, 5, 1, 6, 2, 9), Fixed(9, 7, 8, 6, 5, 4)
    cascade = with_members(HybridCascade(candidates=3), first=first, second=second)
    scores = cascade.score(batch([0], n_items=6))[0]
    assert order(scores)[:5] == [1, 3, 5, 4, 2]
    assert scores[[1, 3, 5, 4, 2]].tolist() == [-1, -2, -3, -4, -5]


def test_what_the_first_scores_like_the_last_candidate_is_left_to_the_second() -> None:
    cascade = with_members(HybridCascade(candidates=2), first=Fixed(3, 1, 1, 1, 0), second=Fixed(1, 2, 4, 3, 9))
    assert order(cascade.score(batch([], n_items=5))[0]) == [2, 3, 1, 0, 4]


def test_items_that_both_score_the_same_are_tied() -> None:
    cascade = with_members(HybridCascade(candidates=2), first=Fixed(3, 2, 1, 1), second=Fixed(5, 5, 9, 0))
    assert cascade.score(batch([], n_items=4))[0].tolist() == [-1.5, -1.5, -3.5, -3.5]


def test_a_cascade_with_everything_on_the_list_is_its_second_member() -> None:
    scores = fitted(HybridCascade(candidates=N_ITEMS, second="item-knn", first="popularity")).score(everyone())
    alone = fitted(ItemKNN()).score(everyone())
    for row, history in enumerate(tiny_fold().test.history.csr()):
        left = np.setdiff1d(np.arange(N_ITEMS), history.indices)
        expected = [
            (alone[row, left] > score).sum() + ((alone[row, left] == score).sum() + 1) / 2 for score in alone[row, left]
        ]
        np.testing.assert_array_equal(-scores[row, left], expected)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"content_weight": 2}, r"the field 'content_weight' of HybridWeighted should be less than or equal to 1\."),
        ({"normalisation": "sum"}, r"the field 'normalisation' of HybridWeighted should be 'rank', 'min-max' or"),
    ],
)
def test_what_is_wrong_is_said_before_anything_runs(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=f"^{message}"):
        HybridWeighted(**fields)
