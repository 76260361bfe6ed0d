"""Lists made elsewhere beside their truth: what the files leave open is decided once, and said."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest

from bench.errors import DataError, UsageError
from bench.judging import Outside, judge
from bench.lists import Pairs, RankedRows
from bench.seeds import tie_order

Row = tuple[str, str]


def pairs(rows: Sequence[Row]) -> Pairs:
    return Pairs(pa.array([user for user, _ in rows], pa.string()), pa.array([item for _, item in rows], pa.string()))


def by_rank(rows: Sequence[tuple[str, str, int]]) -> RankedRows:
    return RankedRows(pairs([row[:2] for row in rows]), np.array([row[2] for row in rows], float), "rank")


def lists(outside: Outside, truth: Sequence[Row], others: Sequence[Row]) -> list[list[str]]:
    """The lists with ids: codes count in the order of truth, then the others."""
    items = list(dict.fromkeys(item for _, item in [*truth, *others]))
    return [[items[code] for code in row if code >= 0] for row in outside.judged.topk.items]


TRUTH = [("u", "a"), ("u", "b"), ("v", "c")]


def test_rows_may_come_in_any_order_and_lists_are_cut() -> None:
    rows = [("u", "d", 3), ("v", "a", 1), ("u", "b", 1), ("u", "c", 2)]
    outside = judge(by_rank(rows), pairs(TRUTH), [], k=2)
    assert lists(outside, TRUTH, [row[:2] for row in rows]) == [["b", "c"], ["a"]]
    assert outside.judged.topk.k == 2
    assert outside.judged.n_relevant.tolist() == [2, 1]
    assert outside.judged.hits.tolist() == [[True, False], [False, False]]
    assert outside.notes == ["ordered by 'rank', 1 first.", "the catalogue is the 4 items of all files."]


def test_users_on_one_side_only_are_kept_and_said() -> None:
    outside = judge(by_rank([("u", "a", 1), ("w", "a", 1), ("x", "b", 1)]), pairs(TRUTH), [], k=1)
    assert outside.judged.n_relevant.tolist() == [2, 1, 0, 0]
    assert outside.judged.topk.filled.sum(1).tolist() == [1, 0, 1, 1]
    assert "users with recommendations and no truth: 2; undefined, in no mean." in outside.notes
    assert "users with a truth and no recommendations: 1; an empty list, which scores 0." in outside.notes


def test_ties_are_broken_by_a_hash_of_the_item_whatever_the_order_of_rows() -> None:
    ids = [str(number) for number in range(20)]
    order = tie_order(0, np.array(ids, object))
    expected = sorted(ids, key=lambda one: order[int(one)])
    for rows in (ids, ids[::-1]):
        tied = RankedRows(pairs([("u", one) for one in rows]), np.zeros(20), "score")
        outside = judge(tied, pairs([("u", "0")]), [], k=20)
        assert lists(outside, [("u", "0")], [("u", one) for one in rows]) == [expected]
        assert "ordered by 'score', the highest first." in outside.notes
        assert "users with equal scores: 1; a hash of the item decides." in outside.notes


def test_gaps_in_ranks_close_and_are_said() -> None:
    outside = judge(by_rank([("u", "x", 5), ("u", "a", 9), ("v", "c", 1)]), pairs(TRUTH), [], k=2)
    assert outside.judged.hits.tolist() == [[False, True], [True, False]]
    assert "users with gaps in their ranks: 1; what follows a gap moves up." in outside.notes


def test_training_data_extends_the_catalogue_and_finds_items_seen() -> None:
    train = [pairs([("u", "z"), ("nobody", "y")]), pairs([("v", "c"), ("u", "w")])]
    rows = [("u", "z", 1), ("u", "a", 2), ("v", "c", 1)]
    outside = judge(by_rank(rows), pairs(TRUTH), train, k=2)
    assert outside.judged.truth.n_items == 6
    assert outside.notes[1:] == [
        "pairs of the truth that are training data too: 1.",
        "recommended items that are their user's training data: 2, of users: 2; they stay.",
        "the catalogue is the 6 items of all files.",
    ]


def test_the_catalogue_may_be_larger_than_the_files_and_not_smaller() -> None:
    outside = judge(by_rank([("u", "a", 1)]), pairs(TRUTH), [], k=1, n_items=99)
    assert outside.judged.truth.n_items == 99
    assert outside.judged.hits.tolist() == [[True], [False]]
    assert outside.notes[-1] == "the catalogue has 99 items."
    with pytest.raises(UsageError, match=r"cannot be smaller than the 3 items of the files\. Got 2\."):
        judge(by_rank([("u", "a", 1)]), pairs(TRUTH), [], k=1, n_items=2)


def test_a_pair_of_the_truth_counts_once() -> None:
    outside = judge(by_rank([("u", "a", 1)]), pairs([*TRUTH, ("u", "a")]), [], k=1)
    assert outside.judged.n_relevant.tolist() == [2, 1]
    assert "rows of the truth that repeat a pair: 1; it counts once." in outside.notes


def test_a_pair_recommended_twice_is_refused() -> None:
    rows = [("u", "a", 1), ("v", "c", 1), ("u", "a", 2), ("v", "c", 2)]
    with pytest.raises(DataError, match=r"2 rows repeat one, the first of them user 'u' with item 'a'\."):
        judge(by_rank(rows), pairs(TRUTH), [], k=1)


def test_files_without_a_common_user_are_refused() -> None:
    with pytest.raises(DataError, match=r"ids written alike\. Got users such as 'u\.0' and 'u'\."):
        judge(by_rank([("u.0", "a", 1)]), pairs(TRUTH), [], k=1)
