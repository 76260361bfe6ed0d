"""What metrics look at, built from plain lists."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from bench.batches import TopK
from bench.interactions import FeatureColumn, Features, ItemLists
from bench.metrics import Background, Judged, Metric, parse_metrics
from bench.plugins import load_registries

Lists = Sequence[Sequence[int]]


def _topk(lists: Lists) -> TopK:
    """Lists padded to the longest, with falling scores."""
    width = max(map(len, lists), default=0)
    items = np.array([[*row, *[-1] * (width - len(row))] for row in lists], np.int32).reshape(len(lists), width)
    scores = np.where(items >= 0, -np.arange(width, dtype=np.float32), -np.inf).astype(np.float32)
    return TopK(items, scores)


def _features(**columns: tuple[str, Sequence[Any]]) -> Features:
    """Columns as (kind, one value an item)."""
    built: dict[str, FeatureColumn] = {}
    n = 0
    for name, (kind, values) in columns.items():
        n = len(values)
        array = np.empty(n, np.float64 if kind == "number" else object)
        array[:] = list(values)
        built[name] = FeatureColumn(kind, array)  # type: ignore[arg-type]
    return Features(np.array([str(i) for i in range(n)], object), built)


def _judged(
    lists: Lists,
    truths: Lists,
    n_items: int,
    *,
    histories: Lists | None = None,
    ranks: Sequence[int] | None = None,
    item_users: Sequence[int] | None = None,
    n_users: int = 1,
    tags: Sequence[tuple[str, ...]] | None = None,
) -> Judged:
    """With histories, a background: the candidates are all but the history, and items have no users or tags by
    default.
    """
    background = None
    if histories is not None:
        background = Background(
            ItemLists.from_lists(histories, n_items),
            np.array([n_items - len(set(row)) for row in histories], np.int64),
            np.array([0] * n_items if item_users is None else item_users, np.int64),
            n_users,
            None if tags is None else _features(genres=("tags", tags)),
        )
    known = None if ranks is None else np.array(ranks, np.int64)
    return Judged(_topk(lists), ItemLists.from_lists(truths, n_items), background, known)


def _metric(label: str) -> Metric:
    return parse_metrics([label], load_registries().metrics)[0]


@pytest.fixture(scope="session")
def topk() -> Callable[[Lists], TopK]:
    """Builds ranked lists."""
    return _topk


@pytest.fixture(scope="session")
def features() -> Callable[..., Features]:
    """Builds attributes of items or users."""
    return _features


@pytest.fixture(scope="session")
def judged() -> Callable[..., Judged]:
    """Builds what a ranking metric looks at."""
    return _judged


@pytest.fixture(scope="session")
def metric() -> Callable[[str], Any]:
    """The built-in metric of a label."""
    return _metric
