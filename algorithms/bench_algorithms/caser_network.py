"""The network of Caser."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench_algorithms.caser import CaserConfig
from bench_algorithms.next_item_network import NextItemNetwork


class CaserNetwork(NextItemNetwork):
    """Embeddings → convolutions over the last few → fully connected layer → logits by weights of their own.

    Neighbouring positions share all but one event, so the filters run along a sequence once, and not once a position.
    """

    def __init__(self, n_items: int, config: CaserConfig) -> None:
        super().__init__(n_items, config)
        units, self.order = config.embedding_units, config.order
        heights = range(1, config.order + 1)
        self.horizontal = nn.ModuleList(nn.Conv1d(units, config.horizontal_filters, height) for height in heights)
        self.vertical = nn.Linear(config.order, config.vertical_filters)
        self.connect = nn.Linear(config.order * config.horizontal_filters + units * config.vertical_filters, units)
        self.output = nn.Linear(units, n_items)
        nn.init.normal_(self.embed.weight, std=units**-0.5)
        nn.init.normal_(self.output.weight, std=units**-0.5)
        nn.init.zeros_(self.output.bias)

    def states(self, inputs: Tensor) -> Tensor:
        """What the last `order` inputs up to each make, float[w, t, units]."""
        sequence = functional.pad(self.drop(self.embed(inputs)).transpose(1, 2), (self.order - 1, 0))
        found = torch.cat([self._horizontal(sequence), self._vertical(sequence)], 2)
        return functional.relu(self.connect(self.drop(found)))

    def logits(self, states: Tensor) -> Tensor:
        """float[p, n_items] of states float[p, units]."""
        logits: Tensor = self.output(states)
        return logits

    def _horizontal(self, sequence: Tensor) -> Tensor:
        """The greatest value of each filter within the last `order` of float[w, units, order − 1 + t]."""
        values = [
            functional.max_pool1d(functional.relu(filters(sequence)), self.order - height, stride=1)
            for height, filters in enumerate(self.horizontal)
        ]
        return torch.cat(values, 1).transpose(1, 2)

    def _vertical(self, sequence: Tensor) -> Tensor:
        """Weighted sums of the last `order` of float[w, units, order − 1 + t], one after the other."""
        sums: Tensor = self.vertical(sequence.unfold(2, self.order, 1))
        return sums.permute(0, 2, 3, 1).flatten(2)
