"""The two towers: the corrected in-batch softmax by hand, the batches, and what new users and items get."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from bench.algorithm import Context
from bench.errors import UsageError
from bench.interactions import Interactions, ItemLists
from bench.metrics.accuracy import NDCG
from bench.running.assess import Validator
from bench.seeds import generator, tie_order
from bench.testing import tiny_fold
from bench.testing.case import batch_of, scores_of
from bench.testing.data import COLD_ITEM, UNSEEN_USERS
from bench_algorithms.profiles import as_bags
from bench_algorithms.two_tower import TwoTower, TwoTowerConfig, parted
from bench_algorithms.two_tower_network import Towers, in_batch_loss

FOLD = tiny_fold()
N_ITEMS = FOLD.train.n_items
SMALL: dict[str, Any] = {
    "embedding_units": 8,
    "hidden_units": 8,
    "epochs": 60,
    "patience": 0,
    "batch_size": 8,
    "learning_rate": 0.01,
}
CONTEXT = Context(seed=1, item_features=FOLD.item_features, user_features=FOLD.user_features)


def fitted(context: Context = CONTEXT, **fields: Any) -> TwoTower:
    return TwoTower(**{**SMALL, **fields}).fit(FOLD.train, None, replace(context))


def small_network() -> Towers:
    """Of three users and six items, with attributes of both."""
    ids = [np.array([str(code) for code in range(n)], object) for n in (3, 6)]
    train = Interactions(np.array([0, 0, 0, 1, 1, 2, 2], np.int32), np.array([0, 1, 2, 0, 3, 0, 4], np.int32), *ids)
    rng = np.random.default_rng(0)
    terms = [ItemLists.from_lists(rng.integers(0, 4, (n, 2)).tolist(), 4).csr() for n in (3, 6)]
    torch.manual_seed(0)
    return Towers(train, *terms, TwoTowerConfig(embedding_units=5, hidden_units=7, temperature=0.3))


def test_the_loss_is_the_corrected_softmax_over_the_batch_without_what_the_user_has() -> None:
    """User 0 has item 0 and finds 1 and 2, user 1 has none and finds 0 and 3, user 2 has 4 and finds 0."""
    network = small_network().requires_grad_(False)
    history, targets = [[0], [], [4]], [[1, 2], [0, 3], [0]]
    users = torch.tensor([0, 1, 2])
    bags = [as_bags(ItemLists.from_lists(lists, 6).csr()) for lists in (history, targets)]
    cosines = network(users, *bags[0]) * 0.3
    share = np.array([3, 1, 1, 1, 1]) / 7
    losses = []
    for u in range(3):
        for i in targets[u]:
            weight = {j: np.exp(float(cosines[u, j]) / 0.3) / share[j] for j in range(5)}
            others = [j for own in targets for j in own if j not in history[u] + targets[u]]
            losses.append(-np.log(weight[i] / (weight[i] + sum(weight[j] for j in others))))
    assert losses[-1] > 0
    loss = network.training_step((users, *bags[0], *bags[1]), 0)
    assert loss.item() == pytest.approx(np.mean(losses), rel=1e-4)


def test_scores_are_cosines_over_the_temperature() -> None:
    network = small_network().requires_grad_(False)
    read = network.items(torch.arange(6))
    user = network.user_tower((read[1] + read[3])[None] / 2**0.5 + network.user_terms(torch.tensor([1])))[0]
    expected = torch.stack([user @ vector for vector in network.item_tower(read)]) / 0.3
    scores = network(torch.tensor([1]), torch.tensor([1, 3]), torch.tensor([0, 2]))[0]
    torch.testing.assert_close(scores, expected)
    torch.testing.assert_close(user.norm(), torch.tensor(1.0))


def test_a_user_who_has_all_that_is_sought_learns_nothing() -> None:
    logits = torch.randn(1, 2, requires_grad=True)
    loss = in_batch_loss(logits, torch.tensor([0, 1]), torch.tensor([0, 2]), torch.ones(1, 2, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert logits.grad.tolist() == [[0.0, 0.0]]


def test_the_correction_makes_up_for_how_often_an_item_is_drawn() -> None:
    """Of one user with equal logits before, the gradient on each negative is the same in expectation."""
    share, rng = torch.tensor([0.1, 0.6, 0.3]), np.random.default_rng(0)
    logits = torch.zeros(1, 3, requires_grad=True)
    own = torch.tensor([[True, False, False]])
    drawn = torch.from_numpy(rng.choice(3, 20_000, p=[0.1, 0.6, 0.3]))
    targets = torch.cat([torch.tensor([0]), drawn[drawn > 0]])
    # Only the first target is this user's; the others are those of users further down, whose loss is left out.
    counts = torch.tensor([1, len(targets) - 1])
    both = torch.cat([logits - share.log(), torch.zeros(1, 3)])
    masked = torch.cat([own, torch.ones(1, 3, dtype=torch.bool)])
    in_batch_loss(both, targets, torch.cat([torch.tensor([0]), counts.cumsum(0)]), masked).backward()
    assert logits.grad is not None
    assert logits.grad[0, 1].item() == pytest.approx(logits.grad[0, 2].item(), rel=0.05)


def test_a_batch_parts_what_each_user_has() -> None:
    draw = TwoTower(batch_size=8, target_share=0.3).batches(FOLD.train, CONTEXT)
    first, second = (list(draw(generator(seed, "test"))) for seed in (0, 1))
    profiles = FOLD.train.csr().toarray()
    found = np.zeros_like(profiles)
    n_targets = 0
    for users, *bags in first:
        for items, indptr in (bags[:2], bags[2:]):
            np.add.at(found, (np.repeat(users.numpy(), np.diff(indptr)), items.numpy()), 1)
        n_targets += len(bags[2])
    np.testing.assert_array_equal(found, profiles)
    assert n_targets / len(FOLD.train) == pytest.approx(0.3, abs=0.1)
    assert [batch[3].tolist() for batch in first] != [batch[3].tolist() for batch in second]


def test_parting_leaves_the_profiles_as_they_are() -> None:
    profiles = FOLD.train.csr()
    before = profiles.toarray()
    rest, drawn = parted(profiles, 0.5, generator(0, "test"))
    np.testing.assert_array_equal(profiles.toarray(), before)
    np.testing.assert_array_equal((rest + drawn).toarray(), before)
    assert not rest.multiply(drawn).nnz


def test_users_unseen_in_training_are_served_by_their_history() -> None:
    even, odd = scores_of(fitted(), batch_of(UNSEEN_USERS, [[0, 2, 4, 6], [1, 3, 5, 7]], N_ITEMS))
    left = np.arange(8, 19)
    assert (even - odd)[left[left % 2 == 0]].mean() > 1
    assert (odd - even)[left[left % 2 == 1]].mean() > 1


def test_items_nobody_had_are_scored_by_their_attributes() -> None:
    """The cold item is odd, and so are its genres; without attributes it is nobody's."""
    batch = batch_of([28, 29], [[0, 2, 4, 6], [1, 3, 5, 7]], N_ITEMS)
    even, odd = scores_of(fitted(), batch)[:, COLD_ITEM]
    assert odd > even + 0.5
    network: Any = fitted(Context(seed=1)).network
    assert not network.items(torch.tensor([COLD_ITEM])).any()


