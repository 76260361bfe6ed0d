"""The network of the next-item LSTM."""

from __future__ import annotations

from torch import nn

from bench_algorithms.next_item_network import seen_before
from bench_algorithms.recurrent_network import RecurrentNetwork

__all__ = ["NextItemLSTM", "seen_before"]


class NextItemLSTM(RecurrentNetwork):
    """The recurrent network with LSTM layers."""

    layers = nn.LSTM
