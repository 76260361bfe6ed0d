"""The example's data set: customers of a corner shop, who keep to one shelf each."""

from __future__ import annotations

import numpy as np

from bench.card import Card
from bench.dataset_source import Acquire, DatasetLoader
from bench.interactions import Dataset, Interactions

N_CUSTOMERS, N_PRODUCTS, N_SHELVES, N_BOUGHT = 60, 40, 4, 8


class CornerShop(DatasetLoader):
    """Made up on the spot, always the same."""

    @property
    def card(self) -> Card:
        """What it is."""
        return Card(
            name="corner-shop",
            version=1,
            title="Corner shop",
            description="60 customers who each buy mostly from one of four shelves.",
            licence="CC0-1.0",
            citation="none needed",
            homepage="",
        )

    def load(self, acquire: Acquire) -> Dataset:
        """The purchases; nothing is fetched."""
        random = np.random.default_rng(1)
        bought = [(user, item) for user in range(N_CUSTOMERS) for item in _basket(user, random)]
        users, items = [f"c{user:02d}" for user, _ in bought], [f"p{item:02d}" for _, item in bought]
        days = np.arange(len(bought), dtype=np.int64) * 86_400
        return Dataset(self.card, Interactions.from_ids(users, items, timestamp=days), source="made up")


def _basket(user: int, random: np.random.Generator) -> list[int]:
    own = np.where(np.arange(N_PRODUCTS) % N_SHELVES == user % N_SHELVES, 20.0, 1.0)
    return random.choice(N_PRODUCTS, N_BOUGHT, replace=False, p=own / own.sum()).tolist()


CORNER_SHOP = CornerShop()
