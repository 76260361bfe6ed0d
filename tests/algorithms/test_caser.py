"""Caser: its filters by hand, one position at a time, how far it looks back, and the contract."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from bench.algorithm import Context, Need
from bench.testing import tiny_fold
from bench.testing.case import batch_of, evaluation_batch, scores_of
from bench_algorithms.caser import Caser, CaserConfig
from bench_algorithms.caser_network import CaserNetwork

FOLD = tiny_fold()
N_ITEMS = FOLD.train.n_items
SMALL: dict[str, Any] = {"embedding_units": 6, "batch_size": 8, "learning_rate": 0.02, "order": 3}


def network(**fields: Any) -> CaserNetwork:
    torch.manual_seed(0)
    module = CaserNetwork(10, CaserConfig(**{**SMALL, "horizontal_filters": 4, "vertical_filters": 2, **fields}))
    return module.eval().requires_grad_(False)


def state_by_hand(module: CaserNetwork, image: Tensor) -> Tensor:
    """Equations 3 to 9 of the paper for one image float[order, units], the embeddings of the last events."""
    order, units = image.shape
    found = []
    for height, filters in enumerate(module.horizontal, start=1):
        for weights, bias in zip(filters.weight, filters.bias, strict=True):
            places = [image[start : start + height] for start in range(order - height + 1)]
            found.append(max(torch.relu((place * weights.T).sum() + bias) for place in places))
    for weights, bias in zip(module.vertical.weight, module.vertical.bias, strict=True):
        found += [weights @ image[:, dimension] + bias for dimension in range(units)]
    return torch.relu(module.connect(torch.stack(found)))


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_states_are_those_of_the_paper_at_every_position(order: int) -> None:
    """Before the first input there is nothing, which is 0."""
    module = network(order=order)
    inputs = torch.tensor([[10, 3, 1, 7], [4, 4, 9, 10]])
    before = torch.zeros(order - 1, 6)
    for row, found in zip(inputs, module.states(inputs), strict=True):
        sequence = torch.cat([before, module.embed.weight[row]])
        expected = [state_by_hand(module, sequence[step : step + order]) for step in range(len(row))]
        torch.testing.assert_close(found, torch.stack(expected))


def test_looks_back_on_as_many_events_as_its_order() -> None:
    caser = Caser(**SMALL, epochs=1, patience=0).fit(FOLD.train, None, Context())
    scores = scores_of(caser, batch_of([0, 1, 2], [[5, 6, 3, 1, 2], [9, 3, 1, 2], [9, 1, 3, 2]], N_ITEMS))
    np.testing.assert_allclose(scores[0], scores[1], atol=1e-6)
    assert not np.allclose(scores[1], scores[2], atol=1e-4)


@pytest.mark.parametrize("fields", [{"order": 1}, {"order": 8}, {"max_length": 2}, {"dropout": 0.0}])
def test_every_shape_trains(fields: dict[str, Any]) -> None:
    """Every weight has been moved, so that none is dead."""
    caser = Caser(**{**SMALL, **fields}, epochs=1, patience=0)
    fitted = caser.fit(FOLD.train, None, Context()).network
    torch.manual_seed(0)
    fresh = dict(caser.module(FOLD.train, Context()).named_parameters())
    assert fitted is not None
    assert all(not torch.equal(weights, fresh[name]) for name, weights in fitted.named_parameters())
    assert np.isfinite(scores_of(caser, evaluation_batch(FOLD))).all()


def test_needs_timestamps() -> None:
    assert Caser().needs == {Need.TIMESTAMPS}
