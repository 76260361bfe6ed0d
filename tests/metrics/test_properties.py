"""What holds for every metric, whatever the lists."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.builtins import METRICS
from bench.metrics import Rated
from bench.plugins import load_registries

N_ITEMS, WIDTH = 8, 5
KINDS = {name: load_registries().metrics.get(name) for name in METRICS}
RANKING = [name for name, kind in KINDS.items() if kind.judges == "ranking" and kind.kind == "user"]
RATING = [name for name, kind in KINDS.items() if kind.judges == "rating"]
ACCURACY = {
    *("precision", "recall", "recall_capped", "f1", "ndcg", "ndcg_full", "map", "map_capped", "mrr", "hit"),
    *("auc", "r_precision", "recall_ips", "serendipity"),
}
"""Those that may only grow if a relevant item moves up."""
PERFECT = ACCURACY - {"serendipity", "precision", "f1", "ndcg_full", "recall", "map", "recall_ips"}
"""Those that are 1 for the best list there is, whatever k and n."""


class User(NamedTuple):
    """A ranking of all candidates, of which a list shows the first; the rest of the catalogue is the history."""

    history: list[int]
    ranking: list[int]
    n_shown: int
    truth: list[int]
    ranks_known: bool

    @property
    def shown(self) -> list[int]:
        return [*self.ranking[: self.n_shown], *[-1] * (WIDTH - min(self.n_shown, len(self.ranking)))]

    @property
    def ranks(self) -> list[int]:
        """0 for one that the list does not show, unless all are known."""
        found = [self.ranking.index(item) + 1 for item in self.truth]
        return [rank if self.ranks_known or rank <= self.n_shown else 0 for rank in found]


class Data(NamedTuple):
    """Training users and tags of each item."""

    item_users: list[int]
    tags: list[tuple[str, ...]]


@st.composite
def any_user(draw: Any) -> User:
    order = draw(st.permutations(range(N_ITEMS)))
    n_seen = draw(st.integers(0, N_ITEMS - 1))
    repeats = draw(st.lists(st.sampled_from(order[:n_seen]), max_size=2)) if n_seen else []
    truth = draw(st.lists(st.sampled_from(order[n_seen:]), unique=True))
    return User([*order[:n_seen], *repeats], order[n_seen:], draw(st.integers(0, WIDTH)), truth, draw(st.booleans()))


any_data = st.builds(
    Data,
    st.lists(st.integers(0, 6), min_size=N_ITEMS, max_size=N_ITEMS),
    st.lists(st.sampled_from([(), ("a",), ("b",), ("a", "b"), ("a", "b", "c")]), min_size=N_ITEMS, max_size=N_ITEMS),
)
some_users = st.lists(any_user(), min_size=1, max_size=5)
cutoff = st.integers(1, WIDTH)
Values = Callable[..., dict[str, list[float]]]


@pytest.fixture(scope="session")
def values(judged: Any, metric: Any) -> Values:
    """The values of users at a cut-off, of every metric; lists are cut to `width`."""

    def of(k: int, users: Sequence[User], data: Data, width: int = WIDTH) -> dict[str, list[float]]:
        found = judged(
            [user.shown[:width] for user in users],
            [user.truth for user in users],
            N_ITEMS,
            histories=[user.history for user in users],
            ranks=list(chain.from_iterable(user.ranks for user in users)),
            item_users=data.item_users,
            n_users=6,
            tags=data.tags,
        )
        labels = {name: f"{name}@{k}" if KINDS[name].takes_cutoff else name for name in RANKING}
        return {name: metric(label).per_user(found).tolist() for name, label in labels.items()}

    return of


def same(one: list[float], other: list[float]) -> bool:
    return bool(one == pytest.approx(other, abs=1e-12, nan_ok=True))


def _no_truth(user: User, k: int, data: Data) -> bool:
    return not user.truth


def _no_list(user: User, k: int, data: Data) -> bool:
    return user.n_shown == 0


def _without_tags(items: Sequence[int], data: Data) -> bool:
    return not any(data.tags[item] for item in items)


def _rank_undecided(user: User, k: int, data: Data) -> bool:
    """The list is full, shorter than n, and a relevant item is not on it."""
    return not user.truth or (0 in user.ranks and len(user.truth) > WIDTH and -1 not in user.shown)


UNDEFINED: dict[str, Callable[[User, int, Data], bool]] = {
    **dict.fromkeys(ACCURACY, _no_truth),
    "auc": lambda user, k, data: not user.truth or 0 in user.ranks or len(user.truth) == len(user.ranking),
    "r_precision": _rank_undecided,
    "novelty": _no_list,
    "average_popularity": _no_list,
    "popularity_lift": lambda user, k, data: not user.n_shown or not any(data.item_users[i] for i in user.history),
    "intra_list_diversity": lambda user, k, data: (
        sum(bool(data.tags[i]) for i in user.ranking[: min(k, user.n_shown)]) < 2
    ),
    "serendipity": lambda user, k, data: not user.truth or _without_tags(user.history, data),
    "calibration": lambda user, k, data: (
        _without_tags(user.history, data) or _without_tags(user.ranking[: min(k, user.n_shown)], data)
    ),
}


@given(k=cutoff, users=some_users, data=any_data)
def test_values_are_in_the_declared_range_and_undefined_where_they_say(
    values: Values, k: int, users: list[User], data: Data
) -> None:
    for name, found in values(k, users, data).items():
        assert np.isnan(found).tolist() == [UNDEFINED[name](user, k, data) for user in users], name
        low, high = KINDS[name].range
        assert all(low <= value <= high for value in found if not np.isnan(value)), name


@given(k=cutoff, users=some_users, data=any_data, random=st.randoms())
def test_users_do_not_influence_each_other(values: Values, k: int, users: list[User], data: Data, random: Any) -> None:
    found = values(k, users, data)
    order = list(range(len(users)))
    random.shuffle(order)
    again = values(k, [users[i] for i in order], data)
    alone = [values(k, [user], data) for user in users]
    for name in RANKING:
        assert same(again[name], [found[name][i] for i in order]), name
        assert same([one[name][0] for one in alone], found[name]), name


@given(k=cutoff, user=any_user(), data=any_data, places=st.tuples(st.integers(0, 7), st.integers(0, 7)))
def test_moving_a_relevant_item_up_never_lowers_accuracy(
    values: Values, k: int, user: User, data: Data, places: tuple[int, int]
) -> None:
    upper, lower = sorted(place % len(user.ranking) for place in places)
    if user.ranking[upper] in user.truth or user.ranking[lower] not in user.truth:
        return
    ranking = list(user.ranking)
    ranking[upper], ranking[lower] = ranking[lower], ranking[upper]
    found = values(k, [user, user._replace(ranking=ranking)], data)
    for name in ACCURACY:
        before, after = found[name]
        assert np.isnan(before) or after >= before - 1e-12, name


@given(k=cutoff, user=any_user(), data=any_data)
def test_the_best_ranking_scores_one(values: Values, k: int, user: User, data: Data) -> None:
    others = [item for item in user.ranking if item not in user.truth]
    best = user._replace(ranking=[*user.truth, *others], n_shown=WIDTH, ranks_known=True)
    found = values(k, [best], data)
    for name in PERFECT:
        assert same(found[name], [1.0]) or UNDEFINED[name](best, k, data), name


@given(k=cutoff, users=some_users, data=any_data)
def test_only_the_first_k_items_count(values: Values, k: int, users: list[User], data: Data) -> None:
    found, cut = values(k, users, data), values(k, users, data, width=k)
    for name in RANKING:
        assert not KINDS[name].takes_cutoff or same(found[name], cut[name]), name


@given(k=cutoff, users=some_users, data=any_data)
def test_what_is_divided_by_less_is_never_lower(values: Values, k: int, users: list[User], data: Data) -> None:
    found = values(k, users, data)
    for greater, lesser in (("recall_capped", "recall"), ("map_capped", "map"), ("ndcg", "ndcg_full")):
        pairs = zip(found[greater], found[lesser], strict=True)
        assert all(np.isnan(high) or high >= low for high, low in pairs)


@given(users=some_users, k=st.integers(1, WIDTH - 1))
def test_coverage_grows_with_the_cutoff(topk: Any, metric: Any, users: list[User], k: int) -> None:
    lists = topk([user.shown for user in users])
    found = [metric(f"coverage@{cut}").overall(lists, N_ITEMS) for cut in (k, k + 1)]
    assert 0 <= found[0] <= found[1] <= 1


@pytest.mark.parametrize("name", ["coverage", "gini", "entropy", "user_coverage"])
@given(users=some_users, k=cutoff, order=st.permutations(range(N_ITEMS)), random=st.randoms())
def test_neither_the_order_of_users_nor_the_names_of_items_matter_to_the_catalogue(
    topk: Any, metric: Any, name: str, users: list[User], k: int, order: list[int], random: Any
) -> None:
    lists = [user.shown for user in users]
    renamed = [[order[item] if item >= 0 else -1 for item in row] for row in lists]
    random.shuffle(renamed)
    found = metric(f"{name}@{k}" if KINDS[name].takes_cutoff else name)
    value = found.overall(topk(lists), N_ITEMS)
    assert found.overall(topk(renamed), N_ITEMS) == pytest.approx(value, abs=1e-12, nan_ok=True)
    low, high = KINDS[name].range
    assert low <= value <= high or not any(user.n_shown for user in users)


rating = st.floats(1, 5)
some_ratings = st.lists(st.tuples(st.integers(0, 3), rating, rating), min_size=1, max_size=12)


def rated(rows: Sequence[tuple[int, float, float]]) -> Rated:
    users, actual, predicted = zip(*rows, strict=True)
    return Rated(np.array(users, np.int64), np.array(actual), np.array(predicted), 4)


@pytest.mark.parametrize("name", RATING)
@given(rows=some_ratings, random=st.randoms())
def test_errors_do_not_depend_on_order_and_are_zero_only_if_all_are_right(
    metric: Any, name: str, rows: list[tuple[int, float, float]], random: Any
) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)
    found = metric(name)
    value = found.overall(rated(rows))
    assert found.overall(rated(shuffled)) == pytest.approx(value, abs=1e-12)
    assert value >= 0
    assert found.overall(rated([(user, actual, actual) for user, actual, _ in rows])) == 0
    users = found.per_user(rated(rows))
    assert np.isnan(users).tolist() == [user not in {row[0] for row in rows} for user in range(4)]


@given(rows=some_ratings)
def test_the_mean_absolute_error_is_at_most_the_root_of_the_mean_squared(
    metric: Any, rows: list[tuple[int, float, float]]
) -> None:
    for ending in ("", "_user"):
        assert metric(f"mae{ending}").overall(rated(rows)) <= metric(f"rmse{ending}").overall(rated(rows)) + 1e-12


@given(rows=some_ratings, at=st.integers(0, 11), more=st.floats(0.1, 3))
def test_a_larger_error_never_lowers_the_value(
    metric: Any, rows: list[tuple[int, float, float]], at: int, more: float
) -> None:
    user, actual, predicted = rows[at % len(rows)]
    worse = list(rows)
    worse[at % len(rows)] = (user, actual, predicted + (more if predicted >= actual else -more))
    for name in RATING:
        assert metric(name).overall(rated(worse)) > metric(name).overall(rated(rows)) - 1e-12
