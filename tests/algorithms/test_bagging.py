"""Samples of the training data, and the mean over what was trained on them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bench import seeds
from bench.algorithm import Context
from bench.errors import UsageError
from bench.testing import tiny_fold
from bench_algorithms.bagging import Bagging, BaggingConfig, sampled
from bench_algorithms.comparable import recommendable, rescaled
from bench_algorithms.linear import EASE


def rng() -> np.random.Generator:
    return seeds.generator(1, "test")


def test_a_sample_of_interactions_has_its_share_of_every_user_in_their_order() -> None:
    train = tiny_fold().train
    part = sampled(train, BaggingConfig(sample_share=0.5), rng())
    before, after = (np.bincount(data.user, minlength=data.n_users) for data in (train, part))
    np.testing.assert_array_equal(after, np.round(0.5 * before))
    assert set(zip(part.user, part.item, strict=True)) < set(zip(train.user, train.item, strict=True))
    assert part.timestamp is not None
    assert (np.diff(part.timestamp) > 0).all()  # as in the whole
    assert (part.n_users, part.n_items) == (train.n_users, train.n_items)


def test_the_smallest_sample_leaves_everybody_one_interaction() -> None:
    train = tiny_fold().train
    part = sampled(train, BaggingConfig(sample_share=0.01), rng())
    np.testing.assert_array_equal(np.sort(part.user), np.unique(train.user))


def test_which_interactions_are_drawn_is_left_to_chance() -> None:
    train, drawn = tiny_fold().train, np.zeros(len(tiny_fold().train))
    random = rng()
    for _ in range(400):
        part = sampled(train, BaggingConfig(sample_share=0.5), random)
        drawn += np.isin(train.user * train.n_items + train.item, part.user * part.n_items + part.item)
    counts = np.bincount(train.user, minlength=train.n_users)[train.user]
    expected = np.round(0.5 * counts) / counts
    assert np.abs(drawn / 400 - expected).max() < 5 * np.sqrt(0.25 / 400)


def test_a_sample_of_users_has_all_of_theirs() -> None:
    train = tiny_fold().train
    part = sampled(train, BaggingConfig(sample="users", sample_share=0.5), rng())
    users = np.unique(part.user)
    assert len(users) == round(0.5 * len(np.unique(train.user)))
    assert part.fingerprint == train.select(np.isin(train.user, users)).fingerprint


@pytest.mark.parametrize("average", ["rank", "min-max", "z-score"])
def test_scores_are_the_mean_over_models_of_each_sample(average: Any) -> None:
    fold = tiny_fold()
    bagging = Bagging(n_estimators=3, average=average).fit(fold.train, None, Context(seed=5))
    allowed = recommendable(fold.test.batch)
    expected = np.zeros(allowed.shape)
    for number in range(3):
        part = sampled(fold.train, bagging.config, seeds.generator(5, "bagging", number))
        model = EASE().fit(part, None, Context())
        expected += rescaled(model.score(fold.test.batch).astype(np.float64), allowed, average) / 3
    np.testing.assert_allclose(bagging.score(fold.test.batch), expected, atol=1e-6)


def test_all_of_the_data_give_the_order_of_the_base() -> None:
    fold = tiny_fold()
    bagged = Bagging(n_estimators=2, sample_share=1, average="rank").fit(fold.train, None, Context())
    alone = EASE().fit(fold.train, None, Context()).score(fold.test.batch).astype(np.float64)
    allowed = recommendable(fold.test.batch)
    np.testing.assert_allclose(bagged.score(fold.test.batch), rescaled(alone, allowed, "rank"), atol=1e-6)


def test_only_the_first_estimator_looks_at_validation() -> None:
    looks: list[int] = []
    base = {"base": "vae", "base_config": {"epochs": 3, "patience": 1}}
    where = Context(evaluate=lambda model, users: looks.append(0) or 0.5)  # type: ignore[func-returns-value]
    bagging = Bagging(n_estimators=3, **base).fit(tiny_fold().train, tiny_fold().validation, where)
    assert len(looks) == 2  # the first epoch, and one that was not better
    assert [estimator.config.epochs for estimator in bagging.estimators] == [3, 1, 1]
    assert {name.partition("/")[0] for name in where.curves} == {"estimator-1", "estimator-2", "estimator-3"}
    assert bagging.fitted_config.base_config["epochs"] == 1


def test_users_cannot_be_left_out_of_a_base_that_must_know_them() -> None:
    with pytest.raises(UsageError, match=r"^'sample' must be 'interactions' for a base .* Got 'users' for 'bpr-mf'\."):
        Bagging(base="bpr-mf", sample="users")
