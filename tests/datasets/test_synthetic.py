"""Generated data: the same for ever, well-formed, and with something to learn for every family."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bench.dataset_source import Acquire
from bench.errors import DataError, UsageError
from bench.interactions import Dataset, Float64Array, Int32Array
from bench_datasets.synthetic import GENRES, SMOKE, Generated, generate


@pytest.fixture(scope="module")
def smoke() -> Dataset:
    return SMOKE.load(Acquire())


def test_smoke_is_what_its_card_pins(smoke: Dataset) -> None:
    counts = SMOKE.card.counts
    assert smoke.fingerprint == SMOKE.card.fingerprint
    assert counts is not None
    assert (counts.users, counts.items, counts.interactions) == (
        smoke.interactions.n_users,
        smoke.interactions.n_items,
        len(smoke.interactions),
    )


def test_another_machine_that_generates_other_data_is_told() -> None:
    card = SMOKE.card.model_copy(update={"fingerprint": "0" * 64})
    with pytest.raises(DataError, match=r"was generated with the fingerprint .*; the card says 0000"):
        Generated(card, 120, 80, 1, 24).load(Acquire())


def test_a_seed_is_all_that_matters() -> None:
    assert generate(50, 40, seed=7).fingerprint == generate(50, 40, seed=7).fingerprint
    assert generate(50, 40, seed=7).fingerprint != generate(50, 40, seed=8).fingerprint


def test_rows_are_in_order_of_time_and_never_repeat_a_pair(smoke: Dataset) -> None:
    data = smoke.interactions
    assert data.timestamp is not None
    assert data.rating is not None
    assert (np.diff(data.timestamp) >= 0).all()
    assert set(np.unique(data.rating)) <= {1, 2, 3, 4, 5}
    pairs = data.user.astype(np.int64) * data.n_items + data.item
    assert len(np.unique(pairs)) == len(data)


def test_ids_sort_like_their_numbers(smoke: Dataset) -> None:
    assert smoke.interactions.user_ids[[0, 9, 119]].tolist() == ["u000", "u009", "u119"]


def test_features_describe_every_item(smoke: Dataset) -> None:
    items = smoke.item_features
    assert items is not None
    assert items.ids.tolist() == smoke.interactions.item_ids.tolist()
    assert all(1 <= len(tags) <= 2 and set(tags) <= set(GENRES) for tags in items.columns["genres"].values)
    assert all(items.columns["title"].values)
    assert ((items.columns["year"].values >= 1960) & (items.columns["year"].values < 2000)).all()


def test_every_user_has_five_positives(smoke: Dataset) -> None:
    """So that the suite's filters keep them all."""
    data = smoke.interactions
    assert data.rating is not None
    assert np.bincount(data.user[data.rating >= 4], minlength=data.n_users).min() >= 5


def histories(dataset: Dataset) -> list[Int32Array]:
    """Each user's items, oldest first."""
    data = dataset.interactions
    lists = data.histories(np.arange(data.n_users, dtype=np.int32))
    return [lists.row(user) for user in range(data.n_users)]


def precision(train: Float64Array, test: Float64Array, scores: Float64Array) -> float:
    """Precision at ten of float64[n_users, n_items] scores, items of `train` left out."""
    best = np.argsort(-np.where(train > 0, -np.inf, scores), axis=1)[:, :10]
    return float(np.take_along_axis(test, best, axis=1).mean())


def test_popularity_tastes_and_genres_can_be_learnt(smoke: Dataset) -> None:
    seen = smoke.interactions.csr().toarray().astype(np.float64)
    test = seen * (np.random.default_rng(0).random(seen.shape) < 0.2)
    train = seen - test
    popularity = train.sum(axis=0)
    similarity = train.T @ train / np.sqrt(np.outer(popularity, popularity))
    assert smoke.item_features is not None
    genres = smoke.item_features.columns["genres"].values
    shared = np.array([[len(set(a) & set(b)) / (len(a) * len(b)) ** 0.5 for b in genres] for a in genres])

    random = precision(train, test, np.random.default_rng(1).random(seen.shape))
    popular = precision(train, test, np.tile(popularity, (len(seen), 1)))
    assert popular > 1.5 * random
    assert precision(train, test, train @ similarity) > 1.15 * popular
    assert precision(train, test, train @ shared) > 1.15 * popular


def test_sequences_can_be_learnt(smoke: Dataset) -> None:
    n_items = smoke.interactions.n_items
    follows, popularity = np.zeros((n_items, n_items)), np.zeros(n_items)
    for history in histories(smoke):
        np.add.at(follows, (history[:-2], history[1:-1]), 1)
        np.add.at(popularity, history[:-1], 1)

    def hits(score: Callable[[int], Float64Array]) -> int:
        """How often a user's last item is among the ten best after the one before."""
        n_hits = 0
        for history in histories(smoke):
            scores = score(history[-2]).copy()
            scores[history[:-1]] = -1
            n_hits += int(history[-1] in np.argsort(-scores)[:10])
        return n_hits

    assert hits(lambda last: follows[last] + popularity / 1000) > 1.5 * hits(lambda last: popularity)


@pytest.mark.parametrize(("field", "least"), [("n_users", 1), ("n_items", 24), ("events_per_user", 2)])
def test_too_small_is_an_error(field: str, least: int) -> None:
    with pytest.raises(UsageError, match=rf"the '{field}' .* must be an int in .{least}, inf.. Got 0"):
        generate(**{field: 0})
    assert len(generate(**{field: least}).interactions)