def test_user_features_are_used_where_there_are_any() -> None:
    batch = batch_of([0, 1], [[2], [2]], N_ITEMS)
    first, second = scores_of(fitted(epochs=2), batch)
    assert not np.array_equal(first, second)
    first, second = scores_of(fitted(replace(CONTEXT, user_features=None), epochs=2), batch)
    np.testing.assert_allclose(first, second, rtol=1e-5)


def test_the_restored_weights_score_the_best_of_the_curve_in_the_harness() -> None:
    evaluate = Validator("two-tower", NDCG(10), tie_order(1, FOLD.train.item_ids), FOLD.train.user_ids)
    context = replace(CONTEXT, evaluate=evaluate, curves={})
    model = TwoTower(**{**SMALL, "patience": 4}).fit(FOLD.train, FOLD.validation, context)
    curve = [score for _, score in context.curves["validation"]]
    assert evaluate(model, FOLD.validation) == max(curve)
    assert model.fitted_config.epochs == 1 + int(np.argmax(curve))


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"temperature": 0}, "'temperature' of TwoTower should be greater than 0. Got 0."),
        ({"target_share": 1.0}, "'target_share' of TwoTower should be less than 1. Got 1.0."),
        ({"temprature": 1}, "TwoTower has no field 'temprature'. Did you mean 'temperature'?"),
    ],
)
def test_wrong_configuration_is_refused_in_one_line(wrong: dict[str, Any], line: str) -> None:
    with pytest.raises(UsageError) as caught:
        TwoTower(**wrong)
    assert line in str(caught.value)
