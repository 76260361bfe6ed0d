"""The harness's metrics beside ir-measures (trec_eval), user by user."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest

from bench.batches import TopK
from bench.interactions import ItemLists
from bench.metrics import Judged, UserMetric, parse_metrics
from bench.plugins import load_registries
from bench.seeds import tie_order
from bench.topk import top_k

ir_measures = pytest.importorskip("ir_measures")

REFERENCE = {"precision": "P", "recall": "R", "ndcg": "nDCG", "map": "AP", "mrr": "RR", "hit": "Success"}
CUTOFFS = (1, 3, 10, 50)
N_USERS, N_ITEMS = 60, 40
"""The catalogue is smaller than the largest cut-off, so that no list can fill it."""


class Drawn(NamedTuple):
    """Random lists of up to 50 items and truths of 1 to 30."""

    topk: TopK
    truth: ItemLists


def draw(seed: int, scores: str) -> Drawn:
    """Scores of a kind, histories of any length (one leaves a single item), truths outside the history."""
    random = np.random.default_rng(seed)
    values = {
        "distinct": random.normal(size=(N_USERS, N_ITEMS)),
        "tied": random.integers(0, 4, (N_USERS, N_ITEMS)),
        "all tied": np.zeros((N_USERS, N_ITEMS)),
    }[scores].astype(np.float32)
    orders = [random.permutation(N_ITEMS) for _ in range(N_USERS)]
    sizes = [N_ITEMS - 1, *random.integers(0, N_ITEMS - 30, N_USERS - 1)]
    history = ItemLists.from_lists([order[:size].tolist() for order, size in zip(orders, sizes, strict=True)], N_ITEMS)
    truths = [
        order[size : size + max(1, int(random.integers(1, 30)))].tolist()
        for order, size in zip(orders, sizes, strict=True)
    ]
    ties = tie_order(seed, np.array([str(item) for item in range(N_ITEMS)], object))
    return Drawn(top_k(values, history, max(CUTOFFS), ties), ItemLists.from_lists(truths, N_ITEMS))


def reference(drawn: Drawn, measure: Any) -> dict[int, float]:
    """ir-measures' value of every user. Its order is by score, so each rank gets a distinct one."""
    relevant = [ir_measures.Qrel(str(user), str(item), 1) for user in range(N_USERS) for item in drawn.truth.row(user)]
    found = measure.iter_calc(relevant, list(_documents(drawn.topk)))
    return {int(one.query_id): one.value for one in found}


def _documents(topk: TopK) -> Iterator[Any]:
    for user, rank in zip(*np.nonzero(topk.filled), strict=True):
        yield ir_measures.ScoredDoc(str(user), str(topk.items[user, rank]), float(topk.k - rank))


def test_every_user_metric_has_a_reference() -> None:
    registry = load_registries().metrics
    own = {name for name in registry if registry.origin(name) == "recsys-bench"}
    assert {name for name in own if registry.get(name).kind == "user"} == REFERENCE.keys()


@pytest.mark.parametrize("scores", ["distinct", "tied", "all tied"])
@pytest.mark.parametrize("k", CUTOFFS)
@pytest.mark.parametrize("name", REFERENCE)
def test_values_agree_with_ir_measures(name: str, k: int, scores: str) -> None:
    metric = parse_metrics([f"{name}@{k}"], load_registries().metrics)[0]
    assert isinstance(metric, UserMetric)
    for seed in range(3):
        drawn = draw(seed, scores)
        ours = metric.per_user(Judged(drawn.topk, drawn.truth))
        theirs = reference(drawn, ir_measures.parse_measure(f"{REFERENCE[name]}@{k}"))
        assert len(theirs) == N_USERS
        np.testing.assert_allclose(ours, [theirs[user] for user in range(N_USERS)], rtol=0, atol=1e-9)
