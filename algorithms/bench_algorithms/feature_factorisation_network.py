"""The network of the factorisation with features: nothing but embeddings."""

from __future__ import annotations

import numpy as np
import torch
from pytorch_lightning import LightningModule
from scipy import sparse
from torch import Tensor

from bench.interactions import Interactions, mask
from bench.lightning import adam
from bench_algorithms.autoencoder_network import multinomial_loss
from bench_algorithms.feature_factorisation import FeatureFactorisationConfig
from bench_algorithms.feature_terms_network import FeatureSum

_INITIAL_SCALE = 0.1


class FeatureFactors(LightningModule):
    """user vector · item vector + item bias. A batch is users int64[b] and their items, as bags: int64[nnz] and
    indptr int64[b + 1].

    user_terms, item_terms: float32 [n_users or n_items, n_terms], the weights of the attributes.
    """

    trained: Tensor
    """int64[n_trained]: the items with training rows, the classes of the softmax."""
    place: Tensor
    """int64[n_items]: where an item is among those."""

    def __init__(
        self,
        train: Interactions,
        user_terms: sparse.csr_matrix,
        item_terms: sparse.csr_matrix,
        config: FeatureFactorisationConfig,
    ) -> None:
        super().__init__()
        self.config = config
        known = mask(train.item, train.n_items)
        self.users = FeatureSum(user_terms, mask(train.user, train.n_users), config.factors, _INITIAL_SCALE)
        self.items = FeatureSum(item_terms, known, config.factors, _INITIAL_SCALE)
        self.biases = FeatureSum(item_terms, known, 1, 0.0)
        self.register_buffer("trained", torch.from_numpy(np.flatnonzero(known)), persistent=False)
        self.register_buffer("place", torch.from_numpy(np.cumsum(known) - 1), persistent=False)

    def forward(self, users: Tensor) -> Tensor:
        """Scores of the whole catalogue, float[b, n_items], for users int64[b]."""
        items = torch.arange(len(self.place), device=users.device)
        scores: Tensor = self.users(users) @ self.items(items).T + self.biases(items).T
        return scores

    def training_step(self, batch: tuple[Tensor, Tensor, Tensor], index: int) -> Tensor:
        """−log of the softmax over the items of training, plus the penalty, mean over the interactions."""
        users, own, lengths = self.users(batch[0]), self.place[batch[1]], batch[2].diff()
        items = self.items(self.trained)
        logits = users @ items.T + self.biases(self.trained).T
        likelihood = multinomial_loss(logits, own, batch[2]).sum()
        penalty = (lengths * users.square().sum(1)).sum() + items.square().sum(1)[own].sum()
        loss: Tensor = (likelihood + self.config.regularisation * penalty) / len(own)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return adam(self.parameters(), self.config.learning_rate, self.config.weight_decay)
