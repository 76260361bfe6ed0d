"""What counts as an attribute of an item, and how it becomes a vector."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bench.metrics.attributes import attributes


def alike(features: Any) -> list[list[float]]:
    """How many attributes each two items share."""
    found = attributes(features)
    return (found @ found.T).toarray().tolist()


def test_tags_and_categories_count_and_text_and_numbers_do_not(features: Any) -> None:
    given = features(
        genres=("tags", [("a", "b"), ("b",), ()]),
        label=("category", ["x", "", "x"]),
        title=("text", ["same words", "same words", "same words"]),
        year=("number", [1990.0, 1990.0, 1990.0]),
    )
    assert alike(given) == [[3, 1, 1], [1, 1, 0], [1, 0, 1]]


def test_words_stand_in_where_no_item_has_tags(features: Any) -> None:
    given = features(genres=("tags", [(), ()]), title=("text", ["The Thing, the film", "THING: it is"]))
    assert alike(given) == [[3, 1], [1, 3]]


def test_a_repeated_tag_counts_once_and_a_value_of_two_columns_twice(features: Any) -> None:
    assert alike(features(genres=("tags", [("a", "a")]))) == [[1]]
    assert alike(features(genres=("tags", [("a",)]), moods=("tags", [("a",)]))) == [[2]]


def test_items_without_any_attribute_have_none(features: Any) -> None:
    assert attributes(features(year=("number", [1.0, 2.0]))).shape == (2, 0)


@pytest.mark.parametrize("label", ["intra_list_diversity@2", "serendipity@2", "calibration@2"])
def test_metrics_of_items_without_attributes_are_undefined(label: str, judged: Any, metric: Any) -> None:
    bare = judged([[0, 1]], [[0]], 3, histories=[[2]], tags=[(), (), ()])
    assert np.isnan(metric(label).per_user(bare)).all()


def test_item_vectors_are_of_unit_length_or_zero(judged: Any) -> None:
    known = judged([[0]], [[0]], 3, histories=[[2]], tags=[("a", "b", "c"), (), ("a",)]).known
    assert np.asarray(known.item_vectors.power(2).sum(1)).ravel() == pytest.approx([1, 0, 1])
    assert known.described.tolist() == [True, False, True]
