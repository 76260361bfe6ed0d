"""Fused scores by hand, members as they are written in a suite, and weights that carry over to the final fit."""

from __future__ import annotations

import tomllib
from typing import Any

import numpy as np
import pytest

from bench.algorithm import Algorithm, Context, EvalSet, UserBatch
from bench.errors import ContractError, UsageError
from bench.interactions import ItemLists
from bench.testing import AlgorithmCase, assert_fits_on_train_only, tiny_fold
from bench.testing.data import N_ITEMS
from bench_algorithms.fusion import Fusion
from bench_algorithms.linear import EASE

WRITTEN = """
method = "borda"
weights = { ease = 1.0, strict = 0.5 }

[members]
ease = {}
strict = { algorithm = "ease", config = { l2 = 2000.0 } }
"""


class Fixed:
    """Stands in for a fitted member: the same scores for everybody."""

    def __init__(self, *scores: float) -> None:
        self.scores = np.array(scores, np.float32)

    def score(self, batch: UserBatch) -> np.ndarray:
        return np.tile(self.scores, (len(batch), 1))


def of_two(**fields: Any) -> Any:
    """Places 1, 2, 3 and 4 of items 0, 1, 2 and 4 by the first; 3.5, 2, 3.5 and 1 by the second. Item 3 is known."""
    fusion: Any = Fusion(members={"a": {"algorithm": "ease"}, "b": {"algorithm": "item-knn"}}, **fields)
    fusion.members = {"a": Fixed(8, 4, 2, 9, 1), "b": Fixed(0, 1, 0, 5, 7)}
    return fusion


def scores_of(fusion: Any) -> np.ndarray:
    history = ItemLists.from_lists([[3]], 5)
    return np.delete(fusion.score(UserBatch(np.zeros(1, np.int32), history))[0], 3)


def test_reciprocal_ranks_by_hand() -> None:
    expected = [1 / 11 + 1 / 13.5, 1 / 12 + 1 / 12, 1 / 13 + 1 / 13.5, 1 / 14 + 1 / 11]
    np.testing.assert_allclose(scores_of(of_two(rank_constant=10)), expected, rtol=1e-6)


def test_borda_counts_by_hand() -> None:
    # The shares of the three others that an item is placed above; half a place of a tie.
    expected = [1 + 0.5 / 3, 2 / 3 + 2 / 3, 1 / 3 + 0.5 / 3, 0 + 1]
    np.testing.assert_allclose(scores_of(of_two(method="borda")), expected, rtol=1e-6)


def test_given_weights_by_hand() -> None:
    expected = [1 + 2 * 0.5 / 3, 2 / 3 + 2 * 2 / 3, 1 / 3 + 2 * 0.5 / 3, 0 + 2]
    np.testing.assert_allclose(scores_of(of_two(method="borda", weights={"a": 1, "b": 2})), expected, rtol=1e-6)


def test_standard_scores_by_hand() -> None:
    # Of 8, 4, 2, 1 the mean is 3.75 and the deviation √7.1875; of 0, 1, 0, 7 they are 2 and √8.5.
    a = (np.array([8, 4, 2, 1]) - 3.75) / np.sqrt(7.1875)
    b = (np.array([0, 1, 0, 7]) - 2) / np.sqrt(8.5)
    fusion = of_two(method="learnt", weights={"a": 0.5, "b": 1})
    np.testing.assert_allclose(scores_of(fusion), 0.5 * a + b, rtol=1e-6)


def test_members_as_a_suite_has_them() -> None:
    fusion = Fusion(**tomllib.loads(WRITTEN))
    assert [type(member) for member in fusion.members.values()] == [EASE, EASE]
    assert [member.config.l2 for member in fusion.members.values()] == [500, 2000]
    assert Fusion(Fusion.Config.parse("again", fusion.config.model_dump(mode="json"))).config == fusion.config


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"members": {"ease": {}}}, r"the field 'members' of Fusion .* at least 2 items"),
        ({"members": {"ease": {}, "mine": {}}}, r"unknown algorithm 'mine'\."),
        ({"members": {"ease": {}, "item-knn": {"k": 3}}}, r"Fusion has no field 'members\.item-knn\.k'\."),
        ({"members": {"ease": {}, "item-knn": {"config": {"kk": 3}}}}, r"the member 'item-knn' has no field 'kk'\."),
        ({"members": ["ease", "item-knn"]}, r"the field 'members' of Fusion should be a valid dictionary"),
        ({"weights": {"ease": 1}}, r"'weights' must have a number from 0 for each member \(ease, item-knn\), and one"),
        ({"weights": {"ease": 0, "item-knn": 0}}, r"'weights' must have .* one above 0\."),
        ({"weights": {"ease": 2, "item-knn": -1}}, r"'weights' must have a number from 0"),
        ({"weights": {"ease": 2, "item-knn": np.inf}}, r"'weights' must have a number from 0"),
    ],
)
def test_what_is_wrong_is_said_before_anything_runs(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=f"^{message}") as caught:
        Fusion(**fields)
    assert "\n" not in str(caught.value)


