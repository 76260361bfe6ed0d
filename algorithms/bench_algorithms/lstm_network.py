"""The network of the next-item LSTM."""

from __future__ import annotations

from torch import nn

from bench_algorithms.recurrent_network import RecurrentNetwork


class NextItemLSTM(RecurrentNetwork):
    """The recurrent network with LSTM layers."""

    layers = nn.LSTM
