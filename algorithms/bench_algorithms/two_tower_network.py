"""The network of the two-tower model."""

from __future__ import annotations

import numpy as np
import torch
from pytorch_lightning import LightningModule
from scipy import sparse
from torch import Tensor, nn
from torch.nn import functional

from bench.interactions import Interactions, mask
from bench.lightning import adam
from bench_algorithms.feature_terms_network import FeatureSum, TermSum
from bench_algorithms.two_tower import TwoTowerConfig

_INITIAL_SCALE = 0.1


class Towers(LightningModule):
    """Unit vectors of users and of items, and their cosines over the temperature.

    A batch is users int64[b], their histories and their items to find, each as bags: int64[nnz] and indptr
    int64[b + 1]. user_terms, item_terms: float32 [n_users or n_items, n_terms], the weights of the attributes.
    """

    log_share: Tensor
    """float[n_items]: the log of an item's share of the interactions; that of an item without any is finite."""

    def __init__(
        self,
        train: Interactions,
        user_terms: sparse.csr_matrix,
        item_terms: sparse.csr_matrix,
        config: TwoTowerConfig,
    ) -> None:
        super().__init__()
        self.config = config
        units = config.embedding_units
        self.items = FeatureSum(item_terms, mask(train.item, train.n_items), units, _INITIAL_SCALE)
        self.user_terms = TermSum(user_terms, units, _INITIAL_SCALE)
        self.user_tower, self.item_tower = Tower(units, config.hidden_units), Tower(units, config.hidden_units)
        counts = np.maximum(np.bincount(train.item, minlength=train.n_items), 1)
        self.register_buffer("log_share", torch.from_numpy(np.log(counts / len(train))).float(), persistent=False)

    def forward(self, users: Tensor, items: Tensor, indptr: Tensor) -> Tensor:
        """Scores of the whole catalogue, float[b, n_items], for users int64[b] with histories as bags."""
        inputs = self.items(torch.arange(len(self.log_share), device=users.device))
        scores: Tensor = self.encoded(users, inputs, items, indptr) @ self.item_tower(inputs).T
        return scores / self.config.temperature

    def encoded(self, users: Tensor, inputs: Tensor, items: Tensor, indptr: Tensor) -> Tensor:
        """Unit vectors of users, float[b, units]. inputs: float[n, units], what the item tower reads; items: rows of
        it, a bag a user. A bag is summed and divided by the root of its length.
        """
        summed = functional.embedding_bag(items, inputs, indptr, mode="sum", include_last_offset=True)
        scaled = summed * indptr.diff().clamp(min=1).to(summed.dtype).rsqrt()[:, None]
        vectors: Tensor = self.user_tower(scaled + self.user_terms(users))
        return vectors

    def training_step(self, batch: tuple[Tensor, Tensor, Tensor, Tensor, Tensor], index: int) -> Tensor:
        """The corrected in-batch softmax, mean over the items to find."""
        users, history, history_indptr, targets, target_indptr = batch
        items, places = torch.unique(torch.cat([history, targets]), return_inverse=True)
        given, wanted = places.split([len(history), len(targets)])
        inputs = self.items(items)
        vectors = self.encoded(users, inputs, given, history_indptr)
        logits = vectors @ self.item_tower(inputs).T / self.config.temperature - self.log_share[items]
        own = torch.zeros_like(logits, dtype=torch.bool)
        own[_rows(history_indptr), given] = True
        own[_rows(target_indptr), wanted] = True
        return in_batch_loss(logits, wanted, target_indptr, own)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return adam(self.parameters(), self.config.learning_rate, self.config.weight_decay)


class Tower(nn.Module):
    """The unit vector of what is read plus a hidden layer of it: x + W₂ relu(W₁ x)."""

    def __init__(self, units: int, hidden: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(units, hidden), nn.ReLU(), nn.Linear(hidden, units))

    def forward(self, read: Tensor) -> Tensor:
        """float[n, units] of float[n, units]."""
        return functional.normalize(read + self.layers(read), dim=1)


def in_batch_loss(logits: Tensor, targets: Tensor, indptr: Tensor, own: Tensor) -> Tensor:
    """−log of the softmax of each target among those of all users, mean over targets.

    logits: float[b, n], corrected; targets: int64[nnz], columns, a bag a user (indptr: int64[b + 1]). A column counts
    as often as it is a target; own: bool[b, n], what a user has is not among the negatives, the target itself apart.
    """
    counts = targets.bincount(minlength=logits.shape[1])
    # Finite, so that a user who has everything has a gradient of 0 and not of NaN.
    refused = torch.finfo(logits.dtype).min
    negatives = (logits + counts.log()).masked_fill(own | (counts == 0), refused).logsumexp(1)
    rows = _rows(indptr)
    losses: Tensor = functional.softplus(negatives[rows] - logits[rows, targets])
    return losses.mean()


def _rows(indptr: Tensor) -> Tensor:
    """int64[nnz]: the row that each entry of a bag belongs to."""
    return torch.arange(len(indptr) - 1, device=indptr.device).repeat_interleave(indptr.diff())
