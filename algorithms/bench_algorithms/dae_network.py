"""The network of Mult-DAE."""

from __future__ import annotations

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn

from bench.lightning import adam
from bench_algorithms.autoencoder_network import ProfileLayer, initialise, multinomial_loss
from bench_algorithms.dae import DAEConfig


class MultDAE(LightningModule):
    """n_items → hidden → n_items, tanh between.

    A batch is (items int64[nnz], indptr int64[b + 1]): each user's items, one after the other.
    """

    def __init__(self, n_items: int, config: DAEConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = ProfileLayer(n_items, config.hidden_units)
        self.output = nn.Linear(config.hidden_units, n_items)
        initialise(self)

    def forward(self, items: Tensor, indptr: Tensor) -> Tensor:
        """Scores, float[b, n_items]; in training those of profiles with dropout."""
        hidden = torch.tanh(self.encoder(items, indptr, self.config.dropout if self.training else 0.0))
        scores: Tensor = self.output(hidden)
        return scores

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        """Negative log-likelihood of the users' items, the hidden ones too, mean over users."""
        return multinomial_loss(self(*batch), *batch).mean()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return adam(self.parameters(), self.config.learning_rate, self.config.weight_decay)
