"""Curves, tuning and groups: the numbers in the specification are those of the records."""

from __future__ import annotations

from typing import Any

import pytest

from bench.ledger import TrialRecord, TuningLedger
from bench.slices import SliceValue
from bench_reports.figures.lines import MOST_POINTS, finite, thinned


def values(figure: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = figure.spec["datasets"][figure.spec["data"]["name"]]
    return found


def test_long_curves_keep_their_ends() -> None:
    points = [(float(x), 0.0) for x in range(1000)]
    kept = thinned(points)
    assert len(kept) == MOST_POINTS
    assert (kept[0], kept[-1]) == (points[0], points[-1])
    assert thinned(points[:5]) == points[:5]
    assert finite([(1, float("nan")), (2, float("inf")), (3, 1.0)]) == [(3, 1.0)]


def test_validation_has_a_line_a_seed_and_finds_the_best(make_run: Any, figure_of: Any, written: Any) -> None:
    curves = {1: [(1, 0.1), (2, 0.3), (3, 0.2)], 2: [(1, 0.1), (2, 0.25)]}
    runs = [
        make_run("a", metrics={"ndcg@10": 0.5}, seed=seed, curves={"validation": own}) for seed, own in curves.items()
    ]
    figure = figure_of([*runs, make_run("b", metrics={"ndcg@10": 0.4})], "-validation-curves")
    assert [row["y"] for row in values(figure)] == [[0.1, 0.3, 0.2], [0.1, 0.25]]
    assert figure.rows == (("a", "1", "3", "2", "0.3000"), ("a", "2", "2", "2", "0.2500"))
    assert "a came to the best value, 0.3000 at epoch 2; a trained longest, to epoch 3." in figure.summary
    assert {"a", "epoch", "ndcg@10 on validation"} <= set(written(figure))


def test_the_best_validation_is_the_least_where_lower_is_better(make_run: Any, figure_of: Any) -> None:
    run = make_run("a", metrics={"ndcg@10": 0.5}, higher_is_better=False, curves={"validation": [(1, 0.1), (2, 0.3)]})
    assert figure_of([run], "-validation-curves").rows == (("a", "1", "2", "1", "0.1000"),)


def test_only_the_best_are_coloured(make_run: Any, figure_of: Any) -> None:
    runs = [
        make_run(f"a{place}", metrics={"ndcg@10": place / 10}, curves={"validation": [(1, 0.1)]}) for place in range(8)
    ]
    rows = values(figure_of(runs, "-validation-curves"))
    assert {row["n"] for row in rows if not row["o"]} == {"a7", "a6", "a5", "a4", "a3"}
    assert {row["c"] for row in rows if row["o"]} == {"3 others"}


def test_losses_are_chosen_by_algorithm(make_run: Any, figure_of: Any, written: Any) -> None:
    curves = {"generator_loss": [(1, 5.0), (2, 4.0)], "validation": [(1, 0.1)]}
    figure = figure_of([make_run("a", metrics={"ndcg@10": 0.5}, curves=curves)], "-training-losses")
    assert figure.rows == (("a", "1", "generator_loss", "2", "5", "4"),)
    assert "generator loss" in written(figure)


def ledger(**fields: Any) -> TuningLedger:
    trials: list[Any] = [("complete", 0.2), ("pruned", None), ("complete", 0.4), ("complete", 0.3)]
    history = [TrialRecord(number=n, state=s, value=v, seconds=1.0) for n, (s, v) in enumerate(trials)]
    known = {"sampler": "tpe", "metric": "ndcg@10", "command": "c", "fold": "f", "history": history} | fields
    counts = {"trials": 4, "completed": 3, "pruned": 1, "failed": 0, "seconds": 4.0, "seed": 1}
    return TuningLedger.model_validate({**counts, "best_value": 0.4, "best_trial": 2, **known})


def test_the_history_is_the_ledgers_and_its_best_so_far(make_run: Any, figure_of: Any, written: Any) -> None:
    figure = figure_of([make_run("a", metrics={"ndcg@10": 0.5}, tuning=ledger())], "-tuning-history")
    (row,) = values(figure)
    assert row["v"] == [0.2, None, 0.4, 0.3]
    assert row["b"] == [0.2, 0.2, 0.4, 0.4]
    assert figure.rows == (("a", "4", "1", "0", "0.4000", "trial 3", "4.0 s"),)
    assert {"complete", "pruned", "trial"} <= set(written(figure))


def test_importances_begin_with_a_row_that_had_a_choice(make_run: Any, figure_of: Any, written: Any) -> None:
    runs = [
        make_run("one", metrics={"ndcg@10": 0.9}, tuning=ledger(importances={"l2": 1.0})),
        make_run("two", metrics={"ndcg@10": 0.5}, tuning=ledger(importances={"k": 0.25, "shrinkage": 0.75})),
    ]
    figure = figure_of(runs, "-tuning-importance")
    assert "for two it is mostly shrinkage, with 75 %" in figure.summary
    assert {"k", "shrinkage"} <= set(written(figure))
    assert figure.rows == (("two", "shrinkage", "75 %"), ("two", "k", "25 %"), ("one", "l2", "100 %"))


def test_nothing_of_tuning_without_trials(make_run: Any, figure_of: Any) -> None:
    run = make_run("a", metrics={"ndcg@10": 0.5}, tuning=ledger(history=[], importances={}))
    assert figure_of([run], "-tuning-history") is None
    assert figure_of([run], "-tuning-importance") is None


@pytest.mark.parametrize("lower", [False, True])
def test_groups_name_the_best_and_the_worst(make_run: Any, figure_of: Any, written: Any, lower: bool) -> None:
    groups = {"low": 0.1, "middle": None, "high": 0.4}
    slices = {"activity": {name: SliceValue(n_users=7, metrics={"ndcg@10": value}) for name, value in groups.items()}}
    run = make_run("a", metrics={"ndcg@10": 0.3}, slices=slices, higher_is_better=not lower)
    figure = figure_of([run], "-groups")
    best, worst = ("0.1000 in group low", "0.4000 in group high")[:: 1 if lower else -1]
    assert f"a comes to {best}, its best, and to {worst}, its worst" in figure.summary
    (row,) = values(figure)
    assert (row["g"], row["v"], row["u"]) == (["low", "high"], [0.1, 0.4], [7, 7])
    assert figure.rows[1] == ("activity", "a", "middle", "7", "—")
    assert {"a", "low", "high"} <= set(written(figure))
