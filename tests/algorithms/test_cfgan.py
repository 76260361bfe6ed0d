"""CFGAN: both losses against the paper's formulas, what the discriminator may see, what is learnt."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from bench.algorithm import Context
from bench.interactions import Interactions, ItemLists
from bench.testing import tiny_fold
from bench.testing.case import batch_of, evaluation_batch, scores_of
from bench_algorithms.cfgan import CFGAN, CFGANConfig
from bench_algorithms.cfgan_network import ConditionalGAN, sample
from bench_algorithms.gan_network import indicators
from bench_algorithms.profiles import as_bags

FOLD = tiny_fold()
N_ITEMS = FOLD.train.n_items
SMALL: dict[str, Any] = {"hidden_units": 7, "discriminator_units": 3}
REAL = torch.tensor([[1.0, 0.0, 1.0, 0.0, 0.0], [0.0, 1.0, 1.0, 1.0, 0.0]])


def network(**fields: Any) -> ConditionalGAN:
    torch.manual_seed(0)
    return ConditionalGAN(5, CFGANConfig.parse("cfgan", {**SMALL, "dropout": 0.0, **fields}))


def by_hand(layers: torch.nn.Sequential, inputs: Tensor) -> np.ndarray:
    """float64[b, outputs]: the two layers in numpy."""
    first, second = (
        {name: value.detach().double().numpy() for name, value in layers[index].named_parameters()} for index in (0, 2)
    )
    hidden = 1 / (1 + np.exp(-(inputs.double().numpy() @ first["weight"].T + first["bias"])))
    return np.asarray(hidden @ second["weight"].T + second["bias"])


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_both_losses_are_the_papers(share: float) -> None:
    """Without sampling noise: nothing or everything of what the user does not have is masked in and rebuilt."""
    gan = network(masking_share=share, reconstruction_share=share, reconstruction_weight=0.3)
    real = REAL.double().numpy()
    generated = by_hand(gan.generator, REAL)
    seen = generated * np.maximum(real, share)

    def probability(vectors: np.ndarray) -> np.ndarray:
        pairs = torch.from_numpy(np.concatenate([real, vectors], axis=1))
        return np.asarray(1 / (1 + np.exp(-by_hand(gan.discriminator, pairs)[:, 0])))

    expected = -np.log(probability(real)) - np.log(1 - probability(seen))
    assert gan.discriminator_loss(REAL).item() == pytest.approx(expected.mean(), rel=1e-5)
    squares = (generated**2 * (1 - real)).sum(axis=1) * share
    expected = -np.log(probability(seen)) + 0.3 * squares
    assert gan.generator_loss(REAL).item() == pytest.approx(expected.mean(), rel=1e-5)


def test_each_loss_moves_its_own_network() -> None:
    gan = network()
    torch.autograd.backward(gan.discriminator_loss(REAL))
    assert all(weights.grad is None for weights in gan.generator.parameters())
    assert all(weights.grad is not None for weights in gan.discriminator.parameters())
    generator, discriminator = gan.configure_optimizers()
    moved = [
        [id(weights) for group in one.param_groups for weights in group["params"]] for one in (generator, discriminator)
    ]
    assert moved == [[id(weights) for weights in part.parameters()] for part in (gan.generator, gan.discriminator)]


def test_the_discriminator_sees_own_items_and_a_share_of_the_others() -> None:
    torch.manual_seed(0)
    real = (torch.rand(200, 100) < 0.3).float()
    gan = network(masking_share=0.25)
    seen = gan.masked(torch.full_like(real, 2.0), real)
    assert (seen[real > 0] == 2).all()
    assert set(seen[real == 0].tolist()) == {0.0, 2.0}
    assert (seen[real == 0] > 0).float().mean().item() == pytest.approx(0.25, abs=0.02)


def test_sample() -> None:
    present = torch.tensor([[1.0, 0.0, 1.0]])
    assert sample(present, 1.0).tolist() == [[1, 0, 1]]
    assert sample(present, 0.0).tolist() == [[0, 0, 0]]


def test_part_of_the_condition_is_hidden_in_training_only() -> None:
    gan = network(dropout=0.5)
    assert not torch.equal(gan.generate(REAL), gan.generate(REAL))
    gan.eval()
    items, indptr = as_bags(ItemLists.from_lists([[0, 2], [1, 2, 3]], 5).csr())
    np.testing.assert_allclose(gan(items, indptr).detach().numpy(), by_hand(gan.generator, REAL), rtol=1e-5)
    assert torch.equal(gan.generate(REAL), gan(items, indptr))
    assert torch.equal(indicators(items, indptr, 5), REAL)


def test_recommends_what_goes_with_the_history() -> None:
    """Users have even items or odd ones. New users with even ones are shown the other even ones: 90 % of the pairs
    of an even and an odd item are in that order, half of them by chance. More epochs would teach it to copy.
    """
    rng = np.random.default_rng(0)

    def drawn(n_users: int, length: int) -> list[list[int]]:
        return [rng.choice(np.arange(user % 2, N_ITEMS, 2), length, replace=False).tolist() for user in range(n_users)]

    profiles = ItemLists.from_lists(drawn(120, 5), N_ITEMS)
    ids = np.array([f"u{user}" for user in range(120)], object)
    train = Interactions(profiles.rows.astype(np.int32), profiles.items, ids, FOLD.train.item_ids)
    model = CFGAN(epochs=10, patience=0, batch_size=16, learning_rate=0.003, discriminator_learning_rate=0.001)
    context = Context(seed=1)
    model.fit(train, None, context)
    histories = drawn(40, 5)
    scores = np.asarray(scores_of(model, batch_of(list(range(40)), histories, N_ITEMS)))
    order = []
    for user, history in enumerate(histories):
        own = np.setdiff1d(np.arange(user % 2, N_ITEMS, 2), history)
        others = np.arange(1 - user % 2, N_ITEMS, 2)
        order.append((scores[user, own][:, None] > scores[user, others]).mean())
    assert np.mean(order) > 0.9
    for curve in ("generator_loss", "discriminator_loss"):
        assert [epoch for epoch, _ in context.curves[curve]] == list(range(1, 11))


def test_stops_early_and_serves_users_it_never_saw() -> None:
    values = iter([0.1, 0.3, 0.2, 0.1])
    model = CFGAN(**SMALL, epochs=20, patience=2, validate_every=2)
    model.fit(FOLD.train, FOLD.validation, Context(seed=1, evaluate=lambda algorithm, users: next(values)))
    assert (model.fitted_config.epochs, model.fitted_config.patience) == (4, 0)
    assert model.serves_unseen_users
    scores = np.asarray(scores_of(model, batch_of([0, 1], [[], [3]], N_ITEMS)))
    assert np.isfinite(scores).all()
    assert not np.array_equal(scores[0], scores[1])
    assert np.isfinite(np.asarray(scores_of(model, evaluation_batch(FOLD)))).all()
