"""The adapter to Surprise: the library's own numbers, its arguments, its random streams, and life without it."""

from __future__ import annotations

import importlib.util
import sys
from typing import Any

import numpy as np
import pytest

from bench.algorithm import Context
from bench.errors import ContractError, UnmetNeedError, UsageError
from bench.interactions import Interactions
from bench_algorithms.surprise_library import Surprise

USERS, ITEMS = np.divmod(np.arange(25 * 18, dtype=np.int32), np.int32(18))
MODELS: list[str] = [*Surprise.Config.model_json_schema()["properties"]["model"]["enum"]]
installed = pytest.mark.skipif(importlib.util.find_spec("surprise") is None, reason="Surprise is not installed")


def predicted(train: Interactions, seed: int = 1, **fields: Any) -> np.ndarray:
    return Surprise(**fields).fit(train, None, Context(seed=seed)).predict(USERS, ITEMS)


@installed
@pytest.mark.parametrize("model", MODELS)
def test_every_model_predicts_ratings_of_the_scale_for_everybody(ratings: Interactions, model: str, capfd: Any) -> None:
    found = predicted(ratings, model=model)
    assert found.dtype == np.float32
    assert found.min() >= 0.5
    assert found.max() <= 5
    assert len(np.unique(found)) > 5
    assert capfd.readouterr() == ("", "")


@installed
@pytest.mark.parametrize("model", ["SVD", "KNNBaseline"])
def test_it_is_the_library_s_own_number(ratings: Interactions, model: str) -> None:
    """With rows in the order of training, raw ids from outside, and the same random state."""
    import surprise

    assert ratings.rating is not None
    scale = surprise.Reader(rating_scale=(0.5, 5))
    columns = ratings.user_ids[ratings.user], ratings.item_ids[ratings.item], ratings.rating.tolist()
    rows = [(user, item, rating, None) for user, item, rating in zip(*columns, strict=True)]
    fixed = {"random_state": 7} if model == "SVD" else {"verbose": False}
    theirs = getattr(surprise, model)(**fixed).fit(surprise.Dataset(scale).construct_trainset(rows))
    expected = [
        theirs.predict(ratings.user_ids[user], ratings.item_ids[item]).est
        for user, item in zip(USERS, ITEMS, strict=True)
    ]
    np.testing.assert_allclose(predicted(ratings, seed=7, model=model), expected, rtol=1e-6)


@installed
def test_parameters_reach_the_model_and_are_left_as_they_are(ratings: Interactions) -> None:
    parameters = {"k": 2, "sim_options": {"name": "cosine"}}
    model = Surprise(model="KNNBasic", parameters=parameters).fit(ratings, None, Context())
    assert model.model.k == 2
    assert model.model.sim_options == {"name": "cosine", "user_based": True}
    assert model.config.parameters == {"k": 2, "sim_options": {"name": "cosine"}}
    baseline = {"bsl_options": {"n_epochs": 1}, "sim_options": {"name": "pearson_baseline"}}
    assert predicted(ratings, model="KNNWithMeans", parameters=baseline).shape == USERS.shape


@installed
@pytest.mark.parametrize(
    ("model", "wrong", "near"), [("KNNBasic", "kk", "k"), ("SVD", "n_factor", "n_factors"), ("SlopeOne", "k", "")]
)
def test_a_misspelt_parameter_is_refused(ratings: Interactions, model: str, wrong: str, near: str) -> None:
    with pytest.raises(UsageError, match=f"Surprise's {model} has no argument '{wrong}'") as caught:
        predicted(ratings, model=model, parameters={wrong: 3})
    assert f"Did you mean '{near}'?" in str(caught.value) or not near


@installed
@pytest.mark.parametrize("model", ["SVD", "SVDpp", "NMF", "CoClustering", "NormalPredictor"])
def test_random_models_follow_the_seed_and_nothing_else(ratings: Interactions, model: str) -> None:
    np.random.seed(5)
    first = predicted(ratings, seed=1, model=model)
    state = str(np.random.get_state())
    fitted = Surprise(model=model).fit(ratings, None, Context(seed=1))
    np.testing.assert_array_equal(fitted.predict(USERS, ITEMS), first)
    np.testing.assert_array_equal(fitted.predict(USERS, ITEMS), first)
    assert str(np.random.get_state()) == state
    assert not np.array_equal(predicted(ratings, seed=2, model=model), first)


@installed
def test_a_random_state_of_one_s_own_wins(ratings: Interactions) -> None:
    fixed = {"model": "SVD", "parameters": {"random_state": 3}}
    np.testing.assert_array_equal(predicted(ratings, seed=1, **fixed), predicted(ratings, seed=3, model="SVD"))


@installed
def test_predicting_before_fitting_is_an_error() -> None:
    with pytest.raises(ContractError, match="Surprise must be fitted before it predicts"):
        Surprise().predict(USERS, ITEMS)


def test_without_the_library_it_says_how_to_install_it(ratings: Interactions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "surprise", None)
    with pytest.raises(UnmetNeedError) as caught:
        Surprise().fit(ratings, None, Context())
    assert 'is not installed: pip install "recsys-bench[surprise]"' in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_model_is_refused_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "surprise", None)
    with pytest.raises(UsageError, match=r"'model' of Surprise should be 'SVD', 'SVDpp'.*Got 'SVD2'"):
        Surprise(model="SVD2")
