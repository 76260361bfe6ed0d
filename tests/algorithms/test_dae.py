"""Mult-DAE: its objective against the dense form, dropout, what it learns."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn import functional

from bench.algorithm import Context
from bench.interactions import ItemLists
from bench.testing import tiny_fold
from bench.testing.case import batch_of, scores_of
from bench_algorithms.dae import DAE, DAEConfig
from bench_algorithms.dae_network import MultDAE
from bench_algorithms.profiles import as_bags

FOLD = tiny_fold()
N_ITEMS = FOLD.train.n_items
SMALL: dict[str, Any] = {"hidden_units": 8, "batch_size": 8, "learning_rate": 0.01, "patience": 0}


def network(**fields: Any) -> MultDAE:
    torch.manual_seed(0)
    return MultDAE(5, DAEConfig.parse("mult-dae", {"hidden_units": 7, **fields}))


def test_the_objective_is_the_papers() -> None:
    """On a dense, L2-normalised input."""
    profiles = ItemLists.from_lists([[0, 2], [1, 2, 3], []], 5).csr()
    dae = network(dropout=0.0)
    dense = torch.from_numpy(profiles.toarray())
    hidden = torch.tanh(functional.normalize(dense) @ dae.encoder.embed.weight + dae.encoder.bias)
    nll = -(torch.log_softmax(hidden @ dae.output.weight.T + dae.output.bias, 1) * dense).sum(1)
    torch.testing.assert_close(dae.training_step(as_bags(profiles), 0), nll.mean())


def test_hidden_items_are_reconstructed_too() -> None:
    """With nearly everything hidden, the loss is that of the whole profile at the logits of nobody."""
    profiles = ItemLists.from_lists([[0, 2, 3]], 5).csr()
    dae = network(dropout=1 - 1e-9)
    nobody = dae.output(torch.tanh(dae.encoder.bias)).log_softmax(0)
    torch.testing.assert_close(dae.training_step(as_bags(profiles), 0), -nobody[[0, 2, 3]].sum())


def test_dropout_hides_items_in_training_only() -> None:
    bags = as_bags(ItemLists.from_lists([[0, 1, 2, 3]], 5).csr())
    dae = network(dropout=0.5)
    assert not torch.equal(dae(*bags), dae(*bags))
    dae.eval()
    assert torch.equal(dae(*bags), dae(*bags))


def test_weight_decay_shrinks_the_weights() -> None:
    def size(weight_decay: float) -> float:
        dae = DAE(**SMALL, epochs=40, weight_decay=weight_decay).fit(FOLD.train, None, Context())
        assert isinstance(dae.network, MultDAE)
        return float(dae.network.output.weight.detach().square().sum())

    assert size(0.1) < 0.6 * size(0.0)


def test_learns_which_items_go_together() -> None:
    dae = DAE(**SMALL, epochs=60).fit(FOLD.train, None, Context(seed=1))
    even, odd = scores_of(dae, batch_of([28, 29], [[0, 2, 4], [1, 3, 5]], N_ITEMS))
    popular = np.bincount(FOLD.train.item, minlength=N_ITEMS)[6:19] > 0
    ours, theirs = np.arange(6, 19) % 2 == 0, np.arange(6, 19) % 2 == 1
    assert (even - odd)[6:19][ours & popular].mean() > 0.5
    assert (odd - even)[6:19][theirs & popular].mean() > 0.5
