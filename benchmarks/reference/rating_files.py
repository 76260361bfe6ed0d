"""MovieLens-100K, and rows of it as the CSV files that a suite can name."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from bench.dataset_source import Acquire
from bench.interactions import Interactions
from bench.plugins import load_registries


def movielens() -> Interactions:
    """All of its rows, in the order of u.data."""
    data: Interactions = load_registries().datasets.get("movielens-100k").load(Acquire()).interactions
    return data


def write_rows(path: Path, rows: Interactions) -> None:
    """A CSV file with the columns user, item, rating and timestamp, in the order of the rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    users, items = rows.user_ids[rows.user], rows.item_ids[rows.item]
    table = pd.DataFrame({"user": users, "item": items, "rating": rows.rating, "timestamp": rows.timestamp})
    table.to_csv(path, index=False, lineterminator="\n")
