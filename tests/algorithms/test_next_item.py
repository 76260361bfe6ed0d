"""What every network that reads a history must do, whatever it makes of it: order, causality, padding, company."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from bench.algorithm import Context
from bench.interactions import Interactions, ItemLists
from bench.testing import tiny_fold
from bench.testing.case import batch_of, evaluation_batch, scores_of
from bench_algorithms.baselines import Popularity
from bench_algorithms.caser import Caser
from bench_algorithms.gru import GRU
from bench_algorithms.lstm import LSTM
from bench_algorithms.next_item import NextItem, training_batch
from bench_algorithms.next_item_network import NextItemNetwork
from bench_algorithms.sasrec import SASRec

FOLD = tiny_fold()
N_ITEMS = FOLD.train.n_items
SMALL: dict[str, Any] = {"embedding_units": 16, "batch_size": 8, "learning_rate": 0.01}
SEQUENCES = ItemLists.from_lists([[0, 1, 2], [3], [4, 5, 6, 7, 8, 9, 4]], N_ITEMS)
every_algorithm = pytest.mark.parametrize("algorithm", [LSTM, GRU, SASRec, Caser])


def network(algorithm: type[NextItem[Any]], **fields: Any) -> NextItemNetwork:
    torch.manual_seed(0)
    module = algorithm(**{**SMALL, "dropout": 0.0, **fields}).module(FOLD.train, Context())
    assert isinstance(module, NextItemNetwork)
    return module.eval()


def ring(n_users: int, n_items: int, length: int) -> Interactions:
    """Everybody goes round a ring of items from somewhere: what follows the last one is certain, and all items are
    equally popular.
    """
    user = np.repeat(np.arange(n_users), length)
    item = (user * 5 + np.tile(np.arange(length), n_users)) % n_items
    ids = [np.array([f"{code:02d}" for code in range(n)], object) for n in (n_users, n_items)]
    events = Interactions(user.astype(np.int32), item.astype(np.int32), *ids, timestamp=np.arange(len(user)))
    return events.select(np.random.default_rng(0).permutation(len(events)))


@every_algorithm
def test_learns_the_order_of_events(algorithm: type[NextItem[Any]]) -> None:
    train = ring(n_users=48, n_items=12, length=6)
    assert np.ptp(scores_of(Popularity().fit(train, None, Context()), batch_of([0], [[3, 4]], 12))) == 0
    fitted = algorithm(**SMALL, epochs=40, patience=0, dropout=0.0).fit(train, None, Context())
    batch = batch_of([0, 1, 2], [[3, 4, 5], [8, 9], [11, 0, 1]], 12)
    unseen = np.where(batch.history.csr().toarray() > 0, -np.inf, scores_of(fitted, batch))
    assert unseen.argmax(1).tolist() == [6, 10, 2]


@every_algorithm
def test_what_comes_later_changes_nothing_earlier(algorithm: type[NextItem[Any]]) -> None:
    module = network(algorithm)
    inputs = torch.tensor([[N_ITEMS, 0, 1, 2, 3]])
    before = module.states(inputs)
    for position in range(5):
        other = inputs.clone()
        other[0, position] = 9
        after = module.states(other)
        torch.testing.assert_close(after[:, :position], before[:, :position], rtol=0, atol=1e-6)
        # From there on the change is seen, at the last position too.
        assert ((after - before)[0, position:].abs().amax(1) > 1e-5).all()


@every_algorithm
def test_padding_changes_neither_the_loss_nor_its_gradient(algorithm: type[NextItem[Any]]) -> None:
    inputs, targets = training_batch(SEQUENCES, np.array([0, 4]), np.array([2, 2]))
    more = torch.full((2, 4), N_ITEMS)
    results = []
    for batch in (inputs, targets), (torch.cat([inputs, more], 1), torch.cat([targets, torch.full((2, 4), -1)], 1)):
        module = network(algorithm)
        loss = module.training_step(batch, 0)
        loss.backward()
        results.append((loss.detach(), module.embed.weight.grad))
    torch.testing.assert_close(results[1], results[0])


@every_algorithm
def test_company_does_not_matter(algorithm: type[NextItem[Any]]) -> None:
    """A user alone, beside an empty history, and beside a longer one."""
    fitted = algorithm(**SMALL, epochs=1, patience=0).fit(FOLD.train, None, Context())
    alone = scores_of(fitted, batch_of([0], [[3, 1]], N_ITEMS))[0]
    for other in ([], list(range(15))):
        beside = scores_of(fitted, batch_of([0, 1], [[3, 1], other], N_ITEMS))[0]
        np.testing.assert_allclose(beside, alone, atol=1e-6)


@every_algorithm
def test_only_the_last_events_count_in_their_order(algorithm: type[NextItem[Any]]) -> None:
    fitted = algorithm(**SMALL, epochs=1, patience=0, max_length=2).fit(FOLD.train, None, Context())
    scores = scores_of(fitted, batch_of([0, 1, 2], [[5, 3, 1], [9, 3, 1], [1, 3]], N_ITEMS))
    np.testing.assert_array_equal(scores[0], scores[1])
    assert not np.array_equal(scores[0], scores[2])


@every_algorithm
def test_the_same_seed_gives_the_same_scores_and_another_others(algorithm: type[NextItem[Any]]) -> None:
    def scores(seed: int) -> np.ndarray:
        fitted = algorithm(**SMALL, epochs=2, patience=0).fit(FOLD.train, None, Context(seed=seed))
        return scores_of(fitted, evaluation_batch(FOLD))

    np.testing.assert_array_equal(scores(1), scores(1))
    assert not np.array_equal(scores(1), scores(2))
