"""Members of an ensemble and what they bring: needs, validation, curves; wrong ones are refused early."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bench.algorithm import Context, Need
from bench.errors import UnmetNeedError, UsageError
from bench.testing import (
    AlgorithmCase,
    assert_configuration_survives_json,
    assert_final_fit_ignores_validation,
    assert_refits,
    assert_reproducible,
    assert_save_load_identical,
    tiny_fold,
)
from bench_algorithms.bagging import Bagging
from bench_algorithms.fusion import Fusion
from bench_algorithms.hybrid_rules import HybridSwitching, HybridWeighted
from bench_algorithms.members import Ensemble

VAE = {"collaborative": "vae", "collaborative_config": {"epochs": 3}}


def context() -> Context:
    return Context(item_features=tiny_fold().item_features, evaluate=lambda model, users: 0.5)


def test_needs_are_those_of_the_members() -> None:
    assert HybridWeighted().needs == {Need.ITEM_FEATURES}
    assert HybridWeighted(collaborative="lstm").needs == {Need.ITEM_FEATURES, Need.TIMESTAMPS}
    assert HybridSwitching(content="popularity").needs == frozenset()


def test_users_unseen_in_training_are_served_if_every_member_does_and_the_seed_counts_if_it_does_for_one() -> None:
    closed = Fusion(members={"ease": {}, "bpr-mf": {}})
    assert (closed.serves_unseen_users, closed.seeded) == (False, True)
    assert (Fusion().serves_unseen_users, Fusion().seeded) == (True, False)


def test_a_member_without_what_it_needs_says_so() -> None:
    with pytest.raises(UnmetNeedError, match="needs item features"):
        HybridWeighted().fit(tiny_fold().train, None, replace(context(), item_features=None))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"collaborative": "item-kn"}, r"unknown algorithm 'item-kn'\. Did you mean 'item-knn'\? Known: "),
        ({"content_config": {"tag_weight": 1}}, r"the member 'content' has no field 'tag_weight'\. Did you mean"),
        ({"collaborative_config": {"k": 0}}, r"the field 'k' of the member 'item-knn' should be greater than"),
    ],
)
def test_what_is_wrong_is_said_before_anything_runs(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=f"^{message}") as caught:
        HybridWeighted(**fields)
    assert "\n" not in str(caught.value)


def test_curves_and_details_tell_whose_they_are() -> None:
    where = context()
    HybridWeighted(**VAE).fit(tiny_fold().train, tiny_fold().validation, where)
    assert where.curves
    assert all(name.startswith("collaborative/") for name in where.curves)


def test_a_member_that_stops_early_is_fixed_for_the_final_fit() -> None:
    hybrid = HybridSwitching(**VAE)
    assert hybrid.uses_validation
    hybrid.fit(tiny_fold().train, tiny_fold().validation, context())
    final = HybridSwitching(hybrid.fitted_config)
    assert not final.uses_validation
    assert final.config.collaborative_config["epochs"] == 1  # every epoch was as good as the first


NEURAL: list[tuple[type[Ensemble[Any]], dict[str, Any]]] = [
    (HybridWeighted, VAE),
    (HybridSwitching, VAE),
    (Fusion, {"members": {"vae": {"config": {"epochs": 3}}, "ease": {}}, "method": "learnt"}),
    (Bagging, {"base": "vae", "base_config": {"epochs": 3}, "n_estimators": 2}),
]


@pytest.mark.parametrize(("ensemble", "parameters"), NEURAL, ids=[kind.__name__ for kind, _ in NEURAL])
def test_neural_members_keep_the_contract(ensemble: type[Ensemble[Any]], parameters: dict[str, Any]) -> None:
    case = AlgorithmCase(f"{ensemble.__name__} of a vae", parameters, algorithm=ensemble)
    for check in (
        assert_configuration_survives_json,
        assert_final_fit_ignores_validation,
        assert_refits,
        assert_reproducible,
        assert_save_load_identical,
    ):
        check(case)
