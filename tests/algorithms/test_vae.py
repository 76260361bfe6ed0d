"""Mult-VAE: the annealing schedule, the sparse form of the objective, what it learns."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from pytorch_lightning import LightningModule
from torch.nn import functional

from bench.algorithm import Context
from bench.errors import UsageError
from bench.interactions import ItemLists
from bench.metrics.accuracy import NDCG
from bench.running.assess import Validator
from bench.seeds import tie_order
from bench.testing import tiny_fold
from bench.testing.case import batch_of, evaluation_batch, scores_of
from bench_algorithms.profiles import as_bags
from bench_algorithms.vae import VAE, VAEConfig
from bench_algorithms.vae_network import MultVAE, kl_weight

FOLD = tiny_fold()
N_ITEMS = FOLD.train.n_items
SMALL: dict[str, Any] = {"hidden_units": 8, "latent_units": 4, "batch_size": 8, "learning_rate": 0.01}


def network(**fields: Any) -> MultVAE:
    torch.manual_seed(0)
    return MultVAE(5, VAEConfig.parse("vae", {"hidden_units": 7, "latent_units": 3, **fields}))


def test_kl_weight_rises_with_the_steps_and_stops_at_beta() -> None:
    assert [kl_weight(step, beta=0.2, anneal_steps=1000) for step in (0, 100, 200, 5000)] == [0, 0.1, 0.2, 0.2]
    assert kl_weight(0, beta=0.2, anneal_steps=0) == 0.2


def test_the_weight_in_a_step_is_that_of_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    bags = as_bags(ItemLists.from_lists([[0, 2], [1, 2, 3]], 5).csr())

    def loss(step: int, beta: float) -> float:
        monkeypatch.setattr(LightningModule, "global_step", step)
        torch.manual_seed(1)
        return network(beta=beta, anneal_steps=10).training_step(bags, 0).item()

    assert loss(0, beta=0.5) == loss(9, beta=0.0)
    assert loss(2, beta=0.5) - loss(0, beta=0.5) == pytest.approx(0.4 * (loss(5, 0.5) - loss(0, 0.5)), rel=1e-4)
    assert loss(5, beta=0.5) == loss(500, beta=0.5)


def test_the_sparse_objective_is_the_dense_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Against the paper's formulas on a dense, L2-normalised input."""
    monkeypatch.setattr(LightningModule, "global_step", 10)
    profiles = ItemLists.from_lists([[0, 2], [1, 2, 3], []], 5).csr()
    vae = network(dropout=0.0, beta=0.3, anneal_steps=1)
    torch.manual_seed(1)
    loss = vae.training_step(as_bags(profiles), 0)

    dense = torch.from_numpy(profiles.toarray())
    hidden = torch.tanh(functional.normalize(dense) @ vae.encoder.embed.weight + vae.encoder.bias)
    mean, log_variance = vae.posterior(hidden).chunk(2, dim=1)
    torch.manual_seed(1)
    logits = vae.logits(mean + torch.randn_like(mean) * torch.exp(log_variance / 2))
    nll = -(torch.log_softmax(logits, 1) * dense).sum(1)
    kl = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum(1)
    torch.testing.assert_close(loss, (nll + 0.3 * kl).mean())


def test_dropout_hides_items_in_training_only() -> None:
    bags = as_bags(ItemLists.from_lists([[0, 1, 2, 3]], 5).csr())
    vae = network(dropout=0.5)
    assert not torch.equal(vae.encode(*bags)[0], vae.encode(*bags)[0])
    vae.eval()
    assert torch.equal(vae.encode(*bags)[0], vae.encode(*bags)[0])


def test_learns_which_items_go_together() -> None:
    vae = VAE(**SMALL, epochs=60, patience=0).fit(FOLD.train, None, Context(seed=1))
    even, odd = scores_of(vae, batch_of([28, 29], [[0, 2, 4], [1, 3, 5]], N_ITEMS))
    popular = np.bincount(FOLD.train.item, minlength=N_ITEMS)[6:19] > 0
    ours, theirs = np.arange(6, 19) % 2 == 0, np.arange(6, 19) % 2 == 1
    assert (even - odd)[6:19][ours & popular].mean() > 0.5
    assert (odd - even)[6:19][theirs & popular].mean() > 0.5


def test_the_same_seed_gives_the_same_scores_and_another_others() -> None:
    def scores(seed: int) -> np.ndarray:
        vae = VAE(**SMALL, epochs=2, patience=0).fit(FOLD.train, None, Context(seed=seed))
        return scores_of(vae, evaluation_batch(FOLD))

    np.testing.assert_array_equal(scores(1), scores(1))
    assert not np.array_equal(scores(1), scores(2))


def test_a_history_is_a_set() -> None:
    vae = VAE(**SMALL, epochs=1, patience=0).fit(FOLD.train, None, Context())
    scores = scores_of(vae, batch_of([0, 1, 2], [[0, 3, 7], [7, 0, 3], [7, 7, 3, 0]], N_ITEMS))
    np.testing.assert_array_equal(scores[0], scores[1])
    np.testing.assert_array_equal(scores[0], scores[2])


def test_the_restored_weights_score_the_best_of_the_curve_in_the_harness() -> None:
    train = FOLD.train
    evaluate = Validator("vae", NDCG(10), tie_order(1, train.item_ids), train.user_ids)
    context = Context(seed=3, evaluate=evaluate)
    vae = VAE(**SMALL, epochs=40, patience=4).fit(train, FOLD.validation, context)
    curve = [score for _, score in context.curves["validation"]]
    assert evaluate(vae, FOLD.validation) == max(curve)
    assert vae.fitted_config.epochs == 1 + int(np.argmax(curve))
    assert len(curve) == vae.fitted_config.epochs + 4


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"dropout": 1.0}, "'dropout' of VAE should be less than 1. Got 1.0."),
        ({"epochs": 0}, "'epochs' of VAE should be greater than or equal to 1. Got 0."),
        ({"latents": 3}, "VAE has no field 'latents'. Did you mean 'latent_units'?"),
    ],
)
def test_wrong_configuration_is_refused_in_one_line(wrong: dict[str, Any], line: str) -> None:
    with pytest.raises(UsageError) as caught:
        VAE(**wrong)
    assert line in str(caught.value)


def test_importing_it_does_not_import_torch() -> None:
    program = (
        "import sys, bench_algorithms.vae, bench_algorithms.lstm, bench_algorithms.gan; print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
