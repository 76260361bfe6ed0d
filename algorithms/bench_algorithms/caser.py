"""Caser: convolutions over the last few items that predict the next one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from bench.algorithm import Context
from bench.interactions import Interactions
from bench.search import IntRange
from bench_algorithms.next_item import NextItem, NextItemConfig

if TYPE_CHECKING:
    from bench_algorithms.caser_network import CaserNetwork


class CaserConfig(NextItemConfig):
    """Item embeddings, convolutions over the last few, a fully connected layer, a softmax over the catalogue."""

    max_length: Annotated[int, Field(ge=1)] = 50
    """Length of a training window, each of whose positions is a target and looks back on `order` events of it."""
    order: Annotated[int, Field(ge=1), IntRange(3, 20)] = 5
    """Events that the next one is predicted from, the paper's L."""
    horizontal_filters: Annotated[int, Field(ge=1), IntRange(4, 64, log=True)] = 16
    """Filters over whole embeddings, of each height from 1 to `order` events; the greatest value of each counts."""
    vertical_filters: Annotated[int, Field(ge=1), IntRange(1, 16, log=True)] = 4
    """Filters over all `order` events of one dimension of the embeddings: weighted sums of the embeddings."""


class Caser(NextItem[CaserConfig]):
    """Caser, horizontal and vertical convolutions over the last items, with a full softmax over the catalogue.

    It reads a history, so it serves users it was not trained on. Differs from the paper: there is no embedding of
    the user, which only users of training could have; cross-entropy over the whole catalogue instead of three
    sampled negatives; only the very next item is a target, not those after it, which skip some; every position of
    a history is one, its earliest too; and what stands earlier in the window is left out of the softmax, as the
    harness leaves the history out of its lists. Embeddings have dropout too, and what is before a history is 0.
    """

    paper = "Tang, Wang: Personalized top-N sequential recommendation via convolutional sequence embedding. WSDM 2018"

    def module(self, train: Interactions, context: Context) -> CaserNetwork:
        from bench_algorithms.caser_network import CaserNetwork

        return CaserNetwork(train.n_items, self.config)
