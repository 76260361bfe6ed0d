"""RecVAE: the encoder, the composite prior, whose turn it is, what it learns."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy.special import logsumexp
from scipy.stats import norm
from torch import Tensor
from torch.nn import functional

from bench.algorithm import Context
from bench.interactions import ItemLists
from bench.testing import tiny_fold
from bench.testing.case import batch_of, scores_of
from bench_algorithms.profiles import as_bags
from bench_algorithms.recvae import RecVAE, RecVAEConfig
from bench_algorithms.recvae_network import RecVAENetwork, log_prior

FOLD = tiny_fold()
N_ITEMS = FOLD.train.n_items
SMALL: dict[str, Any] = {
    "hidden_units": 16, "latent_units": 8, "batch_size": 8, "learning_rate": 0.005, "patience": 0,
}  # fmt: skip
PROFILES = ItemLists.from_lists([[0, 2], [1, 2, 3], []], 5).csr()
BAGS = as_bags(PROFILES)
DENSE = torch.from_numpy(PROFILES.toarray())


def network(**fields: Any) -> RecVAENetwork:
    torch.manual_seed(0)
    return RecVAENetwork(5, RecVAEConfig.parse("recvae", {"hidden_units": 7, "latent_units": 3, **fields}))


def changed(before: dict[str, Tensor], net: RecVAENetwork) -> set[str]:
    """The parts of the network whose weights are not what they were."""
    return {name.split(".")[0] for name, value in net.state_dict().items() if not torch.equal(before[name], value)}


def step(net: RecVAENetwork, optimizer: torch.optim.Optimizer, for_encoder: bool) -> set[str]:
    """Make a training step, and say what it changed."""
    before = {name: value.clone() for name, value in net.state_dict().items()}
    optimizer.zero_grad()
    torch.autograd.backward(net.training_step((*BAGS, for_encoder), 0))
    optimizer.step()
    return changed(before, net)


def test_the_encoder_is_the_papers_written_out() -> None:
    """Figure 2 and the authors' code: h_i = LN(swish(W_i h_{i−1} + h_1 + … + h_{i−1}))."""
    encoder = network().encoder

    def layer(index: int, x: Tensor) -> Tensor:
        x = x * torch.sigmoid(x)
        x = (x - x.mean(1, keepdim=True)) / (x.var(1, unbiased=False, keepdim=True) + 0.1).sqrt()
        scale, shift = encoder.norms[index].parameters()
        return x * scale + shift

    linear = encoder.deeper
    h1 = layer(0, functional.normalize(DENSE) @ encoder.first.embed.weight + encoder.first.bias)
    h2 = layer(1, linear[0](h1) + h1)
    h3 = layer(2, linear[1](h2) + h1 + h2)
    h4 = layer(3, linear[2](h3) + h1 + h2 + h3)
    h5 = layer(4, linear[3](h4) + h1 + h2 + h3 + h4)
    torch.testing.assert_close(torch.cat(encoder(*BAGS), dim=1), encoder.posterior(h5))


def test_the_prior_is_a_mixture_of_three_gaussians_in_each_dimension() -> None:
    rng = np.random.default_rng(0)
    code, mean, log_variance = rng.normal(size=(3, 4, 2))
    expected = logsumexp(
        [
            np.log(3 / 20) + norm.logpdf(code),
            np.log(3 / 4) + norm.logpdf(code, mean, np.exp(log_variance / 2)),
            np.log(1 / 10) + norm.logpdf(code, 0, np.exp(5)),
        ],
        axis=0,
    )
    ours = log_prior(*(torch.from_numpy(array) for array in (code, mean, log_variance)))
    np.testing.assert_allclose(ours, expected)


def test_the_objective_weighs_the_divergence_by_the_length_of_the_profile() -> None:
    net = network(dropout=0.0, gamma=0.3)
    torch.manual_seed(1)
    loss = net.training_step((*BAGS, True), 0)

    mean, log_variance = net.encoder(*BAGS)
    deviation = torch.exp(log_variance / 2)
    torch.manual_seed(1)
    code = mean + torch.randn_like(mean) * deviation
    nll = -(torch.log_softmax(net.decoder(code), 1) * DENSE).sum(1)
    posterior = -0.5 * ((code - mean) / deviation).square() - deviation.log() - 0.5 * np.log(2 * np.pi)
    kl = (posterior - log_prior(code, *net.previous(*BAGS))).sum(1)
    torch.testing.assert_close(loss, (nll + 0.3 * torch.tensor([2, 3, 0]) * kl).mean())


def test_encoder_and_decoder_are_trained_in_turns() -> None:
    net = network()
    optimizer = net.configure_optimizers()
    assert step(net, optimizer, for_encoder=True) == {"encoder"}
    assert step(net, optimizer, for_encoder=False) == {"decoder"}
    assert step(net, optimizer, for_encoder=True) == {"encoder"}
    net.on_train_epoch_end()
    assert all(
        torch.equal(new, old) for new, old in zip(net.encoder.parameters(), net.previous.parameters(), strict=True)
    )


def test_only_the_encoder_reads_profiles_with_dropout() -> None:
    net = network(dropout=1 - 1e-9)
    with torch.no_grad():
        net.encoder.posterior.bias[3:] = -100.0  # nearly no noise
        net.encoder.posterior.weight[3:] = 0.0
    whole = -(torch.log_softmax(net(*BAGS), 1) * DENSE).sum(1).mean()
    torch.testing.assert_close(net.training_step((*BAGS, False), 0), whole)
    nobody = net.decoder(net.encoder(torch.empty(0, dtype=torch.int64), torch.tensor([0, 0]))[0])
    hidden = -(torch.log_softmax(nobody, 1) * DENSE).sum(1)
    net.config = net.config.changed(gamma=0.0)
    torch.testing.assert_close(net.training_step((*BAGS, True), 0), hidden.mean())


def test_an_epoch_is_some_passes_for_the_encoder_then_some_for_the_decoder() -> None:
    model = RecVAE(encoder_passes=2, decoder_passes=1, batch_size=8)
    batches = list(model.batches(FOLD.train, Context())(np.random.default_rng(0)))
    a_pass = len(batches) // 3
    assert [for_encoder for *_, for_encoder in batches] == [True] * 2 * a_pass + [False] * a_pass
    for start in range(0, len(batches), a_pass):
        items = torch.cat([items for items, *_ in batches[start : start + a_pass]])
        np.testing.assert_array_equal(
            np.bincount(items, minlength=N_ITEMS), np.bincount(FOLD.train.item, minlength=N_ITEMS)
        )


def test_the_prior_is_the_encoder_of_the_epoch_that_ended() -> None:
    net = RecVAE(**SMALL, epochs=2).fit(FOLD.train, None, Context()).network
    assert isinstance(net, RecVAENetwork)
    torch.testing.assert_close(net.previous(*BAGS), net.encoder(*BAGS))


def test_learns_which_items_go_together() -> None:
    model = RecVAE(**SMALL, epochs=60).fit(FOLD.train, None, Context(seed=1))
    even, odd = scores_of(model, batch_of([28, 29], [[0, 2, 4], [1, 3, 5]], N_ITEMS))
    popular = np.bincount(FOLD.train.item, minlength=N_ITEMS)[6:19] > 0
    ours, theirs = np.arange(6, 19) % 2 == 0, np.arange(6, 19) % 2 == 1
    assert (even - odd)[6:19][ours & popular].mean() > 0.5
    assert (odd - even)[6:19][theirs & popular].mean() > 0.5
