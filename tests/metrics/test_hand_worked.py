"""Every metric beside the value that paper and pencil give."""

from __future__ import annotations

from math import log2, sqrt
from typing import Any, NamedTuple

import numpy as np
import pytest

from bench.builtins import METRICS
from bench.metrics import Rated

N_ITEMS = 8
RANKED, TRUTH, RANKS, HISTORY = [3, 1, 4, 0], [1, 0, 7], [2, 4, 5], [2, 5, 5]
"""Of the 6 items that are not in the history. Hits at ranks 2 and 4; the third relevant item comes next, last is 6."""
ITEM_USERS, N_USERS = [4, 2, 1, 8, 0, 2, 1, 4], 8
TAGS = [("a",), ("a", "b"), ("a",), ("b",), (), ("a", "b"), ("c",), ("c",)]


class Hand(NamedTuple):
    """A value, of the list above unless another is given."""

    label: str
    value: float
    ranked: list[int] = RANKED
    truth: list[int] = TRUTH
    ranks: list[int] = RANKS


class Catalogue(NamedTuple):
    """A value of several lists."""

    label: str
    value: float
    lists: list[list[int]]


class Errors(NamedTuple):
    """Values of three users: one with errors 1, −1 and 2, one with the error 3, one without ratings."""

    label: str
    value: float
    per_user: list[float]


ROOT = sqrt((1 + 1 + 4 + 9) / 4)
"""Of the mean of the four squared errors. Of two users, half of what each differs from their share counts."""
LISTS = [[0, 1], [1, 2], [1, -1]]
HAND_WORKED: dict[str, list[Hand] | list[Catalogue] | list[Errors]] = {
    "precision": [
        Hand("precision@4", 2 / 4),
        Hand("precision@3", 1 / 3),
        Hand("precision@4", 1 / 4, [1, -1, -1, -1], [1], [1]),
    ],
    "recall": [Hand("recall@4", 2 / 3), Hand("recall@1", 1 / 3, [1, 0, 6, 3], ranks=[1, 2, 5])],
    "recall_capped": [Hand("recall_capped@4", 2 / 3), Hand("recall_capped@2", 1 / 2)],
    "f1": [Hand("f1@4", 2 * (1 / 2) * (2 / 3) / (1 / 2 + 2 / 3)), Hand("f1@1", 0.0)],
    "ndcg": [
        Hand("ndcg@4", (1 / log2(3) + 1 / log2(5)) / (1 + 1 / log2(3) + 1 / log2(4))),
        Hand("ndcg@2", (1 / log2(3)) / (1 + 1 / log2(3))),
        Hand("ndcg@4", 1.0, [1, -1, -1, -1], [1], [1]),
    ],
    "ndcg_full": [
        Hand("ndcg_full@4", (1 / log2(3) + 1 / log2(5)) / (1 + 1 / log2(3) + 1 / log2(4))),
        Hand("ndcg_full@2", (1 / log2(3)) / (1 + 1 / log2(3) + 1 / log2(4))),
    ],
    "map": [Hand("map@4", (1 / 2 + 2 / 4) / 3), Hand("map@2", (1 / 1 + 2 / 2) / 3, [1, 0, 6, 3], ranks=[1, 2, 5])],
    "map_capped": [
        Hand("map_capped@4", (1 / 2 + 2 / 4) / 3),
        Hand("map_capped@2", (1 / 1 + 2 / 2) / 2, [1, 0, 6, 3], ranks=[1, 2, 5]),
    ],
    "mrr": [Hand("mrr@4", 1 / 2), Hand("mrr@1", 0.0)],
    "hit": [Hand("hit@4", 1.0), Hand("hit@1", 0.0)],
    # Not relevant are the ranks 1, 3 and 6: below rank 2 there are two of them, below 4 one and below 5 one.
    "auc": [Hand("auc", (2 + 1 + 1) / 9), Hand("auc", 1.0, ranks=[1, 2, 3]), Hand("auc", 0.0, ranks=[6, 5, 4])],
    "r_precision": [
        Hand("r_precision", 1 / 3),
        Hand("r_precision", 1 / 3, ranks=[2, 4, 0]),
        Hand("r_precision", 2 / 3, ranks=[2, 3, 5]),
        Hand("r_precision", 1 / 2, [1, -1], [1, 6], [1, 0]),
    ],
    "recall_ips": [
        Hand("recall_ips@4", (2**-1.5 + 4**-1.5) / (2**-1.5 + 4**-1.5 + 4**-1.5)),
        Hand("recall_ips@2", 2**-1.5 / (2**-1.5 + 4**-1.5 + 4**-1.5)),
        Hand("recall_ips@1", 1 / (1 + 8**-1.5), [4, 3], [4, 3], [1, 2]),
    ],
    "novelty": [
        Hand("novelty@4", (log2(8 / 8) + log2(8 / 2) + log2(8 / 1) + log2(8 / 4)) / 4),
        Hand("novelty@4", log2(8 / 2), [1, -1, -1, -1]),
    ],
    "average_popularity": [
        Hand("average_popularity@4", (8 + 2 + 0 + 4) / 4),
        Hand("average_popularity@2", 8.0, [3, -1, -1, -1]),
    ],
    "popularity_lift": [
        Hand("popularity_lift@4", ((8 + 2 + 0 + 4) / 4) / ((1 + 2) / 2) - 1),
        Hand("popularity_lift@1", -1.0, [4, 3]),
    ],
    # Attributes of the list: b; a and b; none; a.
    "intra_list_diversity": [
        Hand("intra_list_diversity@4", 1 - (1 / sqrt(2) + 0 + 1 / sqrt(2)) / 3),
        Hand("intra_list_diversity@2", 1 - 1 / sqrt(2)),
        Hand("intra_list_diversity@2", 0.0, [6, 7]),
        Hand("intra_list_diversity@2", 1.0, [0, 7]),
    ],
    # The history has a; a and b. The hits have a and b; a.
    "serendipity": [
        Hand("serendipity@4", ((1 - (1 / sqrt(2) + 1) / 2) + (1 - (1 + 1 / sqrt(2)) / 2)) / 4),
        Hand("serendipity@2", 1 / 2, [7, 3], [7]),
        Hand("serendipity@2", 0.0, [4, 3], [4]),
    ],
    "calibration": [
        Hand(
            "calibration@4",
            0.75 * log2(0.75 / (0.99 * 0.5 + 0.01 * 0.75)) + 0.25 * log2(0.25 / (0.99 * 0.5 + 0.01 * 0.25)),
        ),
        Hand("calibration@1", log2(100), [6, 3]),
        Hand("calibration@2", 0.0, [0, 1]),
    ],
    "coverage": [Catalogue("coverage@2", 3 / N_ITEMS, LISTS), Catalogue("coverage@1", 2 / N_ITEMS, LISTS)],
    # Counts, ascending: 0 0 0 0 0 1 1 3, with the factors −7 −5 −3 −1 1 3 5 7.
    "gini": [
        Catalogue("gini@2", (3 * 1 + 5 * 1 + 7 * 3) / (8 * 5), LISTS),
        Catalogue("gini@1", (5 * 1 + 7 * 2) / (8 * 3), LISTS),
        Catalogue("gini@1", 0.0, [[item] for item in range(N_ITEMS)]),
    ],
    "entropy": [
        Catalogue("entropy@2", -(0.2 * log2(0.2) + 0.6 * log2(0.6) + 0.2 * log2(0.2)), LISTS),
        Catalogue("entropy@1", 3.0, [[item] for item in range(N_ITEMS)]),
    ],
    "user_coverage": [
        Catalogue("user_coverage", 1.0, LISTS),
        Catalogue("user_coverage", 2 / 3, [[0, 1], [-1, -1], [1, -1]]),
    ],
    "rmse": [Errors("rmse", ROOT, [ROOT + (6 - 3 * 15 / 4) / (4 * ROOT), ROOT + (9 - 15 / 4) / (4 * ROOT), np.nan])],
    "mae": [Errors("mae", 7 / 4, [7 / 4 + (4 - 3 * 7 / 4) / 2, 7 / 4 + (3 - 7 / 4) / 2, np.nan])],
    "rmse_user": [Errors("rmse_user", (sqrt(2) + 3) / 2, [sqrt(2), 3.0, np.nan])],
    "mae_user": [Errors("mae_user", (4 / 3 + 3) / 2, [4 / 3, 3.0, np.nan])],
}


