"""What may be recommended, and places, by hand; the scales are tested in test_hybrid_rules."""

from __future__ import annotations

import numpy as np
import pytest

from bench.algorithm import UserBatch
from bench.batches import Candidates
from bench.interactions import ItemLists
from bench_algorithms.comparable import places, recommendable, rescaled

HISTORY = ItemLists.from_lists([[0, 2], []], 4)
NOBODY = np.arange(2, dtype=np.int32)


@pytest.mark.parametrize(
    ("restricted", "expected"),
    [
        (None, [[False, True, False, True], [True] * 4]),
        # The history may be recommended again: nothing is refused.
        (Candidates(ItemLists.from_lists([[], []], 4)), [[True] * 4, [True] * 4]),
        # Sampled candidates: scores are as without.
        (Candidates(ItemLists.from_lists([[1], [0, 3]], 4), only=True), [[False, True, False, True], [True] * 4]),
    ],
)
def test_all_but_the_history_may_be_recommended(restricted: Candidates | None, expected: list[list[bool]]) -> None:
    assert recommendable(UserBatch(NOBODY, HISTORY, restricted)).tolist() == expected


def test_places_start_at_one_for_the_best_and_tied_items_share_them() -> None:
    scores = np.array([[5.0, 2.0, 2.0, 9.0, -1.0]])
    allowed = np.array([[True, True, True, False, True]])
    assert places(scores, allowed).tolist() == [[1, 2.5, 2.5, 5, 4]]


@pytest.mark.parametrize("scale", ["rank", "min-max", "z-score"])
def test_a_user_to_whom_nothing_or_one_item_may_be_recommended_has_zeros(scale: str) -> None:
    scores, allowed = np.array([[5.0, 2.0], [5.0, 2.0]]), np.array([[False, False], [True, False]])
    assert rescaled(scores, allowed, scale).tolist() == [[0, 0], [0, 0]]  # type: ignore[arg-type]
