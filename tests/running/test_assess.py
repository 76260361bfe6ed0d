"""How a job judges: sampled candidates, repeats, users not trained on, predicted ratings, slices, what lacks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bench.errors import ContractError, DataError, UnknownNameError, UnmetNeedError, UsageError
from bench.store import PER_USER_FILE, PREDICTIONS_FILE, TOPK_FILE

RATING = {"kind": "rating", "primary_metric": "rmse"}


def values(ran: Any) -> dict[str, float]:
    return {label: metric.value for label, metric in ran.outcome.fields["metrics"].items()}


def lists(ran: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in ran.outcome.tables[TOPK_FILE].to_pylist():
        found.setdefault(row["user"], []).append(row["item"])
    return found


def test_whatever_judges_the_other_kind_of_task_is_left_out(world: Any) -> None:
    assert set(values(world.run())) == {"ndcg@5", "recall@5", "auc", "novelty@5"}
    assert set(values(world.run("means", RATING))) == {"rmse", "mae_user"}


def test_sampled_numbers_are_labelled_everywhere_and_are_others(world: Any) -> None:
    full, sampled = world.run(), world.run(task={"candidates": {"n": 8}})
    labels = {"sampled-ndcg@5", "sampled-recall@5", "sampled-auc", "sampled-novelty@5"}
    assert set(values(sampled)) == labels
    assert set(sampled.job.metrics) == labels
    assert sampled.job.primary_metric == "sampled-ndcg@5"
    assert sampled.job.fold.rules["candidates"] == {"strategy": "uniform", "n": 8}
    assert labels < set(sampled.outcome.tables[PER_USER_FILE].column_names)
    assert set(sampled.outcome.fields["slices"]["user-activity"]["low"].metrics) == labels
    assert values(sampled)["sampled-recall@5"] > values(full)["recall@5"] + 0.1
    assert sampled.job.fold.fingerprint != full.job.fold.fingerprint


def test_only_sampled_candidates_are_recommended(world: Any) -> None:
    ran = world.run(task={"candidates": {"n": 8, "strategy": "popularity"}})
    fold = ran.fold
    assert fold.test.restricted is not None
    for row, user in enumerate(fold.test.users):
        allowed = set(fold.train.item_ids[fold.test.restricted.listed.row(row)])
        assert len(allowed) == 8 + len(fold.test.truth.row(row))
        assert set(lists(ran)[fold.train.user_ids[user]]) <= allowed


def test_more_candidates_than_the_catalogue_has_are_refused(world: Any) -> None:
    with pytest.raises(DataError, match="there must be 29 items to draw"):
        world.run(task={"candidates": {"n": 29}})


def test_with_repeats_items_of_the_history_are_recommended_again(world: Any) -> None:
    once, again = world.run(), world.run(task={"repeats": True})
    assert again.job.fold.rules["repeats"]
    assert len({tuple(one) for one in lists(again).values()}) == 1
    assert len({tuple(one) for one in lists(once).values()}) > 20
    assert again.outcome.fields["n_masked"] == 0


def test_users_not_trained_on_are_recommended_to_from_their_own_history(world: Any) -> None:
    strong = {"splitter": "strong-generalisation", "options": {"test_users": 20}}
    ran = world.run(task=strong)
    fold = ran.fold
    assert not set(fold.test.users.tolist()) & set(fold.train_and_validation.user.tolist())
    for row, user in enumerate(fold.test.users):
        known = set(fold.train.item_ids[fold.test.history.row(row)])
        assert known
        assert not known & set(lists(ran)[fold.train.user_ids[user]])
    with pytest.raises(UnmetNeedError, match=r"'means' cannot serve users unseen in training, and \d+ test users are"):
        world.run("means", strong)


def test_ratings_are_predicted_and_judged(world: Any) -> None:
    ran = world.run("means", RATING)
    table = ran.outcome.tables[PREDICTIONS_FILE].to_pydict()
    pairs = list(zip(table["user"], table["item"], strict=True))
    held = ran.fold.held_test
    assert sorted(pairs) == sorted(zip(held.user_ids[held.user], held.item_ids[held.item], strict=True))
    actual = dict(zip(pairs, table["rating"], strict=True))
    stored = zip(held.user_ids[held.user], held.item_ids[held.item], held.rating, strict=True)
    assert actual == {(user, item): rating for user, item, rating in stored}
    errors = np.array(table["prediction"]) - np.array(table["rating"])
    assert values(ran)["rmse"] == pytest.approx(np.sqrt(np.mean(errors**2)), abs=1e-12)
    users = np.array(table["user"])
    by_user = [np.abs(errors[users == user]).mean() for user in sorted(set(users))]
    assert values(ran)["mae_user"] == pytest.approx(np.mean(by_user), abs=1e-12)
    assert TOPK_FILE not in ran.outcome.tables
    assert set(ran.outcome.tables[PER_USER_FILE].column_names) >= {"rmse", "mae_user", "user-activity"}


def test_ratings_of_users_without_a_history_are_predicted_and_such_users_not_ranked(world: Any) -> None:
    cold = {"splitter": "temporal", "options": {"test": 0.9, "validation": 0.05}}
    ranked, rated = world.run(task=cold), world.run("means", cold | RATING)
    known = set(ranked.fold.train_and_validation.user.tolist())
    new = set(rated.fold.held_test.user.tolist()) - known
    assert new
    assert set(rated.fold.test.users.tolist()) >= new
    assert set(ranked.fold.test.users.tolist()) <= known
    assert ranked.job.fold.excluded["test users without a history"] == len(new)


def test_only_what_predicts_ratings_takes_part_in_a_rating_task(world: Any) -> None:
    assert [job.row for job in world.plan(world.suite(RATING))] == ["means"]
    assert [job.row for job in world.plan(world.suite())] == ["popularity", "means", "stopper"]


@pytest.mark.parametrize(
    ("predicted", "message"),
    [(np.array([np.nan]), "'means' must predict finite ratings. 1 are not"), (np.ones(3), r"\[1\]. Got \[3\]")],
)
def test_bad_predictions_are_refused(world: Any, monkeypatch: pytest.MonkeyPatch, predicted: Any, message: str) -> None:
    means = world.registries.algorithms.get("means")
    one_test_rating = {"splitter": "holdout", "options": {"test": 0.001, "validation": 0.1, "by": "all"}}
    monkeypatch.setattr(means, "predict", lambda self, users, items: predicted)
    with pytest.raises(ContractError, match=message):
        world.run("means", RATING | one_test_rating)


def test_what_stops_early_says_that_a_task_has_no_validation_part(world: Any) -> None:
    task = {"options": {"validation": 0}}
    with pytest.raises(UnmetNeedError, match="'stopper' stops early on a validation part, and this task has none"):
        world.run("stopper", task)
    assert values(world.run(task=task))["ndcg@5"] > 0
    assert len(world.run(task=task).fold.validation) == 0


def pairs_in_order(fold: Any, part: Any, scores: Any) -> float:
    """AUC by its definition, averaged over the users of a part."""
    shares = []
    for row in range(len(part)):
        truth, known = set(part.truth.row(row).tolist()), set(part.history.row(row).tolist())
        others = [item for item in range(fold.train.n_items) if item not in truth | known]
        shares.append(np.mean([scores[one] > scores[other] for one in truth for other in others]))
    return float(np.mean(shares))


def test_early_stopping_sees_a_metric_that_needs_ranks_and_training_data(world: Any) -> None:
    ran = world.run("stopper", metrics=["auc"], primary_metric="auc")
    ((_, seen),) = ran.outcome.fields["curves"]["validation"]
    assert seen == pytest.approx(pairs_in_order(ran.fold, ran.fold.validation, np.arange(30)), abs=1e-12)
    assert values(ran)["auc"] == pytest.approx(pairs_in_order(ran.fold, ran.fold.test, np.arange(30)), abs=1e-12)


@pytest.mark.parametrize("metric", ["r_precision", "novelty@5", "ndcg@5"])
def test_early_stopping_sees_any_primary_metric(world: Any, metric: str) -> None:
    ran = world.run("stopper", metrics=[metric], primary_metric=metric)
    assert np.isfinite(ran.outcome.fields["curves"]["validation"][0][1])


def test_a_metric_that_lacks_what_it_needs_has_no_value_and_says_why(world: Any) -> None:
    ran = world.run(metrics=["ndcg@5", "intra_list_diversity@5"])
    assert values(ran)["intra_list_diversity@5"] is None
    assert ran.outcome.fields["metrics"]["intra_list_diversity@5"].n_users == 0
    assert ran.outcome.fields["warnings"] == ["intra_list_diversity@5 needs item features, which there is not."]
    assert "intra_list_diversity@5" not in ran.outcome.tables[PER_USER_FILE].column_names


def test_slices_by_default_and_by_feature_add_up_to_the_whole(world: Any) -> None:
    ran = world.run(slices=["gender", "age"])
    slices, whole = ran.outcome.fields["slices"], values(ran)
    families = {"user-activity", "user-training", "item-popularity", "item-training", "user:gender", "user:age"}
    assert set(slices) == families
    for family in ("user-activity", "user:age"):
        groups = slices[family].values()
        assert len(groups) == 3
        assert sum(group.n_users for group in groups) == len(ran.fold.test)
        for label in ("ndcg@5", "recall@5", "auc"):
            total = sum(group.n_users * group.metrics[label] for group in groups)
            assert total / len(ran.fold.test) == pytest.approx(whole[label], abs=1e-12)
    assert set(slices["user:gender"]) == {"f", "m"}
    assert sum(group.n_users for group in slices["user:gender"].values()) < len(ran.fold.test)


def test_the_table_says_which_group_a_user_is_in(world: Any) -> None:
    ran = world.run(slices=["gender"])
    table = ran.outcome.tables[PER_USER_FILE].to_pylist()
    for group in ("f", "m"):
        inside = [row["ndcg@5"] for row in table if row["user:gender"] == group]
        assert np.mean(inside) == pytest.approx(ran.outcome.fields["slices"]["user:gender"][group].metrics["ndcg@5"])
    nobodys = {int(row["user"][1:]) % 3 for row in table if row["user:gender"] is None}
    assert nobodys == {2}


def test_rating_tasks_have_the_slices_of_users(world: Any) -> None:
    ran = world.run("means", RATING, slices=["age"])
    assert set(ran.outcome.fields["slices"]) == {"user-activity", "user-training", "user:age"}


@pytest.mark.parametrize(
    ("feature", "error", "message"),
    [
        ("gendre", UnknownNameError, "unknown user feature 'gendre'. Did you mean 'gender'"),
        ("bio", UsageError, "divided by a category or a number. Got 'bio', which is text"),
    ],
)
def test_a_feature_that_does_not_divide_is_one_line(world: Any, feature: str, error: type, message: str) -> None:
    with pytest.raises(error, match=message) as raised:
        world.run(slices=[feature])
    assert "\n" not in str(raised.value)
