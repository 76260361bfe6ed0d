"""Interactions keep ids exactly, order histories by time, and fingerprint content."""

import numpy as np
import pytest

from bench.errors import DataError
from bench.interactions import FeatureColumn, Features, Interactions, ItemLists, content_hash

AWKWARD_IDS = ["007", "7", "NA", "null", str(2**60), str(2**60 + 1), "é", "e\u0301", ""]


def interactions(rows: list[tuple[str, str, int]]) -> Interactions:
    users, items, times = zip(*rows, strict=True)
    return Interactions.from_ids(list(users), list(items), timestamp=np.array(times))


def test_awkward_ids_stay_distinct_and_exact() -> None:
    data = Interactions.from_ids(AWKWARD_IDS, AWKWARD_IDS[::-1])
    assert data.n_users == len(AWKWARD_IDS)
    assert [data.user_ids[code] for code in data.user] == AWKWARD_IDS
    assert [data.item_ids[code] for code in data.item] == AWKWARD_IDS[::-1]


def test_codes_do_not_depend_on_row_order() -> None:
    forward = interactions([("a", "x", 1), ("b", "y", 2)])
    backward = interactions([("b", "y", 2), ("a", "x", 1)])
    assert forward.user_ids.tolist() == backward.user_ids.tolist()
    assert forward.user.tolist() == backward.user.tolist()[::-1]


def test_arrays_are_frozen() -> None:
    data = interactions([("a", "x", 1)])
    with pytest.raises(ValueError, match="read-only"):
        data.user[0] = 3


@pytest.mark.parametrize("change", ["rating", "timestamp", "order", "id"])
def test_fingerprint_changes_with_content(change: str) -> None:
    base = Interactions.from_ids(["a", "b"], ["x", "y"], np.array([1.0, 2.0]), np.array([1, 2]))
    other = {
        "rating": Interactions.from_ids(["a", "b"], ["x", "y"], np.array([1.0, 3.0]), np.array([1, 2])),
        "timestamp": Interactions.from_ids(["a", "b"], ["x", "y"], np.array([1.0, 2.0]), np.array([1, 3])),
        "order": base.select(np.array([1, 0])),
        "id": Interactions.from_ids(["a", "c"], ["x", "y"], np.array([1.0, 2.0]), np.array([1, 2])),
    }[change]
    assert base.fingerprint != other.fingerprint
    assert base.fingerprint == base.select(np.array([0, 1])).fingerprint


def test_content_hash_separates_its_parts() -> None:
    ids = np.array(["ab", "c"], object), np.array(["a", "bc"], object)
    assert content_hash(ids[0]) != content_hash(ids[1])
    assert content_hash("ab", "c") != content_hash("a", "bc")
    assert content_hash(None) != content_hash("None")


def test_histories_run_from_oldest_to_newest_and_ties_keep_row_order() -> None:
    data = interactions([("a", "z", 5), ("b", "x", 1), ("a", "x", 2), ("a", "y", 5)])
    lists = data.histories(np.array([0, 1], np.int32))
    assert [data.item_ids[i] for i in lists.row(0)] == ["x", "z", "y"]
    assert [data.item_ids[i] for i in lists.row(1)] == ["x"]


def test_histories_of_a_user_without_rows_are_empty() -> None:
    data = interactions([("a", "x", 1), ("b", "y", 2)]).select(np.array([True, False]))
    lists = data.histories(np.array([1, 0], np.int32))
    assert lists.lengths.tolist() == [0, 1]


def test_csr_counts_a_repeated_pair_once() -> None:
    data = interactions([("a", "x", 1), ("a", "x", 2), ("a", "y", 3)])
    assert data.csr().toarray().tolist() == [[1.0, 1.0]]


def test_item_lists_slice_like_lists() -> None:
    lists = ItemLists.from_lists([[1, 2], [], [0]], 3)
    part = lists.slice(1, 3)
    assert [part.row(r).tolist() for r in range(len(part))] == [[], [0]]
    assert part.csr().toarray().tolist() == [[0, 0, 0], [1, 0, 0]]


def test_wrong_lengths_and_codes_are_refused() -> None:
    ids = np.array(["a"], object)
    with pytest.raises(DataError, match="one value a row"):
        Interactions(np.array([0]), np.array([0]), ids, ids, rating=np.array([1.0, 2.0]))
    with pytest.raises(DataError, match=r"\[0, 1\)"):
        Interactions(np.array([1]), np.array([0]), ids, ids)


def test_features_align_with_missing_values() -> None:
    features = Features(
        np.array(["x", "y"], object),
        {
            "title": FeatureColumn("text", np.array(["X", "Y"], object)),
            "year": FeatureColumn("number", np.array([1.0, 2.0])),
        },
    )
    aligned = features.aligned(np.array(["y", "unknown"], object))
    assert aligned.columns["title"].values.tolist() == ["Y", ""]
    assert aligned.columns["year"].values[0] == 2.0
    assert np.isnan(aligned.columns["year"].values[1])
    assert aligned.fingerprint != features.fingerprint
