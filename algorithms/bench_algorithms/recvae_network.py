"""The network of RecVAE."""

from __future__ import annotations

import copy
import math

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.nn import functional

from bench.lightning import adam
from bench_algorithms.autoencoder_network import ProfileLayer, multinomial_loss
from bench_algorithms.recvae import RecVAEConfig

LAYERS = 5
"""Of the encoder."""
NORM_EPSILON = 0.1
"""What layer normalisation adds to the variance: the authors' value. Weak activations stay weak."""
STANDARD, PREVIOUS, WIDE = 3 / 20, 3 / 4, 1 / 10
"""Weights of the prior's three components: the authors' values."""
WIDE_LOG_VARIANCE = 10.0
"""Of the widest component."""


class DenseEncoder(nn.Module):
    """n_items → five layers of swish and layer normalisation → mean and log variance of a code.

    Each layer's input is added, before the swish, to its output, and so are those of all layers before it.
    """

    def __init__(self, n_items: int, hidden: int, latent: int) -> None:
        super().__init__()
        self.first = ProfileLayer(n_items, hidden)
        self.deeper = nn.ModuleList(nn.Linear(hidden, hidden) for _ in range(LAYERS - 1))
        self.norms = nn.ModuleList(nn.LayerNorm(hidden, eps=NORM_EPSILON) for _ in range(LAYERS))
        self.posterior = nn.Linear(hidden, 2 * latent)

    def forward(self, items: Tensor, indptr: Tensor, dropout: float = 0.0) -> tuple[Tensor, Tensor]:
        """float[b, latent] each, of bags (items int64[nnz], indptr int64[b + 1])."""
        state = self.norms[0](functional.silu(self.first(items, indptr, dropout)))
        before = torch.zeros_like(state)
        for layer, norm in zip(self.deeper, self.norms[1:], strict=True):
            before = before + state
            state = norm(functional.silu(layer(state) + before))
        mean, log_variance = self.posterior(state).chunk(2, dim=1)
        return mean, log_variance


class RecVAENetwork(LightningModule):
    """The encoder, the linear decoder code → n_items, and the encoder as it was an epoch ago.

    A batch is (items int64[nnz], indptr int64[b + 1], whether it trains the encoder): each user's items, one after
    the other.
    """

    def __init__(self, n_items: int, config: RecVAEConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = DenseEncoder(n_items, config.hidden_units, config.latent_units)
        self.decoder = nn.Linear(config.latent_units, n_items)
        self.previous = copy.deepcopy(self.encoder).requires_grad_(False)

    def forward(self, items: Tensor, indptr: Tensor) -> Tensor:
        """Scores, float[b, n_items], at the mean of the code."""
        scores: Tensor = self.decoder(self.encoder(items, indptr)[0])
        return scores

    def training_step(self, batch: tuple[Tensor, Tensor, bool], index: int) -> Tensor:
        """Negative log-likelihood of the users' items, mean over users; for the encoder plus the weighted KL
        divergence, estimated at the drawn code, on which the decoder has no influence.
        """
        items, indptr, for_encoder = batch
        # A part that needs no gradient has none, and Adam passes over what has none.
        self.encoder.requires_grad_(for_encoder)
        self.decoder.requires_grad_(not for_encoder)
        mean, log_variance = self.encoder(items, indptr, self.config.dropout if for_encoder else 0.0)
        code = mean + torch.randn_like(mean) * torch.exp(0.5 * log_variance)
        loss = multinomial_loss(self.decoder(code), items, indptr)
        if for_encoder:
            kl = log_normal(code, mean, log_variance) - log_prior(code, *self.previous(items, indptr))
            loss = loss + self.config.gamma * indptr.diff() * kl.sum(1)
        return loss.mean()

    def on_train_epoch_end(self) -> None:
        """The prior takes over the encoder, which has not changed since its last pass."""
        self.previous.load_state_dict(self.encoder.state_dict())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        trained = [*self.encoder.parameters(), *self.decoder.parameters()]
        return adam(trained, self.config.learning_rate, self.config.weight_decay)


def log_normal(code: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Log density of each coordinate under a Gaussian of its own, in the shape of `code`."""
    return -0.5 * (log_variance + math.log(2 * math.pi) + (code - mean).square() / log_variance.exp())


def log_prior(code: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Log density of each coordinate under the composite prior, in the shape of `code`: a mixture of the standard
    Gaussian, the previous encoder's posterior, given by its mean and log variance, and a wide Gaussian.
    """
    zero = torch.zeros_like(code)
    components = [
        math.log(STANDARD) + log_normal(code, zero, zero),
        math.log(PREVIOUS) + log_normal(code, mean, log_variance),
        math.log(WIDE) + log_normal(code, zero, zero + WIDE_LOG_VARIANCE),
    ]
    return torch.stack(components).logsumexp(0)
