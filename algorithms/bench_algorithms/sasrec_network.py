"""The network of SASRec."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench_algorithms.next_item_network import NextItemNetwork
from bench_algorithms.sasrec import SASRecConfig


class SASRecNetwork(NextItemNetwork):
    """Item and position embeddings → blocks → normalised → logits by the item embeddings, plus a bias an item."""

    def __init__(self, n_items: int, config: SASRecConfig) -> None:
        super().__init__(n_items, config)
        units = config.embedding_units
        self.position = nn.Embedding(config.max_length, units)
        self.blocks = nn.ModuleList(Block(units, config.heads, config.dropout) for _ in range(config.blocks))
        self.norm = nn.LayerNorm(units)
        self.bias = nn.Parameter(torch.zeros(n_items))
        nn.init.normal_(self.embed.weight, std=units**-0.5)
        nn.init.normal_(self.position.weight, std=units**-0.5)

    def states(self, inputs: Tensor) -> Tensor:
        """What the last block makes of each input and those before it, float[w, t, units]."""
        scale = self.embed.embedding_dim**0.5
        states = self.drop(self.embed(inputs) * scale + self.position.weight[: inputs.shape[1]])
        for block in self.blocks:
            states = block(states)
        normalised: Tensor = self.norm(states)
        return normalised

    def logits(self, states: Tensor) -> Tensor:
        """float[p, n_items] of states float[p, units]."""
        return functional.linear(states, self.embed.weight[:-1], self.bias)


class Block(nn.Module):
    """Causal self-attention, then a feed-forward layer of the same width, each on normalised input and added to it."""

    def __init__(self, units: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.attention_norm, self.forward_norm = nn.LayerNorm(units), nn.LayerNorm(units)
        self.queries_keys_values = nn.Linear(units, 3 * units)
        self.mix = nn.Linear(units, units)
        self.widen, self.narrow = nn.Linear(units, units), nn.Linear(units, units)

    def forward(self, states: Tensor) -> Tensor:
        """float[w, t, units] to the same shape; position t sees positions up to t."""
        states = states + self._drop(self._attend(self.attention_norm(states)))
        hidden = self._drop(functional.relu(self.widen(self.forward_norm(states))))
        return states + self._drop(self.narrow(hidden))

    def _attend(self, states: Tensor) -> Tensor:
        windows, steps, units = states.shape
        split = self.queries_keys_values(states).view(windows, steps, 3, self.heads, units // self.heads)
        queries, keys, values = split.permute(2, 0, 3, 1, 4)
        dropout = self.dropout if self.training else 0.0
        seen = functional.scaled_dot_product_attention(queries, keys, values, dropout_p=dropout, is_causal=True)
        mixed: Tensor = self.mix(seen.transpose(1, 2).reshape(windows, steps, units))
        return mixed

    def _drop(self, values: Tensor) -> Tensor:
        return functional.dropout(values, self.dropout, self.training)
