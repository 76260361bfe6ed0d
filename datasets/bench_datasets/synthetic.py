"""Generated data sets: small, the same for ever, and with something to learn for every family of algorithms.

Users prefer some genres (for collaborative and content models), items differ in popularity, and half of the
events follow from the one before: each item has a sequel (for sequence models). Every random number is a
uniform double of PCG64, so that a data set does not change with numpy's sampling algorithms.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.card import Card
from bench.dataset_source import Acquire, DatasetLoader, load_card
from bench.errors import DataError, UsageError
from bench.interactions import (
    BoolArray,
    Dataset,
    FeatureColumn,
    Features,
    Float64Array,
    IdArray,
    Int64Array,
    Interactions,
)
from bench.seeds import generator

GENRE_WORDS = {
    "adventure": "island voyage treasure jungle compass summit river lantern",
    "comedy": "wedding neighbour holiday parrot uncle mistake picnic hotel",
    "crime": "alibi detective ledger harbour verdict motive safe witness",
    "drama": "letter winter orchard daughter promise station silence garden",
    "horror": "cellar whisper mirror fog crypt stranger midnight howl",
    "science": "orbit signal android colony gravity comet reactor clone",
}
GENRES = tuple(GENRE_WORDS)
MIN_ITEMS = 4 * len(GENRES)

FOLLOWS = 0.5  # the share of events at which a user goes on to the sequel, if it is new to them
TWO_GENRES = 0.3  # the share of items with a second genre
ATTEMPTS = 8  # draws of an item that is new to the user, before the event is left out
DAY_SECONDS = 86_400
FIRST_SECOND = 946_684_800  # 2000-01-01, when the first user appears
ARRIVAL_DAYS, GAP_DAYS = 400, 10  # over which users appear; on average between two events of one


@dataclass(frozen=True, eq=False)
class Catalogue:
    """The items. genre, second: int64[n_items], the same genre twice for most; sequel: int64[n_items];
    weight: float64[n_items], popularity.
    """

    genre: Int64Array
    second: Int64Array
    sequel: Int64Array
    weight: Float64Array


class Shelves:
    """Items grouped by genre, those with two in both, to draw from by popularity."""

    def __init__(self, catalogue: Catalogue) -> None:
        both = np.flatnonzero(catalogue.second != catalogue.genre)
        items = np.concatenate([np.arange(len(catalogue.genre)), both])
        genres = np.concatenate([catalogue.genre, catalogue.second[both]])
        order = np.argsort(genres, kind="stable")
        self._items = items[order]
        self._starts = np.searchsorted(genres[order], np.arange(len(GENRES) + 1))
        self._cumulative = np.concatenate([[0.0], np.cumsum(catalogue.weight[self._items])])

    def draw(self, cumulative_taste: Float64Array, random: np.random.Generator) -> Int64Array:
        """int64[b]: an item a user. cumulative_taste: float64[b, n_genres], the last column 1."""
        chosen = random.random(len(cumulative_taste))[:, None] > cumulative_taste[:, :-1]
        start, stop = self._starts[chosen.sum(axis=1)], self._starts[chosen.sum(axis=1) + 1]
        low, high = self._cumulative[start], self._cumulative[stop]
        target = low + random.random(len(start)) * (high - low)
        position = np.searchsorted(self._cumulative, target, side="right") - 1
        items: Int64Array = self._items[position.clip(start, stop - 1)]
        return items


@dataclass(frozen=True, eq=False)
class Events:
    """One entry an event, in no order. followed: whether it was the sequel of the one before."""

    user: Int64Array
    item: Int64Array
    step: Int64Array
    followed: BoolArray


def generate(n_users: int = 120, n_items: int = 80, seed: int = 1, events_per_user: int = 24) -> Dataset:
    """A data set of this size, from a seed; its rows are in the order of time.

    A user has between half and one and a half times `events_per_user` events, at most half of the catalogue,
    and never two with one item. Raises UsageError if a size is too small.
    """
    _at_least("n_users", n_users, 1)
    _at_least("n_items", n_items, MIN_ITEMS)
    _at_least("events_per_user", events_per_user, 2)
    card = Card(
        name=f"synthetic-{n_users}x{n_items}",
        version=1,
        title="Generated",
        description=f"{n_users} users and {n_items} items, generated from seed {seed}.",
        licence="Apache-2.0",
        citation="none needed",
        homepage="",
    )
    return _generate(card, n_users, n_items, seed, events_per_user)


def _at_least(name: str, value: int, least: int) -> None:
    if value < least:
        raise UsageError(f"the '{name}' of a generated data set must be an int in [{least}, inf). Got {value}.")


def _generate(card: Card, n_users: int, n_items: int, seed: int, events_per_user: int) -> Dataset:
    catalogue = _catalogue(n_items, seed)
    taste = 0.02 + generator(seed, "taste").random((n_users, len(GENRES))) ** 10
    events = _events(catalogue, taste / taste.sum(axis=1, keepdims=True), events_per_user, seed)
    time = _times(events, n_users, seed)
    order = np.lexsort((events.item, events.user, time))
    interactions = Interactions(
        events.user[order].astype(np.int32),
        events.item[order].astype(np.int32),
        _ids("u", n_users),
        _ids("i", n_items),
        _ratings(catalogue, taste, events, seed)[order].astype(np.float32),
        time[order],
    ).compact()
    features = _features(catalogue, seed).aligned(interactions.item_ids)
    return Dataset(card, interactions, features, source=f"generated from seed {seed}")


def _ids(prefix: str, n: int) -> IdArray:
    """Such as "u00", "u01", …: with leading zeros, so that they sort like their numbers."""
    width = len(str(n - 1))
    return np.array([f"{prefix}{number:0{width}d}" for number in range(n)], object)


def _catalogue(n_items: int, seed: int) -> Catalogue:
    random = generator(seed, "catalogue")
    genre = np.arange(n_items) % len(GENRES)
    other = (genre + 1 + (random.random(n_items) * (len(GENRES) - 1)).astype(np.int64)) % len(GENRES)
    second = np.where(random.random(n_items) < TWO_GENRES, other, genre)
    weight = np.power(3.0 + np.argsort(random.random(n_items)), -0.8).astype(np.float64)
    return Catalogue(genre, second, _sequels(genre, random.random(n_items)), weight)


def _sequels(genre: Int64Array, shuffle: Float64Array) -> Int64Array:
    """One ring a genre, in a shuffled order."""
    sequel = np.empty(len(genre), np.int64)
    for code in range(len(GENRES)):
        members = np.flatnonzero(genre == code)
        ring = members[np.argsort(shuffle[members])]
        sequel[ring] = np.roll(ring, -1)
    return sequel


def _events(catalogue: Catalogue, taste: Float64Array, events_per_user: int, seed: int) -> Events:
    """Step by step, for all users at once: go on to the sequel, or draw a genre and an item of it."""
    n_users, n_items = len(taste), len(catalogue.genre)
    random, shelves, cumulative = generator(seed, "events"), Shelves(catalogue), np.cumsum(taste, axis=1)
    lengths = (events_per_user * (0.5 + random.random(n_users))).astype(np.int64).clip(1, n_items // 2)
    seen = np.zeros((n_users, n_items), np.bool_)
    last = np.full(n_users, -1, np.int64)
    steps = []
    for step in range(lengths.max()):
        active = np.flatnonzero(lengths > step)
        item = catalogue.sequel[last[active]]
        follows = (random.random(len(active)) < FOLLOWS) & (last[active] >= 0) & ~seen[active, item]
        redraw = ~follows
        for _ in range(ATTEMPTS):
            item[redraw] = shelves.draw(cumulative[active[redraw]], random)
            redraw = seen[active, item]
        user, item, follows = active[~redraw], item[~redraw], follows[~redraw]
        seen[user, item], last[user] = True, item
        steps.append((user, item, np.full(len(user), step), follows))
    return Events(*(np.concatenate(column) for column in zip(*steps, strict=True)))


def _times(events: Events, n_users: int, seed: int) -> Int64Array:
    """int64[n]: UTC seconds; users appear one after the other, and wait a few days between two events."""
    random = generator(seed, "times")
    arrival = random.random(n_users) * ARRIVAL_DAYS
    gaps = -np.log1p(-random.random((n_users, int(events.step.max()) + 1))) * GAP_DAYS
    days = arrival[events.user] + np.cumsum(gaps, axis=1)[events.user, events.step]
    seconds: Int64Array = FIRST_SECOND + (days * DAY_SECONDS).astype(np.int64)
    return seconds


def _ratings(catalogue: Catalogue, taste: Float64Array, events: Events, seed: int) -> Float64Array:
    """float64[n], whole numbers from 1 to 5: higher in the user's favourite genres and for sequels."""
    relative = taste / taste.max(axis=1, keepdims=True)
    genres = catalogue.genre[events.item], catalogue.second[events.item]
    liked = np.maximum(*(relative[events.user, genre] for genre in genres))
    noise = 2.5 * (generator(seed, "ratings").random(len(liked)) - 0.5)
    ratings: Float64Array = np.floor(3.6 + 1.4 * liked + 0.6 * events.followed + noise).clip(1.0, 5.0)
    return ratings


