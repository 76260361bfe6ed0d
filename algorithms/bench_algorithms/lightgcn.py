"""LightGCN: factors of users and items, smoothed over the graph of who has what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field

from bench.algorithm import Context, UserBatch
from bench.interactions import Interactions
from bench.lightning import DrawEpoch, LightningAlgorithm
from bench.search import IntRange, LogRange
from bench_algorithms.factorisation import BPR, FactorsConfig
from bench_algorithms.profiles import as_bags

if TYPE_CHECKING:
    import torch

    from bench_algorithms.lightgcn_network import LightGCNNetwork


class LightGCNConfig(FactorsConfig):
    """Embeddings of users and items, averaged over the layers of a graph convolution that has no weights."""

    epochs: Annotated[int, Field(ge=1)] = 500
    """Passes over the training data, at most; early stopping may end them sooner."""
    patience: Annotated[int, Field(ge=0)] = 20
    """Stop after this many validations in a row without a better score, and go back to the best weights.
    0 trains all epochs and never looks at validation."""
    batch_size: Annotated[int, Field(ge=1), IntRange(512, 16_384, log=True)] = 2048
    """Interactions a step, each with one negative item. A step walks the whole graph, whatever their number."""
    layers: Annotated[int, Field(ge=1, le=8), IntRange(1, 4)] = 3
    """Steps over the graph: 2 reach the items of users who share an item."""
    learning_rate: Annotated[float, Field(gt=0), LogRange(1e-3, 3e-2)] = 5e-3
    """Step size of Adam. Too small a one lingers at the popularity of items, and is stopped there."""
    regularisation: Annotated[float, Field(ge=0), LogRange(1e-5, 1e-2)] = 1e-3
    """Weight, beside the loss of each pair, of the squares of its three embeddings, as they are before any layer."""


class LightGCN(LightningAlgorithm[LightGCNConfig]):
    """LightGCN: embeddings averaged over steps on the graph of users and items, trained on pairs as BPR is.

    A user is scored by their history: their node has its items for neighbours, which gives users of training whose
    history is that of training the paper's embedding, and lets it serve users it was not trained on, who have no
    embedding of their own, only what the graph brings to them. Differs from the paper in that; an epoch pairs every
    interaction with one negative item, as that of BPR does; and the penalty is a mean over pairs without the factor
    of ½ that the authors' code has. The gradient is exact: the convolution is symmetric, so it is its own transpose.
    """

    paper = "He, Deng, Wang, Li, Zhang, Wang: LightGCN: Simplifying and powering graph convolution network for \
recommendation. SIGIR 2020"

    def module(self, train: Interactions, context: Context) -> LightGCNNetwork:
        from bench_algorithms.lightgcn_network import LightGCNNetwork

        return LightGCNNetwork(train.csr(), self.config)

    def batches(self, train: Interactions, context: Context) -> DrawEpoch:
        return BPR(batch_size=self.config.batch_size).batches(train, context)

    def forward(self, network: Any, batch: UserBatch) -> torch.Tensor:
        """The product of the user's and each item's embedding."""
        import torch

        items, indptr = as_bags(batch.history.csr())
        codes = (torch.from_numpy(batch.users.astype(np.int64)), items, indptr)
        scores: torch.Tensor = network(*(part.to(network.device) for part in codes))
        return scores