def test_every_built_in_metric_is_worked_by_hand() -> None:
    assert HAND_WORKED.keys() == METRICS.keys()
    assert all(case.label.partition("@")[0] == name for name, cases in HAND_WORKED.items() for case in cases)


def cases(kind: type) -> list[Any]:
    return [case for found in HAND_WORKED.values() for case in found if isinstance(case, kind)]


@pytest.mark.parametrize("case", cases(Hand), ids=str)
def test_user_metric(case: Hand, judged: Any, metric: Any) -> None:
    given = judged(
        [case.ranked],
        [case.truth],
        N_ITEMS,
        histories=[HISTORY],
        ranks=case.ranks[: len(case.truth)],
        item_users=ITEM_USERS,
        n_users=N_USERS,
        tags=TAGS,
    )
    assert metric(case.label).per_user(given) == pytest.approx([case.value], abs=1e-14)


@pytest.mark.parametrize("case", cases(Catalogue), ids=str)
def test_catalogue_metric(case: Catalogue, topk: Any, metric: Any) -> None:
    assert metric(case.label).overall(topk(case.lists), N_ITEMS) == pytest.approx(case.value, abs=1e-14)


@pytest.mark.parametrize("case", cases(Errors), ids=str)
def test_rating_metric(case: Errors, metric: Any) -> None:
    actual = np.array([3.0, 3.0, 1.0, 5.0])
    rated = Rated(np.array([0, 0, 0, 1]), actual, actual + np.array([1, -1, 2, -3]), 3)
    assert metric(case.label).overall(rated) == pytest.approx(case.value, abs=1e-15)
    assert metric(case.label).per_user(rated) == pytest.approx(case.per_user, abs=1e-15, nan_ok=True)
