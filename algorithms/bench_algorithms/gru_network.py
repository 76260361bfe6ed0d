"""The network of GRU4Rec."""

from __future__ import annotations

from torch import nn

from bench_algorithms.recurrent_network import RecurrentNetwork


class NextItemGRU(RecurrentNetwork):
    """The recurrent network with GRU layers."""

    layers = nn.GRU
