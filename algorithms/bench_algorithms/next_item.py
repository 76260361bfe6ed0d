"""What predicts the next item of a history: common hyperparameters, batches, and how a history is scored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import numpy as np
from pydantic import Field

from bench.algorithm import Context, Need, UserBatch
from bench.interactions import Int64Array, Interactions, ItemLists
from bench.lightning import DrawEpoch, LightningAlgorithm, LightningConfig
from bench.search import FloatRange, IntRange

if TYPE_CHECKING:
    import torch


class NextItemConfig(LightningConfig):
    """What every network that reads a history has."""

    batch_size: Annotated[int, Field(ge=1), IntRange(8, 128, log=True)] = 16
    """Windows a step."""
    max_length: Annotated[int, Field(ge=1), IntRange(10, 200, log=True)] = 50
    """Events the network looks back on: the length of a training window, and of a history when scoring."""
    embedding_units: Annotated[int, Field(ge=1), IntRange(32, 256, log=True)] = 64
    """Length of an item's embedding, which is what the network reads."""
    dropout: Annotated[float, Field(ge=0, lt=1), FloatRange(0.0, 0.7)] = 0.2
    """Share of the embeddings and of the states dropped in training."""


N = TypeVar("N", bound=NextItemConfig)


class NextItem(LightningAlgorithm[N]):
    """Base of the networks that read a history: a subclass gives its module, a `NextItemNetwork`.

    They serve users they were not trained on. The loss is taken at every position of a window.
    """

    needs = frozenset({Need.TIMESTAMPS})

    def batches(self, train: Interactions, context: Context) -> DrawEpoch:
        histories = train.histories(np.unique(train.user).astype(np.int32))
        sequences = ItemLists(histories.indptr, histories.items, histories.n_items)
        size, length = self.config.batch_size, self.config.max_length

        def draw(rng: np.random.Generator) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
            starts, lengths = windows(sequences, length, rng)
            # Windows of similar length go together, so that little is padded; which of them, and when, is drawn.
            order = np.lexsort((rng.random(len(lengths)), lengths))
            groups = [order[start : start + size] for start in range(0, len(order), size)]
            for group in rng.permutation(len(groups)):
                rows = groups[group]
                yield training_batch(sequences, starts[rows], lengths[rows])

        return draw

    def forward(self, network: Any, batch: UserBatch) -> torch.Tensor:
        """The softmax' logits after the last `max_length` events; an empty history is a sequence's very start."""
        inputs, last = scoring_batch(batch.history, self.config.max_length)
        logits: torch.Tensor = network(inputs.to(network.device), last.to(network.device))
        return logits


def windows(sequences: ItemLists, length: int, rng: np.random.Generator) -> tuple[Int64Array, Int64Array]:
    """Every sequence cut into windows of at most `length` targets, so that each event is a target exactly once.

    Returns starts int64[w], positions in `sequences.items`, and lengths int64[w]. Where a sequence is longer
    than a window, the first cut is drawn, so that over the epochs every event is seen with much context.
    """
    first = np.where(sequences.lengths > length, rng.integers(1, length + 1, len(sequences)), length)
    n_windows = 1 + np.maximum(-(-(sequences.lengths - first) // length), 0)
    row = np.repeat(np.arange(len(sequences)), n_windows)
    nth = np.arange(len(row)) - np.repeat(np.cumsum(n_windows) - n_windows, n_windows)
    begin = np.where(nth == 0, 0, first[row] + (nth - 1) * length)
    end = np.minimum(first[row] + nth * length, sequences.lengths[row])
    return sequences.indptr[row] + begin, end - begin


def training_batch(sequences: ItemLists, starts: Int64Array, lengths: Int64Array) -> tuple[torch.Tensor, torch.Tensor]:
    """(inputs, targets), int64[w, t] each: a target's input is the item before it; `n_items` stands for the
    start of a sequence and pads inputs at the end; targets are padded with −1.
    """
    import torch

    offsets = np.arange(lengths.max())
    real = offsets < lengths[:, None]
    position = np.minimum(starts[:, None] + offsets, len(sequences.items) - 1)
    items = sequences.items.astype(np.int64)
    at_start = np.isin(position, sequences.indptr[:-1])
    before = np.where(at_start, sequences.n_items, items[position - 1])
    inputs = np.where(real, before, sequences.n_items)
    return torch.from_numpy(inputs), torch.from_numpy(np.where(real, items[position], -1))


def scoring_batch(histories: ItemLists, length: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(inputs int64[b, t], last int64[b]): the last `length` items of each history, padded at the end with
    `n_items`, and the position of the latest one. A history shorter than that begins with the start symbol.
    """
    import torch

    sizes = histories.lengths
    kept = np.minimum(sizes, length)
    with_start = (sizes < length).astype(np.int64)
    offsets = np.arange(max(int((kept + with_start).max(initial=1)), 1))
    position = histories.indptr[1:, None] - kept[:, None] + offsets - with_start[:, None]
    real = (offsets >= with_start[:, None]) & (offsets < (kept + with_start)[:, None])
    padded = np.append(histories.items.astype(np.int64), histories.n_items)
    inputs = padded[np.where(real, position, -1)]
    return torch.from_numpy(inputs), torch.from_numpy(kept + with_start - 1)
