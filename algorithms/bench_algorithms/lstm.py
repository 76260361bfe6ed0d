"""A recurrent network that predicts the next item."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.algorithm import Context
from bench.interactions import Interactions
from bench_algorithms.next_item import NextItem
from bench_algorithms.recurrent import RecurrentConfig

if TYPE_CHECKING:
    from bench_algorithms.lstm_network import NextItemLSTM


class LSTMConfig(RecurrentConfig):
    """Item embeddings, an LSTM over the history, a softmax over the catalogue."""


class LSTM(NextItem[LSTMConfig]):
    """Next-item LSTM with a full softmax over the catalogue at every position of the history.

    It reads a history, so it serves users it was not trained on. Differs from the paper: an LSTM instead of a
    GRU; cross-entropy over the whole catalogue instead of a ranking loss over sampled items; the loss is taken
    at every position of a window, not step by step over parallel sessions; and what stands earlier in the
    window is left out of the softmax, as the harness leaves the history out of its lists.
    """

    paper = "Hidasi, Karatzoglou, Baltrunas, Tikk: Session-based recommendations with recurrent neural networks. \
ICLR 2016"

    def module(self, train: Interactions, context: Context) -> NextItemLSTM:
        from bench_algorithms.lstm_network import NextItemLSTM

        return NextItemLSTM(train.n_items, self.config)
