"""The networks of the matrix factorisations: nothing but embeddings."""

from __future__ import annotations

import numpy as np
import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.nn import functional

from bench.interactions import Int32Array, Interactions
from bench.lightning import adam
from bench_algorithms.factorisation import BiasedMFConfig, BPRConfig


class BiasedFactors(LightningModule):
    """mean + user bias + item bias + user factors · item factors. A batch is users, items, ratings, [b] each."""

    def __init__(self, train: Interactions, config: BiasedMFConfig) -> None:
        super().__init__()
        assert train.rating is not None
        self.config = config
        self.mean, self.low, self.high = (float(of(train.rating)) for of in (np.mean, np.min, np.max))
        self.users = _drawn(train.user, train.n_users, config)
        self.items = _drawn(train.item, train.n_items, config)
        self.user_bias, self.item_bias = nn.Embedding(train.n_users, 1), nn.Embedding(train.n_items, 1)
        nn.init.zeros_(self.user_bias.weight)
        nn.init.zeros_(self.item_bias.weight)

    def of_all_items(self, users: Tensor) -> Tensor:
        """Predictions for users int64[b], float[b, n_items]."""
        biases = self.user_bias(users) + self.item_bias.weight.T
        estimate: Tensor = self.mean + biases + self.users(users) @ self.items.weight.T
        return estimate.clamp(self.low, self.high)

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        """Predictions for pairs, int64[n] each: float[n]."""
        return self._estimate(*self._weights(users, items)).clamp(self.low, self.high)

    def training_step(self, batch: tuple[Tensor, Tensor, Tensor], index: int) -> Tensor:
        """Squared error of the unclamped prediction plus the penalty, mean over the ratings."""
        users, items, ratings = batch
        weights = self._weights(users, items)
        penalty = sum(part.square().sum() for part in weights) / len(ratings)
        return functional.mse_loss(self._estimate(*weights), ratings) + self.config.regularisation * penalty

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return adam(self.parameters(), self.config.learning_rate, self.config.weight_decay)

    def _weights(self, users: Tensor, items: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        return self.users(users), self.items(items), self.user_bias(users), self.item_bias(items)

    def _estimate(self, user: Tensor, item: Tensor, user_bias: Tensor, item_bias: Tensor) -> Tensor:
        return self.mean + (user_bias + item_bias).squeeze(1) + (user * item).sum(1)


def _drawn(codes: Int32Array, n: int, config: BiasedMFConfig) -> nn.Embedding:
    """Random factors; 0 for what has no training rows, which no step will ever change."""
    embedding = nn.Embedding(n, config.factors)
    nn.init.normal_(embedding.weight, std=config.initial_scale)
    embedding.weight.data[torch.from_numpy(np.bincount(codes, minlength=n) == 0)] = 0
    return embedding


class PairwiseFactors(LightningModule):
    """user factors · item factors. A batch is users, their items, negative items, int64[b] each."""

    def __init__(self, n_users: int, n_items: int, config: BPRConfig) -> None:
        super().__init__()
        self.config = config
        self.users, self.items = nn.Embedding(n_users, config.factors), nn.Embedding(n_items, config.factors)
        nn.init.xavier_normal_(self.users.weight)
        nn.init.xavier_normal_(self.items.weight)

    def forward(self, users: Tensor) -> Tensor:
        """Scores of the whole catalogue, float[b, n_items]."""
        scores: Tensor = self.users(users) @ self.items.weight.T
        return scores

    def training_step(self, batch: tuple[Tensor, Tensor, Tensor], index: int) -> Tensor:
        """−log σ(score of the item − score of the negative one) plus the penalty, mean over the pairs."""
        users, items, negatives = self.users(batch[0]), self.items(batch[1]), self.items(batch[2])
        difference = (users * (items - negatives)).sum(1)
        penalty = sum(part.square().sum() for part in (users, items, negatives)) / len(difference)
        loss: Tensor = self.config.regularisation * penalty - functional.logsigmoid(difference).mean()
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return adam(self.parameters(), self.config.learning_rate, self.config.weight_decay)