def _features(catalogue: Catalogue, seed: int) -> Features:
    """Titles of two words of the genre, years, and one or two genres."""
    n_items = len(catalogue.genre)
    random = generator(seed, "features")
    picks = (random.random((n_items, 2)) * 8).astype(np.int64)
    titles, tags = np.empty(n_items, object), np.empty(n_items, object)
    for item, (genre, second) in enumerate(zip(catalogue.genre, catalogue.second, strict=True)):
        words = GENRE_WORDS[GENRES[genre]].split()
        titles[item] = f"{words[picks[item, 0]]} of the {words[picks[item, 1]]}".capitalize()
        tags[item] = tuple(sorted({GENRES[genre], GENRES[second]}))
    years = 1960.0 + np.floor(40 * random.random(n_items) ** 0.5)
    columns = {
        "title": FeatureColumn("text", titles),
        "year": FeatureColumn("number", years),
        "genres": FeatureColumn("tags", tags),
    }
    return Features(_ids("i", n_items), columns)


class Generated(DatasetLoader):
    """A generated data set that is pinned by its card."""

    def __init__(self, card: Card, n_users: int, n_items: int, seed: int, events_per_user: int) -> None:
        self._card = card
        self._size = (n_users, n_items, seed, events_per_user)

    @property
    def card(self) -> Card:
        """Read once, with the module."""
        return self._card

    def load(self, acquire: Acquire) -> Dataset:
        """The data set; nothing is read or fetched. Raises DataError if it is not the card's."""
        dataset = _generate(self._card, *self._size)
        if self._card.fingerprint not in (None, dataset.fingerprint):
            raise DataError(
                f"{self._card.name} was generated with the fingerprint {dataset.fingerprint}; the card says "
                f"{self._card.fingerprint}. Numbers of this machine do not compare with others'."
            )
        return dataset


SMOKE = Generated(
    load_card(Path(__file__).parent / "cards" / "smoke.toml"), n_users=120, n_items=80, seed=1, events_per_user=24
)
