"""A fitted model among its ids: what it answers to people it knows and to others, before and after it was stored."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench import seeds
from bench.errors import UnmetNeedError, UsageError
from bench.interactions import mask
from bench.ranking import recommend
from bench.serving import Recommender
from bench.testing import AlgorithmCase, tiny_fold

FOLD = tiny_fold()
USERS, ITEMS = FOLD.train.user_ids, FOLD.train.item_ids
UNTRAINED = str(USERS[-1])


def recommender(name: str, parameters: dict[str, Any] | None = None, **fields: Any) -> Recommender:
    return Recommender(
        **{
            "algorithm": AlgorithmCase(name, parameters or {}).fit(FOLD),
            "name": name,
            "row": name,
            "user_ids": USERS,
            "trained": mask(FOLD.train.user, FOLD.train.n_users),
            "item_ids": ITEMS,
            "tie_seed": 5,
            "repeats": False,
            "has_user_features": True,
            **fields,
        }
    )


@pytest.mark.parametrize("name", ["ease", "user-knn", "popularity"])
def test_it_recommends_what_a_run_would(name: str) -> None:
    model, test = recommender(name), FOLD.test
    wanted = recommend(model.algorithm, name, test.batch, 4, seeds.tie_order(5, ITEMS), USERS).topk
    histories = [ITEMS[test.history.row(row)].tolist() for row in range(len(test))]
    found = model.recommend(USERS[test.users].tolist(), histories, 4)
    assert [one.items for one in found] == ITEMS[wanted.items].tolist()
    assert np.array_equal(np.float32([one.scores for one in found]), wanted.scores)
    for one, history in zip(found, histories, strict=True):
        assert not set(one.items) & set(history)


def test_what_was_stored_recommends_the_same(tmp_path: Path) -> None:
    model = recommender("user-knn")
    model.save(tmp_path / "model")
    loaded = Recommender.load(tmp_path / "model")
    asked = [str(USERS[3]), None], [ITEMS[:3].tolist(), ITEMS[4:6].tolist()], 5
    assert loaded.recommend(*asked) == model.recommend(*asked)
    assert loaded.user_ids.tolist() == USERS.tolist()


def test_items_of_the_history_come_again_where_repeats_count() -> None:
    history = [ITEMS[:6].tolist()]
    (once,), (again,) = (
        recommender("popularity", repeats=repeats).recommend([None], history, 20) for repeats in (False, True)
    )
    assert (len(once.items), len(again.items)) == (14, 20)


def test_unknown_items_are_ignored_counted_and_told(caplog: pytest.LogCaptureFixture) -> None:
    model, known = recommender("ease"), ITEMS[:3].tolist()
    with caplog.at_level(logging.WARNING, "bench.serving"):
        plain, with_unknown = model.recommend([None, None], [known, ["nope", *known, "007"]], 5)
    assert (plain.n_unknown, with_unknown.n_unknown) == (0, 2)
    assert plain.items == with_unknown.items
    assert caplog.messages == ["2 ids in the histories of 1 users are not in the catalogue; ignored."]


@pytest.mark.parametrize("k", [0, -1])
def test_a_list_has_an_item_at_least(k: int) -> None:
    with pytest.raises(UsageError, match=f"k must be at least 1. Got {k}"):
        recommender("popularity").recommend([None], [[]], k)


def test_a_long_list_ends_with_the_catalogue() -> None:
    (found,) = recommender("popularity").recommend([None], [ITEMS[:5].tolist()], 1000)
    assert len(found.items) == len(found.scores) == 15


@pytest.mark.parametrize("user", ["stranger", None, UNTRAINED])
def test_a_newcomer_is_served_by_history(user: str | None) -> None:
    asked = [[str(item) for item in ITEMS[:4:2]]]
    model = recommender("ease")
    assert model.recommend([user], asked, 3)[0].items == model.recommend([str(USERS[0])], asked, 3)[0].items


@pytest.mark.parametrize("user", ["stranger", None, UNTRAINED])
def test_a_newcomer_is_refused_where_users_are_learnt(user: str | None) -> None:
    model = recommender("bpr-mf", {"epochs": 1, "factors": 4})
    assert len(model.recommend([str(USERS[0])], [[]], 3)[0].items) == 3
    name = "(no id)" if user is None else f"'{user}'"
    with pytest.raises(UnmetNeedError) as refused:
        model.recommend([str(USERS[0]), user], [[], []], 3)
    assert str(refused.value) == (
        "'bpr-mf' serves users of its training alone: it has learnt something of each user and nothing of others. "
        f"Got {name}."
    )


def test_many_who_are_refused_are_not_all_named() -> None:
    model = recommender("bpr-mf", {"epochs": 1, "factors": 4})
    with pytest.raises(UnmetNeedError, match=r"Got 'a', 'b', 'c' and 2 others\.$"):
        model.recommend(list("abcde"), [[]] * 5, 3)


LOOKED_UP = ("lightgcn", {"epochs": 1, "factors": 4})
"""It scores by history, but has a vector a user: that of a user without training rows is 0, and the one after the
last user's is an item's.
"""


def test_a_newcomer_is_taken_for_a_user_without_training_rows() -> None:
    model, history = recommender(*LOOKED_UP, has_user_features=False), [ITEMS[:4].tolist()]
    assert model.recommend(["stranger"], history, 5) == model.recommend([UNTRAINED], history, 5)


@pytest.mark.parametrize("name", ["lightgcn", "two-tower"])
def test_a_newcomer_is_not_taken_for_anybody_else(name: str) -> None:
    model, history = recommender(name, {"epochs": 1}), [ITEMS[:4].tolist()]
    assert len(model.recommend([UNTRAINED], history, 5)[0].items) == 5
    with pytest.raises(UnmetNeedError, match=r"it has no place for others\. Got 'stranger'"):
        model.recommend(["stranger"], history, 5)


def test_a_newcomer_among_neighbours_is_compared_with_all() -> None:
    model, history = recommender("user-knn"), [ITEMS[:4].tolist()]
    assert model.newcomer == len(USERS)
    assert model.recommend(["stranger"], history, 5) == model.recommend([UNTRAINED], history, 5)
