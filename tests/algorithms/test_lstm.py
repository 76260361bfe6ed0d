"""The next-item LSTM: windows, padding, what the softmax leaves out, what it learns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from bench.algorithm import Context, Need
from bench.interactions import Interactions, ItemLists
from bench.testing import tiny_fold
from bench.testing.case import batch_of, evaluation_batch, scores_of
from bench_algorithms.lstm import LSTM, LSTMConfig
from bench_algorithms.lstm_network import NextItemLSTM
from bench_algorithms.next_item import scoring_batch, training_batch, windows
from bench_algorithms.next_item_network import seen_before

FOLD = tiny_fold()
N_ITEMS = FOLD.train.n_items
SMALL: dict[str, Any] = {"embedding_units": 8, "hidden_units": 8, "batch_size": 8, "learning_rate": 0.02}
SEQUENCES = ItemLists.from_lists([[0, 1, 2], [3], [4, 5, 6, 7, 8, 9, 4]], 10)
START = 10


@pytest.mark.parametrize("length", [1, 2, 3, 5, 50])
@pytest.mark.parametrize("seed", range(5))
def test_every_event_is_the_target_of_one_window(length: int, seed: int) -> None:
    starts, lengths = windows(SEQUENCES, length, np.random.default_rng(seed))
    assert lengths.min() >= 1
    assert lengths.max() <= length
    covered = np.concatenate([np.arange(a, a + n) for a, n in zip(starts, lengths, strict=True)])
    assert covered.tolist() == list(range(len(SEQUENCES.items)))
    rows = np.searchsorted(SEQUENCES.indptr, starts, "right")
    assert np.array_equal(rows, np.searchsorted(SEQUENCES.indptr, starts + lengths - 1, "right"))


def test_cuts_of_long_histories_move() -> None:
    cuts = {tuple(windows(SEQUENCES, 3, np.random.default_rng(seed))[0].tolist()) for seed in range(20)}
    assert len(cuts) == 3


def test_inputs_are_the_items_before_the_targets() -> None:
    inputs, targets = training_batch(SEQUENCES, np.array([0, 3, 6]), np.array([3, 1, 2]))
    assert inputs.tolist() == [[START, 0, 1], [START, START, START], [5, 6, START]]
    assert targets.tolist() == [[0, 1, 2], [3, -1, -1], [6, 7, -1]]


def test_histories_are_padded_at_the_end_and_cut_at_the_front() -> None:
    histories = ItemLists.from_lists([[], [0], [1, 2, 3], [1, 2, 3, 4]], 10)
    inputs, last = scoring_batch(histories, 3)
    assert inputs.tolist() == [[START] * 3, [START, 0, START], [1, 2, 3], [2, 3, 4]]
    assert last.tolist() == [0, 1, 2, 2]
    empty, last = scoring_batch(ItemLists.from_lists([[]], 10), 3)
    assert (empty.tolist(), last.tolist()) == ([[START]], [0])


def test_what_stands_earlier_in_the_window_is_left_out_of_the_softmax() -> None:
    """By hand: the second user meets item 2 twice, which must stay possible where it is the target."""
    inputs = torch.tensor([[START, 0, 1], [7, 2, START]])
    targets = torch.tensor([[0, 1, 5], [2, 2, -1]])
    positions, items = seen_before(inputs, targets, targets >= 0, START)
    assert sorted(zip(positions.tolist(), items.tolist(), strict=True)) == [(1, 0), (2, 0), (2, 1), (3, 7), (4, 7)]


def test_the_loss_is_the_cross_entropy_over_what_can_follow() -> None:
    torch.manual_seed(0)
    network = NextItemLSTM(10, LSTMConfig(dropout=0.0))
    inputs, targets = training_batch(SEQUENCES, np.array([0]), np.array([3]))
    logits = network.logits(network.states(inputs))[0]
    by_hand = [
        functional.cross_entropy(logits[position, allowed], torch.tensor(allowed.index(target)))
        for position, target in enumerate([0, 1, 2])
        for allowed in [[item for item in range(10) if item not in [0, 1][:position]]]
    ]
    torch.testing.assert_close(network.training_step((inputs, targets), 0), torch.stack(by_hand).mean())


def test_padding_and_company_do_not_matter() -> None:
    """A user alone, beside a longer history, and beside a shorter one; and the loss of a padded window."""
    lstm = LSTM(**SMALL, epochs=1, patience=0).fit(FOLD.train, None, Context())
    alone = scores_of(lstm, batch_of([0], [[3, 1]], N_ITEMS))[0]
    for other in ([], list(range(15))):
        beside = scores_of(lstm, batch_of([0, 1], [[3, 1], other], N_ITEMS))[0]
        np.testing.assert_allclose(beside, alone, atol=1e-6)
    network = NextItemLSTM(10, LSTMConfig(dropout=0.0))
    (inputs, targets), more = training_batch(SEQUENCES, np.array([0]), np.array([2])), torch.full((1, 4), START)
    padded = torch.cat([inputs, more], 1), torch.cat([targets, torch.full((1, 4), -1)], 1)
    torch.testing.assert_close(network.training_step(padded, 0), network.training_step((inputs, targets), 0))


def test_only_the_last_events_count() -> None:
    lstm = LSTM(**SMALL, epochs=1, patience=0, max_length=2).fit(FOLD.train, None, Context())
    scores = scores_of(lstm, batch_of([0, 1, 2], [[5, 3, 1], [9, 3, 1], [1, 3]], N_ITEMS))
    np.testing.assert_array_equal(scores[0], scores[1])
    assert not np.array_equal(scores[0], scores[2])


def test_learns_the_order_of_events() -> None:
    """Everybody goes round a ring of items from somewhere: what follows the last one is certain."""
    n_users, n_items, n = 40, 12, 6
    user = np.repeat(np.arange(n_users), n)
    item = (user * 5 + np.tile(np.arange(n), n_users)) % n_items
    ids = (np.array([f"u{u}" for u in range(n_users)], object), np.array([f"i{i}" for i in range(n_items)], object))
    ring = Interactions(user.astype(np.int32), item.astype(np.int32), *ids, timestamp=np.arange(len(user)))
    shuffled = ring.select(np.random.default_rng(0).permutation(len(ring)))
    lstm = LSTM(**SMALL, epochs=40, patience=0, dropout=0.0).fit(shuffled, None, Context())
    batch = batch_of([0, 1, 2], [[3, 4, 5], [8, 9], [11, 0, 1]], n_items)
    unseen = np.where(batch.history.csr().toarray() > 0, -np.inf, scores_of(lstm, batch))
    assert unseen.argmax(1).tolist() == [6, 10, 2]


def test_the_same_seed_gives_the_same_scores_and_another_others() -> None:
    def scores(seed: int) -> np.ndarray:
        lstm = LSTM(**SMALL, epochs=2, patience=0).fit(FOLD.train, None, Context(seed=seed))
        return scores_of(lstm, evaluation_batch(FOLD))

    np.testing.assert_array_equal(scores(1), scores(1))
    assert not np.array_equal(scores(1), scores(2))


@pytest.mark.parametrize("fields", [{"layers": 2}, {"max_length": 3}, {"layers": 2, "dropout": 0.0}])
def test_every_shape_trains(fields: dict[str, Any]) -> None:
    lstm = LSTM(**SMALL, **fields, epochs=1, patience=0).fit(FOLD.train, None, Context())
    assert np.isfinite(scores_of(lstm, evaluation_batch(FOLD))).all()


def test_needs_timestamps() -> None:
    assert LSTM().needs == {Need.TIMESTAMPS}