LEARNT = {"members": {"ease": {}, "random": {}}, "method": "learnt"}


def fit(fusion: Any, evaluate: Any) -> tuple[Any, Context]:
    where = Context(evaluate=evaluate)
    return fusion.fit(tiny_fold().train, tiny_fold().validation, where), where


def hits(model: Algorithm[Any], users: EvalSet) -> float:
    """The mean reciprocal rank of the truth among all items."""
    scores = np.asarray(model.score(users.batch)).copy()
    scores[users.history.rows, users.history.items] = -np.inf
    own = scores[users.truth.rows, users.truth.items][:, None]
    return float((1 / (scores[users.truth.rows] >= own).sum(axis=1)).mean())


def test_weights_are_learnt_from_validation_and_fixed_for_the_final_fit() -> None:
    fusion, where = fit(Fusion(**LEARNT), hits)
    found = where.details["learnt weights"]
    assert fusion.weights["ease"] > fusion.weights["random"]
    assert found["validation"] > found["equal"]
    assert found["held_out"] > found["held_out_equal"]
    assert found["validation"] == pytest.approx(hits(fusion, tiny_fold().validation), abs=1e-6)
    final = Fusion(fusion.fitted_config)
    assert not final.uses_validation
    assert final.config.weights == found["weights"]
    blind = Context()
    final.fit(tiny_fold().train_and_validation, None, blind)
    assert final.weights == found["weights"]
    assert not blind.details


def test_no_single_change_of_a_learnt_weight_would_do_better() -> None:
    fusion, _ = fit(Fusion(**LEARNT), hits)
    best, weights = hits(fusion, tiny_fold().validation), dict(fusion.weights)
    for label in weights:
        for step in (0, 0.25, 1, 4):
            fusion.learnt = {**weights, label: step}
            if any(fusion.learnt.values()):
                assert hits(fusion, tiny_fold().validation) <= best + 1e-6


def test_weights_that_do_not_hold_for_other_users_are_not_taken() -> None:
    """Of an evaluation that likes one thing in one half of the users and the opposite in the other."""

    def fickle(model: Algorithm[Any], users: EvalSet) -> float:
        sign = 1 if users.users[0] == tiny_fold().validation.users[0] else -1
        scores = np.asarray(model.score(users.batch))
        return sign * float(scores.std())

    fusion, where = fit(Fusion(**LEARNT), fickle)
    found = where.details["learnt weights"]
    assert found["held_out"] <= found["held_out_equal"]
    assert fusion.weights == {"ease": 1, "random": 1}
    assert not Fusion(fusion.fitted_config).uses_validation


def test_members_are_asked_once_while_weights_are_tried() -> None:
    fusion = Fusion(**LEARNT)
    asked: list[int] = []
    score = fusion.members["ease"].score
    fusion.members["ease"].score = lambda batch: asked.append(len(batch)) or score(batch)  # type: ignore[func-returns-value,method-assign]
    fit(fusion, hits)
    assert asked == [len(tiny_fold().validation)]


def test_learning_needs_an_evaluation() -> None:
    with pytest.raises(ContractError, match=r"`context\.evaluate`; give it, or give `weights`"):
        fit(Fusion(**LEARNT), None)


def test_given_weights_are_not_learnt() -> None:
    fusion = Fusion(**LEARNT, weights={"ease": 1, "random": 0})
    assert not fusion.uses_validation
    alone = EASE().fit(tiny_fold().train, None, Context()).score(tiny_fold().test.batch)
    fused = fusion.fit(tiny_fold().train, None, Context()).score(tiny_fold().test.batch)
    for row, history in enumerate(tiny_fold().test.history.csr()):
        left = np.setdiff1d(np.arange(N_ITEMS), history.indices)
        assert np.argsort(-fused[row, left], kind="stable")[0] == np.argsort(-alone[row, left], kind="stable")[0]


def test_learning_fits_on_training_only() -> None:
    assert_fits_on_train_only(
        AlgorithmCase("learnt", {**LEARNT, "members": {"ease": {}, "item-knn": {}}}, algorithm=Fusion)
    )
