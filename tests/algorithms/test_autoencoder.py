"""What the autoencoders share: the first layer and the likelihood, against their dense forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from bench.interactions import ItemLists
from bench_algorithms.autoencoder_network import ProfileLayer, initialise, multinomial_loss
from bench_algorithms.profiles import as_bags

PROFILES = ItemLists.from_lists([[0, 2], [1, 2, 3], [], [4]], 5).csr()
BAGS = as_bags(PROFILES)
DENSE = torch.from_numpy(PROFILES.toarray())


def layer(units: int = 3) -> ProfileLayer:
    torch.manual_seed(0)
    return ProfileLayer(5, units)


def test_the_first_layer_is_a_linear_one_on_normalised_profiles() -> None:
    first = layer()
    torch.testing.assert_close(first(*BAGS), functional.normalize(DENSE) @ first.embed.weight + first.bias)


def test_the_first_weights_are_those_of_a_linear_layer() -> None:
    torch.manual_seed(0)
    ours, theirs = ProfileLayer(1000, 50), torch.nn.Linear(1000, 50)
    for mine, peer in ((ours.embed.weight, theirs.weight), (ours.bias, theirs.bias)):
        assert mine.abs().max().item() == pytest.approx(peer.abs().max().item(), rel=0.1)
        assert mine.std().item() == pytest.approx(peer.std().item(), rel=0.2)


def test_dropout_hides_items_after_normalising_and_scales_up_the_rest() -> None:
    first = layer(units=5)
    with torch.no_grad():
        first.embed.weight.copy_(torch.eye(5))
        first.bias.zero_()
        seen = torch.stack([first(*BAGS, dropout=0.2) for _ in range(400)])
    kept = functional.normalize(DENSE) / 0.8
    assert bool(((seen == 0) | torch.isclose(seen, kept)).all())
    np.testing.assert_allclose(seen.mean(0), functional.normalize(DENSE), atol=0.1)


def test_the_likelihood_is_the_dense_one() -> None:
    torch.manual_seed(1)
    logits: Tensor = torch.randn(4, 5)
    torch.testing.assert_close(multinomial_loss(logits, *BAGS), -(torch.log_softmax(logits, 1) * DENSE).sum(1))


def test_first_weights_and_biases_of_the_multinomial_autoencoders() -> None:
    net = layer(units=400)
    initialise(net)
    assert net.bias.abs().max().item() <= 0.002
    assert net.bias.std().item() == pytest.approx(0.001 * 0.88, rel=0.15)  # a Gaussian cut at two deviations
    assert net.embed.weight.abs().max().item() == pytest.approx((6 / 405) ** 0.5, rel=0.02)
