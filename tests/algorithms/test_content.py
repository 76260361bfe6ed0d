"""What makes items alike, and what an item may lack."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from bench.algorithm import Context, UserBatch
from bench.errors import UnmetNeedError, UsageError
from bench.interactions import FeatureColumn, Features, Interactions, ItemLists
from bench_algorithms.content import Content

ITEMS = np.array(["alien", "aliens", "amélie", "toy", "blank"], object)


def column(kind: Any, values: list[Any]) -> FeatureColumn:
    array = np.empty(len(values), np.float64 if kind == "number" else object)
    array[:] = values
    return FeatureColumn(kind, array)


TITLE = column("text", ["Alien", "Aliens: the Alien Returns", "Amélie", "The Toy", ""])
GENRES = column("tags", [("Horror", "SciFi"), ("SciFi", "Horror"), ("Romance",), ("Family", "Romance"), ()])
YEAR = column("number", [1979.0, 1986.0, 2001.0, 1995.0, np.nan])


def scores(
    columns: dict[str, FeatureColumn], history: list[int], trained: Sequence[int] = range(5), **fields: Any
) -> np.ndarray:
    items = np.array(trained, np.int32)
    train = Interactions(np.zeros(len(items), np.int32), items, np.array(["u"], object), ITEMS)
    model = Content(**fields).fit(train, None, Context(item_features=Features(ITEMS, columns)))
    return model.score(UserBatch(np.zeros(1, np.int32), ItemLists.from_lists([history], len(ITEMS))))[0]


def test_an_item_with_the_same_genres_comes_first() -> None:
    found = scores({"genres": GENRES}, [0])
    assert found[1] == pytest.approx(1)
    assert found[[2, 3, 4]].tolist() == [0, 0, 0]


def test_rare_attributes_count_more_than_common_ones() -> None:
    tags = column("tags", [("common", "rare"), ("common",), ("rare",), ("common",), ("common",)])
    found = scores({"anything": tags}, [0])
    assert found[2] > found[1] > 0


def test_the_cosine_is_that_of_the_mean_of_the_history() -> None:
    # Without shared tokens the vectors are orthonormal: the mean of two is at 45° to each of them.
    shelves = column("category", ["a", "b", "c", "a", ""])
    np.testing.assert_allclose(scores({"shelf": shelves}, [0, 1]), [0.5**0.5, 0.5**0.5, 0, 0.5**0.5, 0], rtol=1e-6)


def test_words_are_compared_without_case_and_accents() -> None:
    names = column("text", ["Amélie", "amelie", "AMÉLIE II", "Amelia", ""])
    found = scores({"name": names}, [0])
    assert found[1] == pytest.approx(1)
    assert found[2] > 0
    assert found[3] == 0


def test_the_same_word_in_two_columns_is_not_the_same_attribute() -> None:
    director, actor = column("category", ["Welles", "", "", "", ""]), column("category", ["", "Welles", "x", "x", "x"])
    assert scores({"director": director, "actor": actor}, [0])[1] == 0


def test_near_numbers_are_more_alike_than_far_ones() -> None:
    found = scores({"year": column("number", [1979, 1986, 2001, 1995, np.nan])}, [0], number_bins=4)
    assert found[0] == pytest.approx(1)
    assert 0 < found[1] < 1
    assert found[[2, 3, 4]].tolist() == [0, 0, 0]


def test_fewer_bins_make_more_numbers_alike() -> None:
    year = {"year": column("number", [1.0, 2.0, 3.0, 4.0, 5.0])}
    few, many = scores(year, [0], number_bins=2), scores(year, [0], number_bins=5)
    assert (few > 0).sum() > (many > 0).sum()


@pytest.mark.parametrize("missing", ["text", "tags", "number"])
def test_a_kind_without_weight_is_as_if_it_were_not_there(missing: str) -> None:
    columns = {"text": TITLE, "tags": GENRES, "number": YEAR}
    without = {name: value for name, value in columns.items() if name != missing}
    np.testing.assert_allclose(scores(columns, [0, 2], **{f"{missing}_weight": 0}), scores(without, [0, 2]), rtol=1e-6)


def test_rarity_and_bins_are_those_of_training() -> None:
    tags = column("tags", [("a", "b"), ("a",), ("b",), ("b",), ("b",)])
    assert scores({"anything": tags}, [0])[1] > scores({"anything": tags}, [0])[2]
    found = scores({"anything": tags}, [0], trained=[0, 1, 2])
    assert found[1] == pytest.approx(found[2])  # each twice in training
    years = [column("number", [1.0, 2.0, 3.0, 4.0, last]) for last in (5.0, -9e9)]
    near, far = (scores({"year": year}, [0], trained=[0, 1, 2, 3], number_bins=4) for year in years)
    np.testing.assert_array_equal(near[:4], far[:4])


def test_items_that_training_has_not_are_scored_in_its_terms() -> None:
    tags = column("tags", [("a", "b"), ("a",), ("b",), ("b",), ("b", "new")])
    found = scores({"anything": tags}, [2], trained=[0, 1, 2, 3])
    assert 0 < found[4] < found[3] == pytest.approx(1)
    assert scores({"anything": tags}, [4], trained=[0, 1, 2, 3])[4] == pytest.approx(1)


def test_weights_shift_what_counts() -> None:
    columns = {"genres": GENRES, "title": column("text", ["red", "blue", "green", "red", "blue"])}
    by_genre = scores(columns, [0], tags_weight=1, text_weight=0.1)
    by_title = scores(columns, [0], tags_weight=0.1, text_weight=1)
    assert by_genre[1] > by_genre[3]
    assert by_title[3] > by_title[1]


def test_items_without_attributes_score_nothing() -> None:
    assert scores({"genres": GENRES, "title": TITLE, "year": YEAR}, [0, 1])[4] == 0


def test_without_features_it_says_what_it_needs() -> None:
    with pytest.raises(UnmetNeedError, match="needs item features, and this data set has none"):
        Content().fit(Interactions.from_ids(["u"], ["i"]), None, Context())


def test_without_any_value_it_says_what_it_needs() -> None:
    blank = {"title": column("text", [""] * 5), "year": column("number", [np.nan] * 5)}
    with pytest.raises(UnmetNeedError, match="with a value and a weight"):
        scores(blank, [0])


def test_values_of_items_outside_training_are_not_enough() -> None:
    with pytest.raises(UnmetNeedError, match="with a value and a weight in training"):
        scores({"genres": GENRES, "year": YEAR}, [0], trained=[4])


def test_some_kind_must_count() -> None:
    with pytest.raises(UsageError) as caught:
        Content(text_weight=0, tags_weight=0, number_weight=0)
    assert str(caught.value) == (
        "the field 'number_weight' of Content should be greater than 0 where text_weight and tags_weight are 0. Got 0."
    )
