"""The network of LightGCN: an embedding a node, and a convolution over the graph that has no weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import reduce
from typing import Any

import torch
from pytorch_lightning import LightningModule
from scipy import sparse
from torch import Tensor, nn
from torch.nn import functional

from bench.lightning import adam
from bench_algorithms.lightgcn import LightGCNConfig
from bench_algorithms.profiles import as_bags


class LightGCNNetwork(LightningModule):
    """Embeddings of users, then of items, averaged over layers. A batch is users, their items, negative items,
    int64[b] each.

    profiles: binary [n_users, n_items]. Users without items have 0 for an embedding, which no step will ever change.
    """

    def __init__(self, profiles: sparse.csr_matrix, config: LightGCNConfig) -> None:
        super().__init__()
        self.config, (self.n_users, n_items) = config, profiles.shape
        self.graph = Graph(profiles)
        self.embed = nn.Embedding(self.n_users + n_items, config.factors)
        nn.init.normal_(self.embed.weight, std=0.1)
        self.embed.weight.data[: self.n_users][self.graph.indptr.diff()[: self.n_users] == 0] = 0

    def forward(self, users: Tensor, items: Tensor, indptr: Tensor) -> Tensor:
        """Scores of the whole catalogue, float[b, n_items], for users int64[b] who have the items of bags:
        items int64[nnz], indptr int64[b + 1].
        """
        layers = list(self.graph.layers(self.embed.weight, self.config.layers))
        *below, _ = (layer[self.n_users :] * self.graph.scales[self.n_users :] for layer in layers)
        brought = _sums(_total(below), items, indptr) * _scales(indptr.diff())
        final = _total(layers)[self.n_users :]
        scores: Tensor = (self.embed(users) + brought) @ final.T / len(layers) ** 2
        return scores

    def training_step(self, batch: tuple[Tensor, Tensor, Tensor], index: int) -> Tensor:
        """−log σ(score of the item − score of the negative one) plus the penalty, mean over the pairs."""
        nodes = (batch[0], batch[1] + self.n_users, batch[2] + self.n_users)
        final = Average.apply(self.embed.weight, self.graph, self.config.layers)  # type: ignore[no-untyped-call]
        users, items, negatives = (functional.embedding(codes, final) for codes in nodes)
        difference = (users * (items - negatives)).sum(1)
        penalty = sum(self.embed(codes).square().sum() for codes in nodes) / len(difference)
        loss: Tensor = self.config.regularisation * penalty - functional.logsigmoid(difference).mean()
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return adam(self.parameters(), self.config.learning_rate, self.config.weight_decay)


class Graph(nn.Module):
    """Users, then items, as nodes; an edge weighs 1 / √(degree · degree) of its ends. profiles: as in the network."""

    neighbours: Tensor
    indptr: Tensor
    scales: Tensor

    def __init__(self, profiles: sparse.csr_matrix) -> None:
        super().__init__()
        items, of_users = as_bags(profiles)
        users, of_items = as_bags(profiles.T.tocsr())
        indptr = torch.cat([of_users, of_users[-1] + of_items[1:]])
        self.register_buffer("neighbours", torch.cat([items + profiles.shape[0], users]), persistent=False)
        self.register_buffer("indptr", indptr, persistent=False)
        self.register_buffer("scales", _scales(indptr.diff()), persistent=False)

    def layers(self, values: Tensor, n: int) -> Iterator[Tensor]:
        """Values float[nodes, d], then those after each of n steps, A values, A² values, …"""
        yield values
        for _ in range(n):
            values = _sums(values * self.scales, self.neighbours, self.indptr) * self.scales
            yield values


class Average(torch.autograd.Function):
    """The mean of a graph's layers: (values + A values + … + Aⁿ values) / (n + 1).

    A is symmetric and nothing else is multiplied with, so a gradient goes back as values go forth. Nothing is kept
    for that, and a sparse matrix is never transposed.
    """

    @staticmethod
    def forward(context: Any, values: Tensor, graph: Graph, n: int) -> Tensor:
        context.graph, context.n = graph, n
        return _total(graph.layers(values, n)) / (n + 1)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return Average.forward(context, gradient.contiguous(), context.graph, context.n), None, None


def _total(layers: Iterable[Tensor]) -> Tensor:
    return reduce(torch.add, layers)


def _sums(values: Tensor, rows: Tensor, indptr: Tensor) -> Tensor:
    """The sum of the values of each bag's rows, float[b, d]."""
    return functional.embedding_bag(rows, values, indptr, mode="sum", include_last_offset=True)


def _scales(degrees: Tensor) -> Tensor:
    """degree^−½, float[n, 1]."""
    return degrees.clamp(min=1).float().rsqrt()[:, None]
