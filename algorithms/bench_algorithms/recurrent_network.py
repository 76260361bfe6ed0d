"""The network of the recurrent recommenders, whatever their cell."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench_algorithms.next_item_network import NextItemNetwork
from bench_algorithms.recurrent import RecurrentConfig


class RecurrentNetwork(NextItemNetwork):
    """Embeddings → recurrent layers → logits by the same embeddings, through a projection, or by weights of their own.

    A subclass names its layers. Every item has a bias.
    """

    layers: ClassVar[type[nn.LSTM] | type[nn.GRU]]

    def __init__(self, n_items: int, config: RecurrentConfig) -> None:
        super().__init__(n_items, config)
        self.recurrent = self.layers(
            config.embedding_units,
            config.hidden_units,
            config.layers,
            batch_first=True,
            dropout=config.dropout if config.layers > 1 else 0.0,
        )
        self.project = nn.Linear(config.hidden_units, config.embedding_units) if config.tied else nn.Identity()
        self.bias = nn.Parameter(torch.zeros(n_items))
        nn.init.normal_(self.embed.weight, std=config.embedding_units**-0.5)
        self.output: nn.Embedding | None = None
        if not config.tied:
            self.output = nn.Embedding(n_items, config.hidden_units)
            nn.init.normal_(self.output.weight, std=config.hidden_units**-0.5)

    def states(self, inputs: Tensor) -> Tensor:
        """The last layer's state after each input, float[w, t, hidden]."""
        states, _ = self.recurrent(self.drop(self.embed(inputs)))
        return self.drop(states)

    def logits(self, states: Tensor) -> Tensor:
        """float[p, n_items] of states float[p, hidden]."""
        weights = self.embed.weight[:-1] if self.output is None else self.output.weight
        return functional.linear(self.project(states), weights, self.bias)
