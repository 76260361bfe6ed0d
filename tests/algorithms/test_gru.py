"""GRU4Rec: the network by hand, the two forms of its softmax, and the contract."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from bench.algorithm import Context, Need
from bench.testing import tiny_fold
from bench.testing.case import evaluation_batch, scores_of
from bench_algorithms.gru import GRU, GRUConfig
from bench_algorithms.gru_network import NextItemGRU

FOLD = tiny_fold()
SMALL: dict[str, Any] = {"embedding_units": 8, "hidden_units": 6, "batch_size": 8, "learning_rate": 0.02}


def network(**fields: Any) -> NextItemGRU:
    torch.manual_seed(0)
    return NextItemGRU(10, GRUConfig.parse("gru", {**SMALL, **fields})).eval()


def test_states_follow_the_gates_by_hand() -> None:
    """The equations of Cho et al. 2014, with the reset gate on the state's product as cuDNN has it."""
    module = network()
    inputs = torch.tensor([[10, 3, 1, 7]])
    of_input, of_state = module.recurrent.weight_ih_l0, module.recurrent.weight_hh_l0
    state = torch.zeros(6)
    for event, item in enumerate(inputs[0]):
        read = of_input @ module.embed.weight[item] + module.recurrent.bias_ih_l0
        kept = of_state @ state + module.recurrent.bias_hh_l0
        reset, update = torch.sigmoid(read[:6] + kept[:6]), torch.sigmoid(read[6:12] + kept[6:12])
        state = (1 - update) * torch.tanh(read[12:] + reset * kept[12:]) + update * state
        torch.testing.assert_close(module.states(inputs)[0, event], state)


def test_tied_embeddings_are_the_weights_of_the_softmax() -> None:
    states = torch.randn(3, 6)
    tied, untied = network(), network(tied=False)
    before = tied.logits(states), untied.logits(states)
    with torch.no_grad():
        tied.embed.weight[4] += 1.0
        untied.embed.weight[4] += 1.0
    changed = (tied.logits(states) != before[0]).any(0)
    assert changed.nonzero().flatten().tolist() == [4]
    assert torch.equal(untied.logits(states), before[1])


@pytest.mark.parametrize("fields", [{"layers": 2}, {"tied": False}, {"max_length": 3}, {"layers": 2, "dropout": 0.0}])
def test_every_shape_trains(fields: dict[str, Any]) -> None:
    """Every weight has been moved, so that none is dead."""
    gru = GRU(**SMALL, **fields, epochs=1, patience=0)
    fitted = gru.fit(FOLD.train, None, Context()).network
    torch.manual_seed(0)
    fresh = dict(gru.module(FOLD.train, Context()).named_parameters())
    assert fitted is not None
    assert all(not torch.equal(weights, fresh[name]) for name, weights in fitted.named_parameters())
    assert np.isfinite(scores_of(gru, evaluation_batch(FOLD))).all()


def test_needs_timestamps() -> None:
    assert GRU().needs == {Need.TIMESTAMPS}
