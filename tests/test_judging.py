"""Lists made elsewhere beside their truth: what the files leave open is decided once, and said."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest

from bench.errors import DataError, UsageError
from bench.judging import Outside, Setting, judge, judge_ratings, measure_lists
from bench.lists import Pairs, PredictedRows, RankedRows
from bench.metrics.accuracy import Hit
from bench.metrics.ranks import AUC, RPrecision
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
    outside = judge(by_rank(rows), pairs(TRUTH), Setting(), k=2)
    assert lists(outside, TRUTH, [row[:2] for row in rows]) == [["b", "c"], ["a"]]
    assert outside.judged.topk.k == 2
    assert outside.judged.n_relevant.tolist() == [2, 1]
    assert outside.judged.hits.tolist() == [[True, False], [False, False]]
    assert outside.notes == ["ordered by 'rank', 1 first.", "the catalogue is the 4 items of all files."]


def test_users_on_one_side_only_are_kept_and_said() -> None:
    outside = judge(by_rank([("u", "a", 1), ("w", "a", 1), ("x", "b", 1)]), pairs(TRUTH), Setting(), k=1)
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
        outside = judge(tied, pairs([("u", "0")]), Setting(), k=20)
        assert lists(outside, [("u", "0")], [("u", one) for one in rows]) == [expected]
        assert "ordered by 'score', the highest first." in outside.notes
        assert "users with equal scores: 1; a hash of the item decides." in outside.notes


def test_gaps_in_ranks_close_and_are_said() -> None:
    outside = judge(by_rank([("u", "x", 5), ("u", "a", 9), ("v", "c", 1)]), pairs(TRUTH), Setting(), k=2)
    assert outside.judged.hits.tolist() == [[False, True], [True, False]]
    assert "users with gaps in their ranks: 1; what follows a gap moves up." in outside.notes


def test_training_data_extends_the_catalogue_and_finds_items_seen() -> None:
    train = [pairs([("u", "z"), ("nobody", "y")]), pairs([("v", "c"), ("u", "w")])]
    rows = [("u", "z", 1), ("u", "a", 2), ("v", "c", 1)]
    outside = judge(by_rank(rows), pairs(TRUTH), Setting(train), k=2)
    assert outside.judged.truth.n_items == 6
    assert outside.notes[1:] == [
        "pairs of the truth that are training data too: 1.",
        "recommended items that are their user's training data: 2, of users: 2; they stay.",
        "the catalogue is the 6 items of all files.",
    ]


def test_the_catalogue_may_be_larger_than_the_files_and_not_smaller() -> None:
    outside = judge(by_rank([("u", "a", 1)]), pairs(TRUTH), Setting(), k=1, n_items=99)
    assert outside.judged.truth.n_items == 99
    assert outside.judged.hits.tolist() == [[True], [False]]
    assert outside.notes[-1] == "the catalogue has 99 items."
    with pytest.raises(UsageError, match=r"cannot be smaller than the 3 items of the files\. Got 2\."):
        judge(by_rank([("u", "a", 1)]), pairs(TRUTH), Setting(), k=1, n_items=2)


def test_a_pair_of_the_truth_counts_once() -> None:
    outside = judge(by_rank([("u", "a", 1)]), pairs([*TRUTH, ("u", "a")]), Setting(), k=1)
    assert outside.judged.n_relevant.tolist() == [2, 1]
    assert "rows of the truth that repeat a pair: 1; it counts once." in outside.notes


def test_a_pair_recommended_twice_is_refused() -> None:
    rows = [("u", "a", 1), ("v", "c", 1), ("u", "a", 2), ("v", "c", 2)]
    with pytest.raises(DataError, match=r"2 rows repeat one, the first of them user 'u' with item 'a'\."):
        judge(by_rank(rows), pairs(TRUTH), Setting(), k=1)


def test_files_without_a_common_user_are_refused() -> None:
    with pytest.raises(DataError, match=r"ids written alike\. Got users such as 'u\.0' and 'u'\."):
        judge(by_rank([("u.0", "a", 1)]), pairs(TRUTH), Setting(), k=1)


def test_the_background_is_what_the_training_files_say() -> None:
    train = [pairs([("nobody", "a"), ("u", "z"), ("u", "w")]), pairs([("u", "z"), ("v", "a"), ("v", "w")])]
    background = judge(
        by_rank([("u", "c", 1), ("x", "c", 1)]), pairs(TRUTH), Setting(train), k=1, n_items=9
    ).judged.known
    codes = {item: code for code, item in enumerate("abczw")}
    had = [sorted(background.history.row(row).tolist()) for row in range(3)]
    assert had == [[codes["z"], codes["w"]], [codes["a"], codes["w"]], []]
    assert background.n_candidates.tolist() == [7, 7, 9]
    assert background.item_users.tolist() == [2, 0, 0, 1, 2, 0, 0, 0, 0]
    assert (background.n_users, background.item_features) == (3, None)


def test_without_training_data_there_is_no_background() -> None:
    outside = judge(by_rank([("u", "a", 1)]), pairs(TRUTH), Setting(), k=1)
    assert (outside.judged.background, outside.judged.truth_ranks) == (None, None)


def test_ranks_are_those_of_the_whole_lists_and_pass_over_training_items() -> None:
    train = [pairs([("u", "x"), ("u", "z"), ("v", "c")])]
    rows = [*(("u", item, rank) for rank, item in enumerate("xyzbwa", 1)), ("v", "y", 1), ("v", "c", 2)]
    outside = judge(by_rank(rows), pairs(TRUTH), Setting(train), k=1, ranked=True)
    assert outside.judged.ranks.tolist() == [4, 2, 0]
    assert outside.notes == [
        "ordered by 'rank', 1 first.",
        "pairs of the truth that are training data too: 1; no candidates, so their rank is not known.",
        "recommended items that are their user's training data: 3, of users: 2; they stay; no candidates, so the "
        "ranks of others pass over them.",
        "users with a relevant item of unknown rank: 1; auc is undefined for them.",
        "users with candidates not in their list: 1; they count as ranked below it.",
        "the catalogue is the 7 items of all files.",
    ]


def test_complete_rankings_give_the_auc_that_counting_pairs_gives() -> None:
    rng = np.random.default_rng(0)
    items = [str(number) for number in range(30)]
    known, wanted, rows, expected = [], [], [], []
    for user in "uvwxyz":
        shuffled = rng.permutation(items).tolist()
        seen, relevant = shuffled[:5], shuffled[5 : rng.integers(7, 16)]
        ranking = rng.permutation(shuffled[5:]).tolist()
        known += [(user, item) for item in seen]
        wanted += [(user, item) for item in relevant]
        rows += [(user, item, rank) for rank, item in enumerate(ranking, 1)]
        others = [item for item in ranking if item not in relevant]
        expected.append(np.mean([ranking.index(good) < ranking.index(bad) for good in relevant for bad in others]))
    judged = judge(by_rank(rows), pairs(wanted), Setting([pairs(known)]), k=3, ranked=True).judged
    assert AUC().per_user(judged) == pytest.approx(np.array(expected), abs=1e-12)


def test_lists_are_kept_as_long_as_an_unknown_rank_may_matter_and_no_longer() -> None:
    truth = [*(("u", item) for item in "abcd"), ("v", "e")]
    rows = [*(("u", item, rank) for rank, item in enumerate("azyxwe", 1)), ("v", "a", 1)]
    judged = judge(by_rank(rows), pairs(truth), Setting([pairs([("u", "t")])]), k=2, ranked=True).judged
    assert judged.topk.k == 4
    assert RPrecision().per_user(judged).tolist() == [0.25, 0.0]


def test_what_is_known_and_not_trained_on_is_history_without_popularity() -> None:
    setting = Setting([pairs([("nobody", "a"), ("v", "w")])], [pairs([("u", "z"), ("u", "w"), ("v", "w")])])
    outside = judge(by_rank([("u", "z", 1), ("u", "c", 2)]), pairs(TRUTH), setting, k=2, ranked=True)
    background = outside.judged.known
    codes = {item: code for code, item in enumerate("abczw")}
    assert [sorted(background.history.row(row).tolist()) for row in range(2)] == [
        [codes["z"], codes["w"]],
        [codes["w"]],
    ]
    assert background.item_users.tolist() == [1, 0, 0, 0, 1]
    assert (background.n_users, background.n_candidates.tolist()) == (2, [3, 4])
    assert (
        "recommended items that are their user's training data or history: 1, of users: 1; they stay; no candidates, "
        "so the ranks of others pass over them." in outside.notes
    )


def test_with_repeats_everything_is_a_candidate() -> None:
    setting = Setting([pairs([("u", "x"), ("v", "c")])], repeats=True)
    rows = [("u", "x", 1), ("u", "b", 2), ("u", "a", 3), ("v", "c", 1)]
    outside = judge(by_rank(rows), pairs(TRUTH), setting, k=1, ranked=True)
    assert outside.judged.known.n_candidates.tolist() == [4, 4]
    assert outside.judged.ranks.tolist() == [3, 2, 1]
    assert not [note for note in outside.notes if "training data" in note]


def test_ranks_are_among_the_given_candidates() -> None:
    train = [pairs([("u", "x"), ("nobody", "a")])]
    listed = pairs([("u", "x"), ("u", "b"), ("u", "a"), ("u", "b"), ("v", "a"), ("other", "c")])
    rows = [("u", "y", 1), ("u", "x", 2), ("u", "b", 3), ("u", "z", 4), ("u", "a", 5), ("v", "c", 1)]
    setting = Setting(train, candidates=listed)
    outside = judge(by_rank(rows), pairs(TRUTH), setting, k=2, ranked=True)
    assert outside.judged.known.n_candidates.tolist() == [3, 1]
    assert outside.judged.ranks.tolist() == [3, 2, 0]
    assert outside.cut is not None
    assert outside.cut.tolist() == [False, False]
    assert outside.notes[1:3] == [
        "pairs of the truth that are not among the candidates: 1; their rank is not known.",
        "recommended items that are not among the candidates: 3, of users: 2; they stay; the ranks of others pass "
        "over them.",
    ]


def test_candidates_and_repeats_exclude_each_other() -> None:
    with pytest.raises(UsageError, match=r"so repeats go without them\. Got both\."):
        Setting(candidates=pairs(TRUTH), repeats=True)


def test_lists_cut_before_a_relevant_item_give_no_mean_of_the_luckier_users() -> None:
    train = Setting([pairs([("nobody", "x"), ("nobody", "y"), ("w", "a")])])
    truth = pairs([*TRUTH, ("w", "a")])
    lucky = [("v", "c", 1), ("u", "a", 1)]
    values, notes = measure_lists([AUC(), Hit(1)], judge(by_rank(lucky), truth, train, k=1, ranked=True))
    assert (values["auc"].value, values["auc"].n_users, values["hit@1"].value) == (None, 0, 2 / 3)
    assert notes == ["no value, as lists end before relevant items and the mean of the others flatters: auc."]
    complete = [*lucky, ("u", "b", 2)]
    values, notes = measure_lists([AUC(), Hit(1)], judge(by_rank(complete), truth, train, k=1, ranked=True))
    assert (values["auc"].value, values["auc"].n_undefined, notes) == (1.0, 1, [])


def test_a_full_list_with_too_few_candidates_tells_nothing_of_r_precision() -> None:
    setting = Setting([pairs([("nobody", "a")])], candidates=pairs([*TRUTH, ("u", "x"), ("v", "x")]))
    rows = [("u", "y", 1), ("u", "a", 2), ("v", "c", 1), ("v", "x", 2)]
    values, notes = measure_lists([RPrecision()], judge(by_rank(rows), pairs(TRUTH), setting, k=2, ranked=True))
    assert (values["r_precision"].value, len(notes)) == (None, 1)
    rows[:2] = [("u", "x", 1), ("u", "a", 2)]
    values, notes = measure_lists([RPrecision()], judge(by_rank(rows), pairs(TRUTH), setting, k=2, ranked=True))
    assert (values["r_precision"].value, notes) == (0.75, [])


def test_predicted_ratings_belong_to_their_users() -> None:
    rows = PredictedRows(pairs([("u", "a"), ("v", "a"), ("u", "b")]), np.array([4.0, 1, 5]), np.array([3.5, 2, 5]))
    rated = judge_ratings(rows)
    assert (rated.n_users, rated.row.tolist(), rated.errors.tolist()) == (2, [0, 1, 0], [-0.5, 1.0, 0.0])


def test_a_pair_predicted_twice_is_refused() -> None:
    rows = PredictedRows(pairs([("u", "a"), ("u", "b"), ("u", "a")]), np.ones(3), np.ones(3))
    with pytest.raises(
        DataError, match=r"the predictions must hold a user-item pair once\. 1 rows .*'u' with item 'a'"
    ):
        judge_ratings(rows)
