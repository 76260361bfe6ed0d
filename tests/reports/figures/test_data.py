"""Metrics by cut-off and what the data looks like: from records that have them, and nothing from those that do not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bench.profile import Activity, FoldProfile, LongTail, Timeline


def second(day: int) -> int:
    return int(datetime(2026, 1, day, tzinfo=UTC).timestamp())


def profile(cuts: dict[str, int]) -> FoldProfile:
    tail = LongTail(
        item_shares=[0.0, 0.2, 1.0],
        interaction_shares=[0.0, 0.75, 1.0],
        top_1_percent=0.1,
        top_5_percent=0.3,
        top_20_percent=0.75,
        gini=0.62,
    )
    activity = Activity(levels=[0.0, 0.5, 1.0], quantiles=[1.0, 4.0, 9.0], edges=[1, 2, 10], users=[3, 7])
    time = Timeline(first=second(1), last=second(11) - 1, counts={"train": [5, 1], "test": [0, 4]}, cuts=cuts)
    return FoldProfile(density=0.1, long_tail=tail, activity=activity, timeline=time)


def profiled(make_run: Any, cuts: dict[str, int]) -> list[Any]:
    return [make_run("a", metrics={"ndcg@10": 0.1}, fold_fields={"profile": profile(cuts)})]


def test_the_long_tail_and_the_activity_in_words(make_run: Any, figure_of: Any, written: Any) -> None:
    runs = profiled(make_run, {})
    tail = figure_of(runs, "-data-long-tail")
    assert (
        "The most popular 20 % of 30 items have 75 % of the interactions, the most popular 1 % have 10 %"
        in tail.summary
    )
    assert "20 % of the items: 75 %" in written(tail)
    active = figure_of(runs, "-data-activity")
    assert (
        "Half of the users have 4 interactions or fewer; the least active has 1, the most active 9." in active.summary
    )
    assert active.rows == (("1", "3"), ("2 to 9", "7"))
    assert "interactions of a user (log scale)" in written(active)


def test_the_timeline_has_its_cuts(make_run: Any, figure_of: Any, written: Any) -> None:
    figure = figure_of(profiled(make_run, {"test": second(7)}), "-data-timeline")
    assert (
        figure.summary
        == "Interactions from 2026-01-01 to 2026-01-10: 6 of train, 4 of test. Test begins on 2026-01-07."
    )
    assert figure.rows == (("2026-01-01", "5", "0"), ("2026-01-06", "1", "4"))
    assert {"train", "test", "interactions"} <= set(written(figure))
    overlapping = figure_of(profiled(make_run, {}), "-data-timeline")
    assert "The parts overlap in time." in overlapping.summary


def test_metrics_by_cutoff_are_means_over_seeds(make_run: Any, figure_of: Any, written: Any) -> None:
    seeds = {1: [0.1, 0.2, 0.3], 2: [0.3, 0.4, 0.5]}
    runs = [
        make_run("a", metrics={"ndcg@10": own[-1]}, seed=seed, by_cutoff={"recall": own[::-1], "ndcg": own})
        for seed, own in seeds.items()
    ]
    figure = figure_of(runs, "-by-cutoff")
    rows = figure.spec["datasets"][figure.spec["data"]["name"]]
    assert [(row["p"], row["x"]) for row in rows] == [("ndcg", [1, 2, 3]), ("recall", [1, 2, 3])]
    assert rows[0]["y"] == pytest.approx([0.2, 0.3, 0.4])
    assert "that of a goes from 0.2000 at 1 to 0.4000 at 3" in figure.summary
    assert figure.rows[0] == ("ndcg", "a", "0.2000", "0.3000", "0.4000")
    assert {"a", "k, the length of the list"} <= set(written(figure))


def test_older_records_have_neither(make_run: Any, figure_of: Any) -> None:
    runs = [make_run("a", metrics={"ndcg@10": 0.1})]
    endings = ("-by-cutoff", "-data-long-tail", "-data-activity", "-data-timeline")
    assert [figure_of(runs, ending) for ending in endings] == [None] * 4
