"""SASRec: attention by hand, positions, heads, what only attention far back can know, and the contract."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from bench.algorithm import Context, Need
from bench.errors import UsageError
from bench.interactions import Interactions
from bench.testing import tiny_fold
from bench.testing.case import batch_of, evaluation_batch, scores_of
from bench_algorithms.sasrec import SASRec, SASRecConfig
from bench_algorithms.sasrec_network import Block, SASRecNetwork

FOLD = tiny_fold()
SMALL: dict[str, Any] = {"embedding_units": 8, "batch_size": 8, "learning_rate": 0.02}


def block_by_hand(block: Block, states: Tensor, heads: int) -> Tensor:
    """One window float[t, units]: each position weighs itself and those before it, one head and position at a time."""
    steps, units = states.shape
    size = units // heads
    queries, keys, values = block.queries_keys_values(block.attention_norm(states)).split(units, dim=1)
    seen = torch.zeros_like(states)
    for head in range(heads):
        part = slice(head * size, (head + 1) * size)
        for step in range(steps):
            weights = torch.softmax(keys[: step + 1, part] @ queries[step, part] / size**0.5, 0)
            seen[step, part] = weights @ values[: step + 1, part]
    states = states + block.mix(seen)
    return states + block.narrow(functional.relu(block.widen(block.forward_norm(states))))


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_attention_is_that_of_the_paper_on_normalised_input(heads: int) -> None:
    torch.manual_seed(0)
    block = Block(8, heads, dropout=0.5).eval()
    states = torch.randn(3, 5, 8)
    by_hand = torch.stack([block_by_hand(block, window, heads) for window in states])
    torch.testing.assert_close(block(states), by_hand)


def test_logits_are_products_with_the_item_embeddings() -> None:
    """The start symbol is no item, and a bias is added."""
    torch.manual_seed(0)
    network = SASRecNetwork(10, SASRecConfig(**SMALL)).eval()
    with torch.no_grad():
        network.bias[3] = 5.0
    inputs = torch.tensor([[10, 2, 7]])
    states = network.states(inputs)
    expected = states[0, 1] @ network.embed.weight[:10].T + network.bias
    torch.testing.assert_close(network(inputs, torch.tensor([1]))[0], expected)


def test_positions_tell_one_order_from_another() -> None:
    """Attention alone sees a set: without positions the order of what stands before the last event is lost."""
    torch.manual_seed(0)
    network = SASRecNetwork(10, SASRecConfig(**SMALL, blocks=1)).eval()
    one, other = torch.tensor([[10, 2, 7, 1]]), torch.tensor([[10, 7, 2, 1]])
    last = torch.tensor([3])
    assert not torch.allclose(network(one, last), network(other, last), atol=1e-3)
    with torch.no_grad():
        network.position.weight.zero_()
    torch.testing.assert_close(network(one, last), network(other, last))


def test_looks_back_to_the_first_event() -> None:
    """Two kinds of users meet the same items in any order; only their first item tells which one comes last."""
    rng = np.random.default_rng(0)
    histories = [[kind, *rng.permutation(np.arange(4, 10)), 2 + kind] for kind in (0, 1) for _ in range(30)]
    user = np.repeat(np.arange(60), 8).astype(np.int32)
    ids = [np.array([f"{code:02d}" for code in range(n)], object) for n in (60, 10)]
    train = Interactions(user, np.concatenate(histories).astype(np.int32), *ids, timestamp=np.arange(480))
    sasrec = SASRec(**SMALL, epochs=30, patience=0, dropout=0.0).fit(train, None, Context())
    middle = [9, 8, 4, 5, 6, 7]
    scores = scores_of(sasrec, batch_of([0, 1], [[0, *middle], [1, *middle]], 10))
    scores[:, [0, 1, *middle]] = -np.inf
    assert scores.argmax(1).tolist() == [2, 3]


@pytest.mark.parametrize("fields", [{"blocks": 1}, {"heads": 4}, {"max_length": 3}, {"dropout": 0.0}])
def test_every_shape_trains(fields: dict[str, Any]) -> None:
    """Every weight has been moved, so that none is dead."""
    sasrec = SASRec(**SMALL, **fields, epochs=1, patience=0)
    fitted = sasrec.fit(FOLD.train, None, Context()).network
    torch.manual_seed(0)
    fresh = dict(sasrec.module(FOLD.train, Context()).named_parameters())
    assert fitted is not None
    assert all(not torch.equal(weights, fresh[name]) for name, weights in fitted.named_parameters())
    assert np.isfinite(scores_of(sasrec, evaluation_batch(FOLD))).all()


def test_heads_that_do_not_divide_the_embedding_are_refused() -> None:
    with pytest.raises(UsageError, match="'heads' of SASRec should divide embedding_units, which is 50"):
        SASRec(embedding_units=50, heads=4)


def test_needs_timestamps() -> None:
    assert SASRec().needs == {Need.TIMESTAMPS}
