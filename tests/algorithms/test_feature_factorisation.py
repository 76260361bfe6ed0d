"""The factorisation with features: its objective by hand, its batches, and what attributes tell of new items."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy import sparse

from bench.algorithm import Context
from bench.errors import UnmetNeedError, UsageError
from bench.interactions import Interactions
from bench.metrics.accuracy import NDCG
from bench.running.assess import Validator
from bench.seeds import generator, tie_order
from bench.testing import tiny_fold
from bench.testing.case import batch_of, scores_of
from bench.testing.data import COLD_ITEM
from bench_algorithms.feature_factorisation import FeatureFactorisation, FeatureFactorisationConfig
from bench_algorithms.feature_factorisation_network import FeatureFactors

FOLD = tiny_fold()
N_USERS, N_ITEMS = FOLD.train.n_users, FOLD.train.n_items
SMALL: dict[str, Any] = {"factors": 4, "epochs": 60, "patience": 0, "batch_size": 8}
CONTEXT = Context(seed=1, item_features=FOLD.item_features, user_features=FOLD.user_features)


def fitted(**fields: Any) -> FeatureFactorisation:
    return FeatureFactorisation(**{**SMALL, **fields}).fit(FOLD.train, None, replace(CONTEXT))


def test_the_loss_is_that_of_a_softmax_over_the_items_of_training() -> None:
    """Three users, four items of which the third has no training row, one user term, two item terms."""
    ids = [np.array([str(code) for code in range(n)], object) for n in (3, 4)]
    train = Interactions(np.array([0, 0, 1, 2], np.int32), np.array([0, 3, 1, 3], np.int32), *ids)
    user_terms = np.array([[0.5], [0], [1]], np.float32)
    item_terms = np.array([[1, 0], [0, 1], [1, 0], [0.6, 0.8]], np.float32)
    config = FeatureFactorisationConfig(factors=3, regularisation=0.3)
    torch.manual_seed(0)
    network = FeatureFactors(train, sparse.csr_matrix(user_terms), sparse.csr_matrix(item_terms), config)
    for weights in network.biases.parameters():
        torch.nn.init.normal_(weights)
    network.requires_grad_(False)

    p = network.users.identity.weight + torch.from_numpy(user_terms) @ network.users.terms.embed.weight
    q = network.items.identity.weight + torch.from_numpy(item_terms) @ network.items.terms.embed.weight
    b = network.biases.identity.weight + torch.from_numpy(item_terms) @ network.biases.terms.embed.weight
    torch.testing.assert_close(network(torch.tensor([2, 0])), (p @ q.T + b.T)[[2, 0]])

    total = 0.0
    for u, i in [(2, 3), (0, 0), (0, 3)]:
        scores = {j: float(p[u] @ q[j] + b[j, 0]) for j in (0, 1, 3)}
        likelihood = np.exp(scores[i]) / sum(np.exp(score) for score in scores.values())
        total += -np.log(likelihood) + 0.3 * float(p[u] @ p[u] + q[i] @ q[i])
    batch = (torch.tensor([2, 0]), torch.tensor([3, 0, 3]), torch.tensor([0, 1, 3]))
    assert network.training_step(batch, 0).item() == pytest.approx(total / 3, rel=1e-5)


def test_every_user_is_seen_once_an_epoch_with_all_their_items() -> None:
    draw = FeatureFactorisation(batch_size=8).batches(FOLD.train, CONTEXT)
    batches = list(draw(generator(0, "test")))
    assert [len(users) for users, *_ in batches] == [8, 8, 8, 4]
    found = [
        (user, item)
        for users, items, indptr in batches
        for user, own in zip(users.tolist(), np.split(items.numpy(), indptr.numpy()[1:-1]), strict=True)
        for item in own.tolist()
    ]
    assert sorted(found) == sorted(zip(FOLD.train.user.tolist(), FOLD.train.item.tolist(), strict=True))
    assert [users.tolist() for users, *_ in draw(generator(1, "test"))] != [users.tolist() for users, *_ in batches]


def test_learns_the_taste_of_each_user() -> None:
    scores = scores_of(fitted(), batch_of(list(range(28)), [[]] * 28, N_ITEMS))
    alike = np.arange(28)[:, None] % 2 == np.arange(N_ITEMS) % 2
    unseen = FOLD.train.csr().toarray()[:28] == 0
    unseen[:, COLD_ITEM] = False
    assert scores[alike & unseen].mean() > scores[~alike & unseen].mean() + 0.5


def test_items_nobody_had_are_scored_by_their_attributes() -> None:
    """The cold item is odd, and so are its genres: it is for users of odd code."""
    scores = scores_of(fitted(attribute_weight=1.0), batch_of(list(range(28)), [[]] * 28, N_ITEMS))[:, COLD_ITEM]
    assert scores[1::2].mean() > scores[::2].mean() + 0.2
    network: Any = fitted(weight_decay=0.1, epochs=2).network
    assert not network.items.identity.weight[COLD_ITEM].any()


def test_user_features_are_used_where_there_are_any() -> None:
    def scores(context: Context) -> Any:
        model = FeatureFactorisation(**{**SMALL, "epochs": 2}).fit(FOLD.train, None, context)
        return scores_of(model, batch_of([0, 1], [[], []], N_ITEMS))

    with_them, without = scores(replace(CONTEXT)), scores(replace(CONTEXT, user_features=None))
    assert not np.array_equal(with_them, without)


def test_it_needs_item_features_and_users_of_training() -> None:
    assert not FeatureFactorisation().serves_unseen_users
    with pytest.raises(UnmetNeedError, match="needs item features"):
        FeatureFactorisation(**SMALL).fit(FOLD.train, None, Context())


def test_the_restored_weights_score_the_best_of_the_curve_in_the_harness() -> None:
    evaluate = Validator("hybrid", NDCG(10), tie_order(1, FOLD.train.item_ids), FOLD.train.user_ids)
    context = replace(CONTEXT, evaluate=evaluate, curves={})
    model = FeatureFactorisation(**{**SMALL, "patience": 4}).fit(FOLD.train, FOLD.validation, context)
    curve = [score for _, score in context.curves["validation"]]
    assert evaluate(model, FOLD.validation) == max(curve)
    assert model.fitted_config.epochs == 1 + int(np.argmax(curve))


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"factors": 0}, "'factors' of FeatureFactorisation should be greater than or equal to 1. Got 0."),
        ({"tag_weight": 1}, "FeatureFactorisation has no field 'tag_weight'. Did you mean 'tags_weight'?"),
    ],
)
def test_wrong_configuration_is_refused_in_one_line(wrong: dict[str, Any], line: str) -> None:
    with pytest.raises(UsageError) as caught:
        FeatureFactorisation(**wrong)
    assert line in str(caught.value)
