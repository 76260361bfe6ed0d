"""The network of Mult-VAE."""

from __future__ import annotations

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.nn import functional

from bench.lightning import adam
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
        self.embed = nn.EmbeddingBag(n_items, config.hidden_units, mode="sum", include_last_offset=True)
        self.embed_bias = nn.Parameter(torch.empty(config.hidden_units))
        self.posterior = nn.Linear(config.hidden_units, 2 * config.latent_units)
        self.decode = nn.Linear(config.latent_units, config.hidden_units)
        self.output = nn.Linear(config.hidden_units, n_items)
        for name, weights in self.named_parameters():
            if name.endswith("bias"):
                nn.init.trunc_normal_(weights, std=0.001)
            else:
                nn.init.xavier_uniform_(weights)

    def encode(self, items: Tensor, indptr: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of each user's code, float[b, latent] each.

        The input is the L2-normalised profile, 1 / √length at every item of the user, with dropout on it.
        """
        lengths = indptr.diff()
        normalised = lengths.to(self.embed.weight.dtype).rsqrt().repeat_interleave(lengths)
        weights = functional.dropout(normalised, self.config.dropout, self.training)
        hidden = torch.tanh(self.embed(items, indptr, weights) + self.embed_bias)
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
        items, indptr = batch
        mean, log_variance = self.encode(items, indptr)
        logits = self.logits(mean + torch.randn_like(mean) * torch.exp(0.5 * log_variance))
        lengths = indptr.diff()
        rows = torch.arange(len(lengths), device=items.device).repeat_interleave(lengths)
        # The sparse form of −Σ log softmax: only a user's own items are picked from the dense logits.
        nll = (lengths * logits.logsumexp(1)).sum() - logits[rows, items].sum()
        kl = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum()
        beta = kl_weight(self.global_step, self.config.beta, self.config.anneal_steps)
        return (nll + beta * kl) / len(lengths)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return adam(self.parameters(), self.config.learning_rate, self.config.weight_decay)
