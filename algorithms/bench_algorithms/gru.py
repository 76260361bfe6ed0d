"""GRU4Rec: a recurrent network that predicts the next item."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.algorithm import Context
from bench.interactions import Interactions
from bench_algorithms.next_item import NextItem
from bench_algorithms.recurrent import RecurrentConfig

if TYPE_CHECKING:
    from bench_algorithms.gru_network import NextItemGRU


class GRUConfig(RecurrentConfig):
    """Item embeddings, a GRU over the history, a softmax over the catalogue."""


class GRU(NextItem[GRUConfig]):
    """GRU4Rec with a full softmax over the catalogue at every position of the history.

    It reads a history, so it serves users it was not trained on. Differs from the papers: cross-entropy is over
    the whole catalogue, not over items sampled by popularity, which is an approximation of it, and neither BPR-max
    nor TOP1-max is offered; windows of histories are trained on in random order, with the gradient
    through all of a window, not step by step over parallel sessions whose state is carried on; Adam instead of
    Adagrad; tied embeddings have a projection before them, so that the state may have another length; and what
    stands earlier in the window is left out of the softmax, as the harness leaves the history out of its lists.
    """

    paper = "Hidasi, Karatzoglou: Recurrent neural networks with top-k gains for session-based recommendations. \
CIKM 2018"

    def module(self, train: Interactions, context: Context) -> NextItemGRU:
        from bench_algorithms.gru_network import NextItemGRU

        return NextItemGRU(train.n_items, self.config)
