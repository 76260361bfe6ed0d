"""What the recurrent networks have in common: their hyperparameters."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bench.search import IntRange
from bench_algorithms.next_item import NextItemConfig


class RecurrentConfig(NextItemConfig):
    """Item embeddings, a recurrent network over the history, a softmax over the catalogue."""

    hidden_units: Annotated[int, Field(ge=1), IntRange(32, 512, log=True)] = 64
    """Length of the network's state."""
    layers: Annotated[int, Field(ge=1, le=4)] = 1
    """Recurrent layers stacked on one another."""
    tied: bool = True
    """Whether the softmax has the embeddings for weights, to which states are then projected, or weights of its own."""
