"""The network of Mult-VAE."""

from __future__ import annotations

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn

from bench.lightning import adam
from bench_algorithms.autoencoder_network import ProfileLayer, initialise, multinomial_loss
from bench_algorithms.vae import VAEConfig


def kl_weight(step: int, beta: float, anneal_steps: int) -> float:
    """The weight of the KL divergence at a step, counted from 0: rises as step / anneal_steps, up to beta."""
    return min(beta, step / anneal_steps) if anneal_steps else beta


class MultVAE(LightningModule):
    """n_items → hidden → code → hidden → n_items, tanh between.

    A batch is (items int64[nnz], indptr int64[b + 1]): each user's items, one after the other.
    """

    def __init__(self, n_items: int, config: VAEConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = ProfileLayer(n_items, config.hidden_units)
        self.posterior = nn.Linear(config.hidden_units, 2 * config.latent_units)
        self.decode = nn.Linear(config.latent_units, config.hidden_units)
        self.output = nn.Linear(config.hidden_units, n_items)
        initialise(self)

    def encode(self, items: Tensor, indptr: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of each user's code, float[b, latent] each; in training with dropout."""
        hidden = torch.tanh(self.encoder(items, indptr, self.config.dropout if self.training else 0.0))
        mean, log_variance = self.posterior(hidden).chunk(2, dim=1)
        return mean, log_variance

    def logits(self, code: Tensor) -> Tensor:
        """float[b, n_items]."""
        decoded: Tensor = self.output(torch.tanh(self.decode(code)))
        return decoded

    def forward(self, items: Tensor, indptr: Tensor) -> Tensor:
        """Scores, float[b, n_items], at the mean of the code."""
        return self.logits(self.encode(items, indptr)[0])

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        """Negative log-likelihood of the users' items plus the weighted KL divergence, mean over users."""
        mean, log_variance = self.encode(*batch)
        logits = self.logits(mean + torch.randn_like(mean) * torch.exp(0.5 * log_variance))
        kl = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum(1)
        beta = kl_weight(self.global_step, self.config.beta, self.config.anneal_steps)
        return (multinomial_loss(logits, *batch) + beta * kl).mean()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return adam(self.parameters(), self.config.learning_rate, self.config.weight_decay)
