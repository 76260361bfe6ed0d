"""The network that predicts the next item, but for what it makes of a history."""

from __future__ import annotations

from abc import abstractmethod

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.nn import functional

from bench.lightning import adam
from bench_algorithms.next_item import NextItemConfig


class NextItemNetwork(LightningModule):
    """Embeddings → states, by the subclass → logits over the catalogue → cross-entropy.

    A batch is (inputs int64[w, t], targets int64[w, t]); item `n_items` is the start symbol and the padding.
    Padding stands at the end only, where a network that reads forward cannot see it.
    """

    def __init__(self, n_items: int, config: NextItemConfig) -> None:
        super().__init__()
        self.n_items, self.learning_rate, self.weight_decay = n_items, config.learning_rate, config.weight_decay
        self.dropout = config.dropout
        self.embed = nn.Embedding(n_items + 1, config.embedding_units)

    @abstractmethod
    def states(self, inputs: Tensor) -> Tensor:
        """What is known after each input, float[w, t, hidden]."""

    @abstractmethod
    def logits(self, states: Tensor) -> Tensor:
        """float[p, n_items] of states float[p, hidden]."""

    def forward(self, inputs: Tensor, last: Tensor) -> Tensor:
        """Scores of the item that follows position `last` int64[b] of inputs int64[b, t]: float[b, n_items]."""
        return self.logits(self.states(inputs)[torch.arange(len(last), device=last.device), last])

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        """Cross-entropy of the target at every position over what could be recommended there, mean over positions."""
        inputs, targets = batch
        real = targets >= 0
        logits = self.logits(self.states(inputs)[real])
        logits[seen_before(inputs, targets, real, self.n_items)] = -torch.inf
        return functional.cross_entropy(logits, targets[real])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return adam(self.parameters(), self.learning_rate, self.weight_decay)

    def drop(self, values: Tensor) -> Tensor:
        """With dropout while training."""
        return functional.dropout(values, self.dropout, self.training)


def seen_before(inputs: Tensor, targets: Tensor, real: Tensor, start: int) -> tuple[Tensor, Tensor]:
    """(positions, items), int64[m] each: the items of the window up to each real position, bar its own target.

    Positions count the real ones of inputs int64[w, t] in row order; `start` is the start symbol.
    """
    steps = inputs.shape[1]
    earlier = torch.ones(steps, steps, dtype=torch.bool, device=inputs.device).tril()
    item, target = inputs[:, None, :], targets[:, :, None]
    window, position, event = (earlier & real[:, :, None] & (item != start) & (item != target)).nonzero(as_tuple=True)
    count = real.flatten().cumsum(0).view_as(real) - 1
    return count[window, position], inputs[window, event]
