"""Why an item was recommended: the reasons are those of the score, worked by hand or summed."""

from __future__ import annotations

import numpy as np
import pytest

from bench.algorithm import Context, Reason, UserBatch
from bench.interactions import Interactions, ItemLists
from bench.plugins import load_registries
from bench.testing import tiny_fold
from bench_algorithms.content import Content
from bench_algorithms.linear import EASE
from bench_algorithms.neighbourhood import ItemKNN, UserKNN

TRAIN = Interactions.from_ids([*"aaabbbcc"], [*"123124", *"34"])


def user(code: int, history: list[int], n_items: int = 4) -> UserBatch:
    return UserBatch(np.array([code], np.int32), ItemLists.from_lists([history], n_items))


def items(*codes: int) -> np.ndarray:
    return np.array(codes, np.int32)


@pytest.mark.parametrize("name", ["ease", "slim", "item-knn", "rp3beta", "user-knn", "content", "hybrid", "hybrid-knn"])
def test_the_weights_sum_to_the_score(name: str) -> None:
    fold = tiny_fold()
    model = load_registries().algorithms.get(name)()
    model.fit(fold.train, None, Context(item_features=fold.item_features))
    everything = np.arange(fold.train.n_items, dtype=np.int32)
    n_reasons = 0
    for row in range(len(fold.test)):
        batch = fold.test.batch.slice(row, row + 1)
        told = model.explain(batch, everything)
        assert told is not None
        sums = [sum(reason.weight for reason in why) for why in told]
        np.testing.assert_allclose(sums, np.asarray(model.score(batch))[0], atol=1e-6)
        n_reasons += sum(map(len, told))
    assert n_reasons > len(fold.test)


def test_item_knn_names_the_items_of_the_history_by_their_similarity() -> None:
    model = ItemKNN().fit(TRAIN, None, Context())
    # item 0 is had by a and b, 1 by both too, 2 by a and c, 3 by b and c
    assert model.explain(user(0, [0, 2]), items(1, 3)) == [
        [Reason("item", 0, 1.0), Reason("item", 2, 0.5)],
        [Reason("item", 0, 0.5), Reason("item", 2, 0.5)],
    ]


def test_user_knn_names_the_neighbours_who_have_the_item() -> None:
    model = UserKNN().fit(TRAIN, None, Context())
    # a has 0, 1, 2; b shares two of her three items with a; c one of his two
    (fourth, third) = model.explain(user(0, [0, 1, 2]), items(3, 2))
    assert [(reason.kind, reason.what) for reason in fourth] == [("user", 1), ("user", 2)]
    assert [reason.weight for reason in fourth] == pytest.approx([2 / 3, 1 / np.sqrt(6)])
    assert [reason.what for reason in third] == [2]


def test_ease_tells_what_speaks_against_an_item_too() -> None:
    either = Interactions.from_ids([*"aabbccdd"], [*"02120212"])  # everybody has 2, and one of 0 and 1
    model = EASE(l2=0.5).fit(either, None, Context())
    ((first, last),) = model.explain(user(0, [0, 2], 3), items(1))
    assert (first.what, last.what) == (2, 0)
    assert first.weight > 0 > last.weight == model.weights[0, 1]


def test_content_names_terms_and_adds_up_the_two_tokens_of_a_number() -> None:
    fold = tiny_fold()
    model = Content().fit(fold.train, None, Context(item_features=fold.item_features))
    batch = fold.test.batch.slice(0, 1)
    ((*why,),) = model.explain(batch, batch.history.row(0)[:1])
    terms = [str(reason.what) for reason in why]
    assert len(set(terms)) == len(terms)
    assert fold.item_features is not None
    columns = fold.item_features.columns
    assert {term.partition("=")[0] for term in terms} <= set(columns)
    assert all(("=" in term) == (columns[term.partition("=")[0]].kind != "number") for term in terms)


def test_nothing_is_no_reason() -> None:
    for model in (EASE(), ItemKNN(), UserKNN()):
        model.fit(TRAIN, None, Context())
        assert model.explain(user(0, []), items(1, 2)) == [[], []]


def test_who_cannot_say_says_nothing() -> None:
    fold = tiny_fold()
    model = load_registries().algorithms.get("popularity")().fit(fold.train, None, Context())
    assert model.explain(user(0, [1], fold.train.n_items), items(1)) is None
