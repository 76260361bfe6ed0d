"""SASRec: causal self-attention that predicts the next item."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field, ValidationInfo, field_validator

from bench.algorithm import Context
from bench.interactions import Interactions
from bench.search import Choice
from bench_algorithms.next_item import NextItem, NextItemConfig

if TYPE_CHECKING:
    from bench_algorithms.sasrec_network import SASRecNetwork


class SASRecConfig(NextItemConfig):
    """Item and position embeddings, blocks of causal self-attention, a softmax over the catalogue."""

    embedding_units: Annotated[int, Field(ge=1), Choice(32, 64, 128, 256)] = 64
    """Length of an item's embedding, which is what every block reads and writes and what the last one predicts."""
    blocks: Annotated[int, Field(ge=1, le=8), Choice(1, 2, 3)] = 2
    """Self-attention and the feed-forward layer after it, stacked."""
    heads: Annotated[int, Field(ge=1), Choice(1, 2)] = 1
    """Parts an embedding is divided into, each with an attention of its own; divides `embedding_units`."""

    @field_validator("heads")
    @classmethod
    def _heads_divide(cls, value: int, info: ValidationInfo) -> int:
        units = info.data.get("embedding_units", value)
        if units % value:
            raise ValueError(f"should divide embedding_units, which is {units}")
        return value


class SASRec(NextItem[SASRecConfig]):
    """SASRec, a causal transformer, with a full softmax over the catalogue at every position of the history.

    It reads a history, so it serves users it was not trained on. Differs from the paper: cross-entropy over the
    whole catalogue instead of one sampled negative a position (Klenitskiy, Vasilev, RecSys 2023, and Petrov,
    Macdonald, RecSys 2023, find that SASRec lacked the loss, not another architecture); every item has a bias;
    positions count from the start of the window, not from its end; a history longer than `max_length` is trained
    on as several windows, not cut to its end; and what stands earlier in the window is left out of the softmax, as
    the harness leaves the history out of its lists. Keys and values are of the normalised input too, as in the
    paper and not as in its authors' code, from which the dropout of attention weights and the embeddings' scale,
    √units, are taken.
    """

    paper = "Kang, McAuley: Self-attentive sequential recommendation. ICDM 2018"

    def module(self, train: Interactions, context: Context) -> SASRecNetwork:
        from bench_algorithms.sasrec_network import SASRecNetwork

        return SASRecNetwork(train.n_items, self.config)
