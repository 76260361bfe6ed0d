"""Every kind of leak is planted and found; folds without one raise no false alarm."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.errors import DataError, UnknownNameError
from bench.interactions import FeatureColumn, Features, Interactions
from bench.protocol.audit import LEAKS, MIN_EVIDENCE, Finding, audit, check_leaks, folds_in_words, in_words
from bench.protocol.fold import NOWHERE, TEST, TEST_HISTORY, TRAIN, VALIDATION, Fold, Parts, make_fold

DAY = 86_400


def rows(*events: tuple[str, str, int]) -> Interactions:
    """From (user, item, day)."""
    users, items, days = zip(*events, strict=True)
    return Interactions.from_ids(list(users), list(items), timestamp=np.array(days) * DAY)


def fold_of(data: Interactions, part: Sequence[int]) -> Fold:
    return make_fold(data, np.array(part, np.int8), {})


def small(*more: tuple[str, str, int]) -> list[tuple[str, str, int]]:
    """Two users, in order: two items each to train on, one to validate, one to test; then what is added."""
    return [
        *(("ann", "a", 1), ("ann", "b", 2), ("ann", "c", 4), ("ann", "d", 6)),
        *(("bob", "b", 1), ("bob", "d", 3), ("bob", "a", 5), ("bob", "c", 7)),
        *more,
    ]


SMALL_PARTS = [TRAIN, TRAIN, VALIDATION, TEST] * 2


def movies(seed: int = 0, n_users: int = 150, n_items: int = 200) -> Interactions:
    """Popularity with a long tail, activity too, 1 to 5 stars by user and item, a year of events."""
    rng = np.random.default_rng(seed)
    appeal = 1 / np.arange(1, n_items + 1) ** 0.8
    lists = [
        rng.choice(n_items, rng.integers(5, min(60, n_items // 2)), replace=False, p=appeal / appeal.sum())
        for _ in range(n_users)
    ]
    user, item = np.repeat(np.arange(n_users), [len(one) for one in lists]), np.concatenate(lists)
    liking = 3.5 + rng.normal(0, 0.7, n_users)[user] + rng.normal(0, 0.7, n_items)[item] + rng.normal(0, 1, len(user))
    ids = [f"u{u:03}" for u in user], [f"i{i:03}" for i in item]
    return Interactions.from_ids(*ids, np.clip(np.rint(liking), 1, 5), rng.integers(0, 365 * DAY, len(user)))


def random_parts(data: Interactions, seed: int = 0) -> Parts:
    draw = np.random.default_rng(seed).random(len(data))
    return np.select([draw < 0.1, draw < 0.2], [TEST, VALIDATION], TRAIN).astype(np.int8)


def movie_fold(data: Interactions, seed: int = 0, **item_columns: Any) -> Fold:
    columns = {name: FeatureColumn("number", np.asarray(values, float)) for name, values in item_columns.items()}
    fold = make_fold(data, random_parts(data, seed), {})
    return fold.with_features(Features(data.item_ids, columns) if columns else None, None)


def rated(data: Interactions, rating: Any) -> Interactions:
    return Interactions(
        data.user, data.item, data.user_ids, data.item_ids, np.asarray(rating, np.float32), data.timestamp
    )


def found(fold: Fold, **options: Any) -> dict[str, Finding]:
    findings = audit(fold, **options)
    assert len({finding.kind for finding in findings}) == len(findings)
    return {finding.kind: finding for finding in findings}


def leaks(fold: Fold) -> list[str]:
    return [finding.text for finding in audit(fold) if finding.severity == "leak"]


# Pairs


def test_a_clean_fold_says_what_was_looked_for() -> None:
    findings = audit(fold_of(rows(*small()), SMALL_PARTS))
    assert {finding.severity for finding in findings if finding.kind != "future-of-timeline"} == {"clean"}
    assert findings[0].text == "No pair of user and item is in both training and test."
    check_leaks(findings, [], "the fold")


@pytest.mark.parametrize("part", [TRAIN, VALIDATION])
def test_a_pair_in_training_and_test_is_found_and_fails(part: int) -> None:
    findings = audit(fold_of(rows(*small(("ann", "d", 3))), [*SMALL_PARTS, part]))
    overlap = findings[0]
    assert (overlap.kind, overlap.severity, overlap.count, overlap.share) == ("pair-overlap", "leak", 1, 0.5)
    with pytest.raises(DataError) as caught:
        check_leaks(findings, [], "the fold of the task 'mine'")
    assert str(caught.value) == (
        "the fold of the task 'mine' leaks: 1 of the 2 test pairs (50 %) are also in training, for example user 'ann' "
        "with item 'd'. If that is meant, write allow_leaks = [\"pair-overlap\"] into the task of the suite."
    )
    check_leaks(findings, ["pair-overlap"], "the fold")


def test_a_pair_is_found_where_it_is_all_that_the_user_is_tested_on() -> None:
    events = [*small(), ("eve", "a", 1), ("eve", "b", 2), ("eve", "a", 8)]
    fold = fold_of(rows(*events), [*SMALL_PARTS, TRAIN, VALIDATION, TEST])
    assert "eve" not in fold.train.user_ids[fold.test.users]
    assert found(fold)["pair-overlap"].count == 1


def test_a_pair_in_the_history_of_a_user_who_is_not_trained_on_is_found() -> None:
    events = [*small(), ("eve", "a", 1), ("eve", "b", 2), ("eve", "a", 8), ("eve", "c", 8)]
    parts = [*SMALL_PARTS, TEST_HISTORY, TEST_HISTORY, TEST, TEST]
    assert found(fold_of(rows(*events), parts))["pair-overlap"].count == 1
    assert found(fold_of(rows(*events), [*parts[:-2], NOWHERE, TEST]))["pair-overlap"].severity == "clean"


def test_a_pair_in_train_and_validation_misleads_tuning_and_fails_by_its_own_name() -> None:
    findings = audit(fold_of(rows(*small(("ann", "a", 4))), [*SMALL_PARTS, VALIDATION]))
    with pytest.raises(DataError, match=r"1 of the 3 validation pairs \(33 %\) are also in training"):
        check_leaks(findings, ["pair-overlap"], "the fold")
    check_leaks(findings, ["validation-pair-overlap"], "the fold")


def test_repeat_consumption_makes_overlap_a_note() -> None:
    fold = fold_of(rows(*small(("ann", "d", 3))), [*SMALL_PARTS, TRAIN])
    overlap = found(fold, repeats_allowed=True)["pair-overlap"]
    assert (overlap.severity, overlap.count) == ("note", 1)
    assert overlap.text.endswith("Repeats are part of this protocol.")


def test_a_leak_is_allowed_by_its_name_only() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown leak 'pair-overlaps'\. Did you mean 'pair-overlap'\?"):
        check_leaks([], ["pair-overlaps"], "the fold")
    with pytest.raises(UnknownNameError, match="unknown leak 'future-of-user'"):
        check_leaks([], ["future-of-user"], "the fold")  # a note, which needs no permission


def test_what_is_allowed_already_stays_in_the_line_to_write() -> None:
    findings = audit(fold_of(rows(*small(("ann", "d", 3), ("ann", "a", 4))), [*SMALL_PARTS, TRAIN, VALIDATION]))
    with pytest.raises(DataError, match=r'allow_leaks = \["pair-overlap", "validation-pair-overlap"\]'):
        check_leaks(findings, ["pair-overlap"], "the fold")


# Time


def test_test_events_before_training_events_of_the_same_user() -> None:
    events = [*small(), ("eve", "a", 2), ("eve", "b", 14), ("eve", "c", 4), ("eve", "d", 12)]
    finding = found(fold_of(rows(*events), [*SMALL_PARTS, TRAIN, TRAIN, TEST, TEST]))["future-of-user"]
    assert (finding.severity, finding.count, finding.share) == ("note", 2, 0.5)
    assert finding.amount_seconds == 6 * DAY  # 10 and 2
    assert finding.text == (
        "50 % of the test events are older than a training event of the same user (by a median of 6 days): "
        "this split ignores time."
    )


def test_few_such_events_do_not_make_a_split_that_ignores_time() -> None:
    data = movies()
    order = np.lexsort((np.asarray(data.timestamp), data.user))
    last = np.cumsum(np.bincount(data.user))[data.user[order]] - 1
    part = np.empty(len(data), np.int8)
    part[order] = np.where(last - np.arange(len(data)) < 3, TEST, TRAIN)
    part[order[0]], part[order[-1]] = TEST, TRAIN
    part[order[5]] = VALIDATION
    finding = found(make_fold(data, part, {}))["future-of-user"]
    assert 0 < finding.share < 0.05
    assert finding.text.endswith("there, models know the user's future.")


def test_the_history_of_users_who_are_not_trained_on_counts_as_theirs() -> None:
    events = [*small(), ("eve", "a", 9), ("eve", "b", 8)]
    finding = found(fold_of(rows(*events), [*SMALL_PARTS, TEST_HISTORY, TEST]))["future-of-user"]
    assert (finding.count, finding.amount_seconds) == (1, DAY)


def test_test_events_before_the_newest_training_event_of_anybody() -> None:
    finding = found(fold_of(rows(*small(("eve", "a", 9))), [*SMALL_PARTS, TRAIN]))["future-of-timeline"]
    assert (finding.severity, finding.count, finding.share) == ("note", 2, 1.0)
    assert finding.amount_seconds == 2.5 * DAY  # 9 − 6 and 9 − 7
    assert finding.text == (
        "100 % of the test events are older than the newest training event of anybody (by a median of 2.5 days): "
        "models learn from what others did later."
    )
    clean = found(fold_of(rows(*small()), SMALL_PARTS))["future-of-user"]
    assert (clean.severity, clean.amount_seconds) == ("clean", None)


def test_events_of_the_same_second_are_not_older() -> None:
    data = rows(*[(user, item, 1) for user, item, _ in small()])
    assert found(fold_of(data, SMALL_PARTS))["future-of-timeline"].severity == "clean"


def test_without_timestamps_it_says_that_time_is_unknown() -> None:
    data = Interactions.from_ids([e[0] for e in small()], [e[1] for e in small()])
    findings = found(fold_of(data, SMALL_PARTS))
    assert findings["time-unchecked"].severity == "note"
    assert not findings.keys() & {"future-of-user", "future-of-timeline", "late-features"}


# What is new, and who is twice


def late_fold(day: int) -> Fold:
    fold = fold_of(rows(*small(("ann", "new", day), ("eve", "z", day))), [*SMALL_PARTS, TEST, TEST])
    genres = np.empty(fold.train.n_items, object)
    genres[:] = [("drama", "vr") if name in ("new", "z") else ("drama",) for name in fold.train.item_ids]
    return fold.with_features(Features(fold.train.item_ids, {"genres": FeatureColumn("tags", genres)}), None)


def test_test_items_without_training_are_noted() -> None:
    finding = found(late_fold(8))["late-items"]
    assert (finding.severity, finding.count) == ("note", 1)  # "z" is nobody's to find: eve has no history
    assert finding.text.startswith("1 of the 3 test items (33 %), 33 % of what is to be found, have no training")


def test_features_first_met_after_the_cut_are_noted() -> None:
    finding = found(late_fold(8))["late-features"]
    assert (finding.severity, finding.count) == ("note", 2)
    assert finding.share == pytest.approx(1 / 3)
    assert "2 of the 6 items (33 %) come from after the cut, and 1 of their tags and categories are met" in finding.text


def test_features_met_before_the_cut_are_not_late() -> None:
    fold = fold_of(rows(*small()), [TRAIN, TRAIN, VALIDATION, TEST, TRAIN, TRAIN, TRAIN, TEST])
    fold = fold.with_features(Features(fold.train.item_ids, {"year": FeatureColumn("number", np.arange(4.0))}), None)
    assert found(fold)["late-features"].severity == "clean"


def test_no_feature_is_late_where_there_is_no_cut() -> None:
    assert "late-features" in found(late_fold(8))
    assert "late-features" not in found(late_fold(4))


def test_users_with_the_same_items_are_found() -> None:
    data = movies(n_users=60)
    theirs = data.user == 7
    twin = Interactions.from_ids(
        [*data.user_ids[data.user], *["twin"] * int(theirs.sum())],
        [*data.item_ids[data.item], *data.item_ids[data.item[theirs]][::-1]],
    )
    part = np.concatenate([random_parts(data), np.zeros(int(theirs.sum()), np.int8)])
    fold = fold_of(twin, part.tolist())
    finding = found(fold)["duplicate-users"]
    assert (finding.severity, finding.count) == ("note", 2)
    assert finding.share == pytest.approx(2 / 61)
    exposed = int(7 in fold.test.users)  # the twin is all in training
    assert f"; {exposed} of them are test users whose twin is trained on." in finding.text
    assert found(fold_of(data, random_parts(data).tolist()))["duplicate-users"].severity == "clean"


def test_users_with_few_items_are_no_twins() -> None:
    events = [(user, item, 1) for user in ("eve", "fay") for item in "abcd"]
    fold = fold_of(rows(*small(*events)), [*SMALL_PARTS, *[TRAIN] * 8])
    assert found(fold)["duplicate-users"].severity == "clean"


# Statistics over more than training


def counts(data: Interactions) -> np.ndarray:
    return np.bincount(data.item, minlength=data.n_items).astype(float)


def means(data: Interactions) -> np.ndarray:
    assert data.rating is not None
    return np.asarray(np.bincount(data.item, data.rating, data.n_items) / np.maximum(counts(data), 1))


TRANSFORMS = {
    "as it is": lambda x: x,
    "logarithm": np.log1p,
    "rank from the best": lambda x: np.argsort(np.argsort(-x)),
    "standardised": lambda x: (x - x.mean()) / x.std(),
    "two digits": lambda x: np.round(x, 2),
    "with gaps": lambda x: np.where(np.arange(len(x)) % 10 == 0, np.nan, x),
}


@pytest.mark.parametrize("transform", TRANSFORMS.values(), ids=TRANSFORMS)
@pytest.mark.parametrize("statistic", [counts, means])
def test_a_feature_made_of_all_rows_is_a_leak_and_one_made_of_training_is_not(statistic: Any, transform: Any) -> None:
    data = movies()
    trained = movie_fold(data).train_and_validation
    finding = found(movie_fold(data, score=transform(statistic(data))))["popularity-feature"]
    assert (finding.severity, finding.count, finding.share) == ("leak", 1, 1.0)
    assert finding.text.startswith("The item feature 'score' sorts items by their ")
    assert not leaks(movie_fold(data, score=transform(statistic(trained))))


def test_an_activity_feature_of_users_is_found() -> None:
    data = movies()
    fold = movie_fold(data)
    activity = FeatureColumn("number", np.bincount(data.user).astype(float))
    age = FeatureColumn("number", np.random.default_rng(0).integers(18, 80, data.n_users).astype(float))
    finding = found(fold.with_features(None, Features(data.user_ids, {"age": age, "activity": activity})))
    assert (finding["popularity-feature"].count, finding["popularity-feature"].share) == (1, 0.5)
    assert "the user feature 'activity' sorts users by their number of interactions" in finding[
        "popularity-feature"
    ].text.replace("The", "the")


@pytest.mark.parametrize("axis", ["user", "item", "all"])
@pytest.mark.parametrize("recentred", [False, True])
def test_ratings_normalised_over_all_rows_are_a_leak(axis: str, recentred: bool) -> None:
    data, part = movies(), random_parts(movies())
    assert data.rating is not None
    codes = {"user": data.user, "item": data.item, "all": np.zeros(len(data), int)}[axis]
    for sees, leak in ((part == part, True), (part != TEST, False)):
        mean = np.bincount(codes[sees], data.rating[sees]) / np.bincount(codes[sees])
        normal = data.rating - mean[codes] + (data.rating.mean() if recentred and axis != "all" else 0)
        normal = normal / (data.rating.std() if recentred else 1)
        findings = found(make_fold(rated(data, normal), part, {}))
        assert findings["normalised-ratings"].severity == ("leak" if leak else "clean")
        if leak:
            assert ("all ratings" if axis == "all" else f"every {axis}") in findings["normalised-ratings"].text


RATINGS: dict[str, Any] = {
    "stars": lambda data, rng: data.rating,
    "half stars": lambda data, rng: rng.integers(1, 11, len(data)) / 2,
    "likes only": lambda data, rng: np.ones(len(data)),
    "likes and dislikes": lambda data, rng: rng.choice([-1, 1], len(data)),
    "as many likes as dislikes": lambda data, rng: np.where(np.arange(len(data)) % 2, 1, -1),
    "play counts": lambda data, rng: rng.geometric(0.1, len(data)),
    "seconds": lambda data, rng: rng.exponential(200, len(data)),
    "centred by nature": lambda data, rng: rng.normal(0, 1, len(data)),
    "one off the scale each": lambda data, rng: np.pi * data.user,
}


@pytest.mark.parametrize("kind", RATINGS)
@pytest.mark.parametrize("seed", range(3))
def test_no_false_alarm_on_ratings(kind: str, seed: int) -> None:
    data = movies(seed)
    fold = movie_fold(rated(data, RATINGS[kind](data, np.random.default_rng(seed))), seed)
    assert not leaks(fold)


@pytest.mark.parametrize("seed", range(5))
def test_no_false_alarm_on_features_that_merely_correlate(seed: int) -> None:
    data, rng = movies(seed), np.random.default_rng(seed)
    elsewhere = counts(data) * 50 + rng.normal(0, 30, data.n_items)
    fold = movie_fold(
        data,
        seed,
        votes_elsewhere=elsewhere,
        year=rng.integers(1930, 2000, data.n_items),
        constant=np.ones(data.n_items),
        blockbuster=counts(data) >= np.sort(counts(data))[-5],
        missing=np.full(data.n_items, np.nan),
    )
    assert not leaks(fold)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_false_alarm_on_small_random_folds(draw: st.DataObject) -> None:
    n = draw.draw(st.integers(6, 80))
    seed = draw.draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    n_users, n_items = draw.draw(st.integers(1, 8)), draw.draw(st.integers(4, 60))
    pairs = rng.choice(n_users * n_items, min(n, n_users * n_items), replace=False)
    values = draw.draw(st.sampled_from([[1.0], [0.0, 1.0], [1.0, 2.0, 3.0], [0.13, 0.77], [-0.37, 0.37]]))
    users, items = [f"u{p // n_items}" for p in pairs], [f"i{p % n_items}" for p in pairs]
    data = Interactions.from_ids(users, items, rng.choice(values, len(pairs)), rng.integers(0, 50, len(pairs)))
    try:
        fold = movie_fold(data, seed, number=rng.integers(0, 5, data.n_items), popularity=counts(data))
    except DataError:
        return
    if len(np.unique(counts(data))) <= MIN_EVIDENCE:  # too little to tell chance from leak
        assert not leaks(fold)
    assert Finding.model_validate_json(audit(fold)[0].model_dump_json()) == audit(fold)[0]


# In words, and in the record


def test_findings_survive_json_and_refuse_what_they_do_not_know() -> None:
    for finding in audit(movie_fold(movies(), score=counts(movies()))):
        assert Finding(**json.loads(finding.model_dump_json())) == finding
        assert 0 <= finding.share <= 1
        assert (finding.severity == "clean") == (finding.count == 0)
        assert finding.severity != "leak" or finding.kind in LEAKS
    with pytest.raises(ValueError, match="extra"):
        Finding(kind="pair-overlap", severity="leak", text="", seen=1)  # type: ignore[call-arg]


def test_leaks_are_printed_before_notes_and_what_is_clean_is_not() -> None:
    lines = in_words(audit(movie_fold(movies(), score=counts(movies()))))
    assert lines[0].startswith("audit: leak (popularity-feature): The item feature 'score' sorts")
    assert all(line.startswith("audit: ") for line in lines[1:])
    assert any("this split ignores time" in line for line in lines)


def test_nothing_found_is_one_line() -> None:
    findings = [Finding(kind=kind, severity="clean", text="") for kind in "abc"]
    assert in_words(findings) == ["audit: nothing found in 3 checks."]


def test_no_more_than_a_handful_of_lines() -> None:
    findings = [Finding(kind=str(n), severity="note", text=f"{n}.") for n in range(9)]
    assert in_words(findings) == [*(f"audit: {n}." for n in range(5)), "… and 4 more notes in the record."]
    assert len(in_words(findings[:6])) == 6


def test_training_part_without_test_is_audited_too() -> None:
    assert {finding.severity for finding in audit(movie_fold(movies()).without_test())} == {"clean"}


def test_folds_are_told_apart_and_a_leak_in_any_is_said() -> None:
    clean = Finding(kind="pair-overlap", severity="clean", text="none.")
    leak = Finding(kind="pair-overlap", severity="leak", share=0.5, text="bad.")
    little, much = (Finding(kind="late-items", severity="note", share=s, text=f"{s}.") for s in (0.1, 0.3))
    assert folds_in_words([[leak, little]]) == in_words([leak, little])
    assert folds_in_words([[clean, little], [leak, much]]) == [
        "audit: leak (pair-overlap): fold 2 of 2: bad.",
        "audit: fold 2 of 2: 0.3.",
    ]
    assert folds_in_words([[clean], [clean]]) == ["audit: nothing found in 2 checks of 2 folds."]
