"""The factorisations: their objectives by hand, their batches, what they learn, and what they know nothing of."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from bench.algorithm import Context
from bench.errors import ContractError, UsageError
from bench.interactions import Interactions
from bench.metrics.rating import RMSE
from bench.running.assess import Validator
from bench.seeds import generator, tie_order
from bench.testing import tiny_fold
from bench.testing.case import batch_of, scores_of
from bench_algorithms import factorisation
from bench_algorithms.factorisation import BPR, BiasedMF, BiasedMFConfig, BPRConfig, Negatives
from bench_algorithms.factorisation_network import BiasedFactors, PairwiseFactors
from bench_algorithms.rating_baselines import Bias

FOLD = tiny_fold()
N_USERS, N_ITEMS = FOLD.train.n_users, FOLD.train.n_items
USERS, ITEMS = np.divmod(np.arange(25 * 18, dtype=np.int32), np.int32(18))
SMALL: dict[str, Any] = {"factors": 4, "epochs": 60, "patience": 0, "batch_size": 32, "learning_rate": 0.02}


def taste(seed: int) -> Interactions:
    """40 users rate 30 items: 3 ± 1.5, as both codes are even or odd or not, and up to two quarters more."""
    rng = np.random.default_rng(seed)
    user, item = np.nonzero(rng.random((40, 30)) < 0.5)
    values = 3 + np.where((user + item) % 2, -1.5, 1.5) + user % 3 / 4
    ids = [np.array([f"{code:02d}" for code in range(n)], object) for n in (40, 30)]
    return Interactions(user.astype(np.int32), item.astype(np.int32), *ids, values.astype(np.float32))


def test_biased_mf_learns_what_biases_cannot() -> None:
    train, test = taste(0), taste(1)
    assert test.rating is not None

    def rmse(model: Any) -> float:
        errors = model.fit(train, None, Context(seed=1)).predict(test.user, test.item) - test.rating
        return float(np.sqrt((errors**2).mean()))

    assert rmse(BiasedMF(**SMALL, regularisation=0.01)) < 0.2
    assert rmse(Bias()) > 1.4


def test_the_loss_of_biased_mf_is_the_paper_s() -> None:
    """Squared error plus λ (|p|² + |q|² + b_u² + b_i²), mean over the ratings of the batch."""
    torch.manual_seed(0)
    network = BiasedFactors(FOLD.train, BiasedMFConfig(factors=3, regularisation=0.3, initial_scale=0.5))
    for bias in (network.user_bias, network.item_bias):
        torch.nn.init.normal_(bias.weight)
    users, items, ratings = torch.tensor([0, 1, 0]), torch.tensor([2, 2, 5]), torch.tensor([1.0, 5.0, 3.0])
    assert FOLD.train.rating is not None
    total = 0.0
    network.requires_grad_(False)
    for u, i, rating in zip(users.tolist(), items.tolist(), ratings.tolist(), strict=True):
        p, q = network.users.weight[u], network.items.weight[i]
        b_u, b_i = network.user_bias.weight[u, 0], network.item_bias.weight[i, 0]
        error = float(FOLD.train.rating.mean() + b_u + b_i + p @ q) - rating
        total += error**2 + 0.3 * float(p @ p + q @ q + b_u**2 + b_i**2)
    assert network.training_step((users, items, ratings), 0).item() == pytest.approx(total / 3, rel=1e-5)


def test_unknown_users_and_items_have_no_factors_and_no_bias(ratings: Interactions) -> None:
    model = BiasedMF(**{**SMALL, "epochs": 3}, weight_decay=0.1).fit(ratings, None, Context())
    network: Any = model.network
    assert not network.users.weight[24].any()
    assert not network.items.weight[17].any()
    assert ratings.rating is not None
    (unknown,) = model.predict(np.array([24], np.int32), np.array([17], np.int32))
    assert unknown == pytest.approx(ratings.rating.mean(), rel=1e-6)


def test_ratings_stay_in_range_and_are_the_same_one_by_one(
    ratings: Interactions, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = BiasedMF(**{**SMALL, "learning_rate": 0.5, "epochs": 3}).fit(ratings, None, Context())
    found = model.predict(USERS, ITEMS)
    assert (found.min(), found.max()) == (0.5, 5.0)
    monkeypatch.setattr(factorisation, "_PAIRS_AT_ONCE", 7)
    np.testing.assert_allclose(model.predict(USERS, ITEMS), found, rtol=1e-6)
    scores = scores_of(model, batch_of(list(range(25)), [[]] * 25, 18))
    np.testing.assert_allclose(scores.ravel(), found, rtol=1e-5)


def test_every_rating_is_seen_once_an_epoch(ratings: Interactions) -> None:
    draw = BiasedMF(batch_size=50).batches(ratings, Context())
    batches = list(draw(generator(0, "test")))
    assert [len(users) for users, *_ in batches[:-1]] == [50] * (len(ratings) // 50)
    assert ratings.rating is not None
    rows = zip(*(torch.cat(column).tolist() for column in zip(*batches, strict=True)), strict=True)
    expected = zip(ratings.user.tolist(), ratings.item.tolist(), ratings.rating.tolist(), strict=True)
    assert sorted(rows) == sorted(expected)


def test_biased_mf_stops_by_the_rmse_of_the_harness() -> None:
    data = taste(2)
    part = np.where(generator(0, "parts").random(len(data)) < 0.2, 1, 0)
    train, held = data.select(part == 0), data.select(part == 1)
    users = np.unique(held.user).astype(np.int32)
    truth = held.histories(users)
    order = np.argsort(held.user, kind="stable")
    assert held.rating is not None
    validation = replace(
        FOLD.validation, users=users, history=train.histories(users), truth=truth, ratings=held.rating[order]
    )
    evaluate = Validator("biased-mf", RMSE(), tie_order(1, data.item_ids), data.user_ids)
    context = Context(seed=3, evaluate=evaluate)
    fields = {**SMALL, "epochs": 200, "patience": 3, "regularisation": 0.05, "learning_rate": 0.05}
    model = BiasedMF(**fields).fit(train, validation, context)
    curve = [score for _, score in context.curves["validation"]]
    assert max(curve) < 0
    assert evaluate(model, validation) == max(curve)
    assert model.fitted_config.epochs == 1 + int(np.argmax(curve)) == len(curve) - 3


def test_predicting_before_fitting_is_an_error() -> None:
    with pytest.raises(ContractError, match="BiasedMF must be fitted before it predicts"):
        BiasedMF().predict(USERS, ITEMS)


def test_the_loss_of_bpr_is_the_paper_s() -> None:
    """−ln σ(x_ui − x_uj) + λ (|w_u|² + |h_i|² + |h_j|²), mean over the batch."""
    torch.manual_seed(0)
    network = PairwiseFactors(5, 6, BPRConfig(factors=3, regularisation=0.3)).requires_grad_(False)
    triples = [(0, 1, 2), (4, 5, 1), (0, 3, 2)]
    total = 0.0
    for u, i, j in triples:
        w, h_i, h_j = network.users.weight[u], network.items.weight[i], network.items.weight[j]
        total += float(-torch.log(torch.sigmoid(w @ h_i - w @ h_j)) + 0.3 * (w @ w + h_i @ h_i + h_j @ h_j))
    users, items, negatives = torch.tensor(triples).T
    assert network.training_step((users, items, negatives), 0).item() == pytest.approx(total / 3, rel=1e-5)


def test_bpr_learns_the_taste_of_each_user() -> None:
    model = BPR(**{**SMALL, "epochs": 150}).fit(FOLD.train, None, Context(seed=1))
    scores = scores_of(model, batch_of(list(range(28)), [[]] * 28, N_ITEMS))
    alike = np.arange(28)[:, None] % 2 == np.arange(N_ITEMS) % 2
    unseen = FOLD.train.csr().toarray()[:28] == 0
    unseen[:, -1] = False  # nobody had the last item
    assert scores[alike & unseen].mean() > scores[~alike & unseen].mean() + 1


def test_an_epoch_of_bpr_pairs_every_interaction_with_a_negative() -> None:
    train = FOLD.train
    draw = BPR(batch_size=16).batches(train, Context())
    batches = list(draw(generator(0, "test")))
    users, items, negatives = (torch.cat(column).numpy() for column in zip(*batches, strict=True))
    assert sorted(zip(users, items, strict=True)) == sorted(zip(train.user, train.item, strict=True))
    assert not set(zip(users.tolist(), negatives.tolist(), strict=True)) & set(
        zip(train.user.tolist(), train.item.tolist(), strict=True)
    )
    others = torch.cat([column for _, _, column in draw(generator(1, "test"))]).numpy()
    assert not np.array_equal(negatives, others)


def test_negatives_are_uniform_over_what_a_user_has_not() -> None:
    """User 0 has items 1 and 3 of 5, user 1 all of them, user 2 none."""
    ids = [np.array([str(code) for code in range(n)], object) for n in (3, 5)]
    train = Interactions(*np.array([[0, 0, 0, 1, 1, 1, 1, 1], [1, 3, 3, 0, 1, 2, 3, 4]], np.int32), *ids)
    negatives = Negatives(train)
    assert negatives.exist.tolist() == [True, False, True]
    drawn = negatives.draw(np.repeat(np.array([0, 2], np.int64), 6000), generator(0, "test"))
    shares = [np.bincount(part, minlength=5) / 6000 for part in np.split(drawn, 2)]
    np.testing.assert_allclose(shares[0], [1 / 3, 0, 1 / 3, 0, 1 / 3], atol=0.02)
    np.testing.assert_allclose(shares[1], 0.2, atol=0.02)
    batches = list(BPR().batches(train, Context())(generator(0, "test")))
    assert {user for users, *_ in batches for user in users.tolist()} == {0}


@pytest.mark.parametrize("algorithm", [BPR, BiasedMF])
def test_the_same_seed_gives_the_same_factors_and_another_others(algorithm: Any) -> None:
    def factors(seed: int) -> Any:
        return algorithm(**{**SMALL, "epochs": 2}).fit(FOLD.train, None, Context(seed=seed)).network.users.weight

    assert torch.equal(factors(1), factors(1))
    assert not torch.equal(factors(1), factors(2))


def test_only_bpr_refuses_users_unseen_in_training() -> None:
    assert not BPR().serves_unseen_users
    assert BiasedMF().serves_unseen_users


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"factors": 0}, "'factors' of BPR should be greater than or equal to 1. Got 0."),
        ({"regularisation": -1.0}, "'regularisation' of BPR should be greater than or equal to 0. Got -1.0."),
        ({"factor": 3}, "BPR has no field 'factor'. Did you mean 'factors'?"),
    ],
)
def test_wrong_configuration_is_refused_in_one_line(wrong: dict[str, Any], line: str) -> None:
    with pytest.raises(UsageError) as caught:
        BPR(**wrong)
    assert line in str(caught.value)


def test_importing_it_does_not_import_torch() -> None:
    program = "import sys, bench_algorithms.factorisation; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
