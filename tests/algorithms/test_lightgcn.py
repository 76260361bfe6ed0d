"""LightGCN: its convolution and gradient by dense matrices, its objective by hand, and users it was not trained on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy import sparse
from torch import Tensor

from bench.algorithm import Context
from bench.errors import UsageError
from bench.interactions import Float32Array
from bench.seeds import generator
from bench.testing import tiny_fold
from bench.testing.case import batch_of, histories_of, interactions_of, scores_of
from bench.testing.data import COLD_ITEM, N_ITEMS, UNSEEN_USERS
from bench_algorithms.lightgcn import LightGCN, LightGCNConfig
from bench_algorithms.lightgcn_network import Average, LightGCNNetwork

FOLD = tiny_fold()
SMALL: dict[str, Any] = {"factors": 4, "batch_size": 64, "learning_rate": 0.02, "patience": 0}


def adjacency(profiles: np.ndarray) -> Tensor:
    """D^−½ A D^−½ of equation 8 of the paper, dense, float64 [nodes, nodes]; 0 where a node has no edge."""
    users, items = profiles.shape
    edges = np.zeros((users + items, users + items))
    edges[:users, users:] = profiles
    edges += edges.T
    degrees = edges.sum(1)
    scales = np.zeros_like(degrees)
    scales[degrees > 0] = degrees[degrees > 0] ** -0.5
    return torch.from_numpy(scales[:, None] * edges * scales)


def averaged(values: Tensor, profiles: np.ndarray, layers: int) -> Tensor:
    """Equation 4: the mean over layers, by powers of the dense matrix."""
    steps = [torch.linalg.matrix_power(adjacency(profiles), k) @ values for k in range(layers + 1)]
    return torch.stack(steps).mean(0)


def network(profiles: np.ndarray, **fields: Any) -> LightGCNNetwork:
    torch.manual_seed(0)
    return LightGCNNetwork(sparse.csr_matrix(profiles, dtype=np.float32), LightGCNConfig(**{**SMALL, **fields}))


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_the_convolution_and_its_gradient_are_those_of_the_dense_matrix(matrix: np.ndarray, layers: int) -> None:
    graph = network(matrix).graph
    values = torch.randn(sum(matrix.shape), 4, requires_grad=True)
    slope = torch.randn(sum(matrix.shape), 4)
    found = Average.apply(values, graph, layers)
    (gradient,) = torch.autograd.grad(found, values, slope)
    expected = averaged(values.double(), matrix, layers)
    torch.testing.assert_close(found, expected.float())
    torch.testing.assert_close(gradient, torch.autograd.grad(expected, values, slope.double())[0])


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_users_of_training_are_scored_as_in_the_paper(matrix: np.ndarray, layers: int) -> None:
    module = network(matrix, layers=layers)
    final = averaged(module.embed.weight.detach().double(), matrix, layers)
    expected = final[: len(matrix)] @ final[len(matrix) :].T
    model = LightGCN(**SMALL, layers=layers)
    model.network = module
    np.testing.assert_allclose(scores_of(model, histories_of(matrix)), expected, rtol=1e-4, atol=1e-6)


def test_others_are_nodes_without_an_embedding_of_their_own(matrix: np.ndarray) -> None:
    """User 7 has nothing in training; what they have now is joined to the graph, and changes no degree of an item."""
    history = np.zeros_like(matrix)
    history[7, [0, 3, 4]] = True
    assert not matrix[7].any()
    module = network(matrix)
    assert not module.embed.weight[7].any()
    values, items = module.embed.weight.detach().double(), matrix.sum(0)
    final = torch.zeros(4, dtype=torch.float64)
    for k in range(3):
        layer = torch.linalg.matrix_power(adjacency(matrix), k) @ values
        final += sum(layer[len(matrix) + i] / (3 * items[i]) ** 0.5 for i in (0, 3, 4)) / 4
    expected = averaged(values, matrix, 3)[len(matrix) :] @ final
    model = LightGCN(**SMALL)
    model.network = module
    np.testing.assert_allclose(scores_of(model, histories_of(history))[7], expected, rtol=1e-4, atol=1e-7)


def test_the_loss_is_that_of_pairs_with_a_penalty_on_embeddings_before_any_layer(matrix: np.ndarray) -> None:
    module = network(matrix, regularisation=0.3).requires_grad_(False)
    own = module.embed.weight.double()
    final = averaged(own, matrix, 3)
    triples = [(0, 1, 2), (4, 5, 1), (0, 3, 2)]
    total = 0.0
    for u, i, j in triples:
        nodes = u, len(matrix) + i, len(matrix) + j
        difference = final[nodes[0]] @ (final[nodes[1]] - final[nodes[2]])
        total += float(-torch.log(torch.sigmoid(difference)) + 0.3 * sum(own[node] @ own[node] for node in nodes))
    users, items, negatives = torch.tensor(triples).T
    assert module.training_step((users, items, negatives), 0).item() == pytest.approx(total / 3, rel=1e-5)


def test_learns_tastes_and_tells_those_of_users_it_was_not_trained_on() -> None:
    model = LightGCN(**SMALL, epochs=100).fit(FOLD.train, None, Context(seed=1))
    seen = batch_of(list(range(28)), FOLD_LISTS, N_ITEMS)
    _assert_own_taste_ahead(scores_of(model, seen), np.arange(28) % 2, FOLD.train.csr().toarray()[:28] > 0)
    lists = [[0, 4, 8], [1, 5, 9]]
    unseen = batch_of(UNSEEN_USERS, lists, N_ITEMS)
    assert model.network is not None
    assert not model.network.get_parameter("embed.weight")[UNSEEN_USERS.tolist()].any()
    _assert_own_taste_ahead(scores_of(model, unseen), np.array([0, 1]), unseen.history.csr().toarray() > 0)


FOLD_LISTS = [np.flatnonzero(row).tolist() for row in FOLD.train.csr().toarray()[:28]]


def _assert_own_taste_ahead(scores: Float32Array, tastes: np.ndarray, seen: np.ndarray) -> None:
    """Users and items of even code share a taste, and so do those of odd code; nobody met the cold item."""
    alike = tastes[:, None] == np.arange(N_ITEMS) % 2
    unseen = ~seen & (np.arange(N_ITEMS) != COLD_ITEM)
    assert scores[alike & unseen].mean() > scores[~alike & unseen].mean() + 1


def test_an_epoch_pairs_every_interaction_with_a_negative() -> None:
    batches = list(LightGCN(batch_size=16).batches(FOLD.train, Context())(generator(0, "test")))
    users, items, negatives = (torch.cat(column).tolist() for column in zip(*batches, strict=True))
    pairs = set(zip(FOLD.train.user.tolist(), FOLD.train.item.tolist(), strict=True))
    assert (len(users), set(zip(users, items, strict=True))) == (len(FOLD.train), pairs)
    assert not set(zip(users, negatives, strict=True)) & pairs


def test_a_pair_seen_twice_is_one_edge(matrix: np.ndarray) -> None:
    once = interactions_of(matrix)
    twice = once.select(np.append(np.arange(len(once)), [0, 0, 5]))
    for data in (once, twice):
        module = LightGCN(**SMALL).module(data, Context())
        assert torch.equal(module.graph.indptr, network(matrix).graph.indptr)


def test_a_graph_without_steps_is_refused() -> None:
    with pytest.raises(UsageError, match=r"'layers' of LightGCN should be greater than or equal to 1\. Got 0\."):
        LightGCN(layers=0)
