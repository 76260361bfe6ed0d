"""Timelines from hand-made records: what is one point, what can be compared, what is marked as changed."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bench.errors import UnknownNameError
from bench.records import Code, DatasetRef, Status, SuiteRef, Timings
from bench_reports.changes import Mark
from bench_reports.history import Timeline, Verdict, json_timelines, render_csv, timelines

USERS = np.random.default_rng(0).random(200)
MANY = np.random.default_rng(1).normal(0, 0.05, (6, 200))


def only(runs: list[Any], **options: Any) -> Timeline:
    """The one timeline of these runs."""
    (found,) = timelines(runs, **options)
    return found


def code(content: str, commit: str = "c" * 40, dirty: bool = False, version: str = "0") -> Code:
    return Code(version=version, content=content, commit=commit, dirty=dirty)


def texts(timeline: Timeline) -> list[list[str]]:
    return [[mark.text for mark in point.marks] for point in timeline.points]


def test_a_point_a_setup_in_order_of_time(make_run: Any) -> None:
    runs = [
        make_run("a", metrics={"ndcg@10": 0.3}, day=9, code=code("two", "d" * 40, dirty=True)),
        make_run("a", metrics={"ndcg@10": 0.2}, day=2, code=code("one", "e" * 40)),
    ]
    found = only(runs)
    assert [(point.when, point.short_commit, point.value) for point in found.points] == [
        ("2026-01-02T00:00:00+00:00", "eeeeeee", 0.2),
        ("2026-01-09T00:00:00+00:00", "ddddddd*", 0.3),
    ]
    assert found.points[1].difference == pytest.approx(0.1)
    assert texts(found) == [[], ["code"]]
    assert (found.points[0].fit_seconds, found.points[0].peak_bytes) == (3.0, 300 * 2**20)


def test_seeds_and_folds_of_one_setup_are_one_point(make_run: Any) -> None:
    runs = [
        make_run("a", metrics={"ndcg@10": value}, seed=seed, day=day, fold_fields={"index": index, "count": 2})
        for value, seed, day, index in [(0.1, 1, 3, 0), (0.2, 1, 3, 1), (0.3, 2, 8, 0), (0.4, 2, 8, 1)]
    ]
    (point,) = only(runs).points
    assert (point.seeds, point.n_runs, point.when[:10]) == ((1, 2), 4, "2026-01-03")
    assert point.value == pytest.approx(0.25)
    (lacking,) = only(runs[:3]).points
    assert (lacking.value, lacking.status) == (None, Status.OK)


def test_folds_that_were_tuned_each_by_itself_are_one_point(make_run: Any) -> None:
    runs = [
        make_run(
            "a",
            metrics={"ndcg@10": 0.1},
            trials=20,
            parameters={"l2": index},
            fold_fields={"index": index, "count": 2},
        )
        for index in (0, 1)
    ]
    assert [point.value for point in only(runs).points] == [pytest.approx(0.1)]


def test_a_rerun_is_no_new_point(make_run: Any) -> None:
    """Under the same key it replaces the record; under another, of the same setup, the newest counts."""
    runs = [make_run("a", metrics={"ndcg@10": value}, day=day) for value, day in [(0.1, 2), (0.2, 5)]]
    (point,) = only(runs).points
    assert (point.value, point.n_runs, point.records) == (0.2, 1, (runs[1].path,))


def test_code_that_computes_the_same_is_no_new_point(make_run: Any) -> None:
    """A commit that touches no source that can change a result; the clean one is named."""
    commits = [("a" * 40, True), ("b" * 40, False)]
    runs = [
        make_run("x", metrics={"ndcg@10": 0.1}, day=day, seed=day, code=code("same", *commit))
        for day, commit in enumerate(commits, 1)
    ]
    (point,) = only(runs).points
    assert point.short_commit == "bbbbbbb"


@pytest.mark.parametrize(
    ("after", "kind", "text"),
    [
        ({"parameters": {"l2": 224.329}}, "parameters", "l2 500 → 224.3"),
        ({"parameters": {}}, "parameters", "l2 500 → default"),
        ({"code": code("d", version="1")}, "code", "code 0 → 1"),
        ({"final_fit": "train"}, "training", "trained on train+validation → train"),
        ({"threads": 4, "cores": 8}, "machine", "cores 2 → 8, threads 1 → 4"),
        ({"packages": {"numpy": "2"}}, "packages", "numpy none → 2"),
    ],
)
def test_what_changed_is_marked(make_run: Any, after: dict[str, Any], kind: str, text: str) -> None:
    before = make_run("a", metrics={"ndcg@10": 0.1}, parameters={"l2": 500.0}, day=1)
    fields = {"parameters": {"l2": 500.0}, **after}
    machine = {name: fields.pop(name) for name in ("threads", "cores", "packages") if name in fields}
    environment = before.record.environment.model_copy(update=machine)
    run = make_run("a", metrics={"ndcg@10": 0.2}, day=2, environment=environment, **fields)
    found = only([before, run])
    assert found.points[1].marks == (Mark(kind, text),)  # type: ignore[arg-type]
    assert not found.points[1].starts_segment
    assert found.points[1].difference == pytest.approx(0.1)


def test_versions_of_a_suite_are_one_timeline(make_run: Any) -> None:
    first, second = (make_run("a", metrics={"ndcg@10": 0.1 * day}, day=day) for day in (1, 2))
    suite = SuiteRef(name="smoke", version=2, fingerprint="s")
    second = replace(second, record=second.record.model_copy(update={"suite": suite}))
    found = only([first, second])
    assert [point.suite for point in found.points] == ["smoke-v1", "smoke-v2"]
    assert texts(found)[1] == ["suite v1 → v2"]
    assert found.points[1].difference == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("after", "text"),
    [
        ({"fold": "0" * 64, "fold_fields": {"seed": 7}}, "split: seed 1 → 7"),
        ({"versions": {"ndcg@10": 2}}, "ndcg@10 v1 → v2"),
        ({"fold_fields": {"rules": {"repeats": True}}}, "split: repeats default → True"),
        ({"dataset": DatasetRef(name="smoke", version=2, fingerprint="e", source="")}, "data smoke v1 → smoke v2"),
        ({"dataset": DatasetRef(name="smoke", version=1, fingerprint="e", source="")}, "content of smoke v1"),
    ],
)
def test_what_cannot_be_compared_starts_a_segment(make_run: Any, after: dict[str, Any], text: str) -> None:
    values = {"ndcg@10": USERS}
    runs = [
        make_run("a", per_user=values, day=1),
        make_run("a", per_user=values, day=2, **after),
        make_run("a", per_user={"ndcg@10": USERS + 0.01}, day=3, code=code("d"), **after),
    ]
    found = only(runs)
    assert [point.starts_segment for point in found.points] == [False, True, False]
    assert (found.points[1].difference, found.points[1].verdict) == (None, Verdict.UNTESTED)
    assert texts(found)[1] == [text]
    assert found.points[2].difference == pytest.approx(0.01)
    assert [len(segment) for segment in found.segments] == [1, 2]


def test_a_failure_is_a_point_without_a_value_and_is_passed_over(make_run: Any) -> None:
    runs = [
        make_run("a", per_user={"ndcg@10": USERS}, day=1, versions={"ndcg@10": 1}),
        make_run("a", status=Status.DIVERGED, reason="nan", day=2, code=code("bad"), fold="0" * 64),
        make_run("a", per_user={"ndcg@10": USERS - 0.2 + MANY[0]}, day=3, code=code("good")),
    ]
    found = only(runs)
    assert [(point.status, point.value is None) for point in found.points] == [
        (Status.OK, False),
        (Status.DIVERGED, True),
        (Status.OK, False),
    ]
    assert found.points[2].verdict is Verdict.WORSE
    assert texts(found)[2] == ["code"]
    assert len(found.segments) == 1


def test_a_point_that_lost_a_seed_has_no_value(make_run: Any) -> None:
    runs = [
        make_run("a", metrics={"ndcg@10": 0.9}, seed=1),
        make_run("a", status=Status.TIMEOUT, reason="60 s", seed=2),
    ]
    (point,) = only(runs).points
    assert (point.value, point.n_runs, point.n_failed, point.status) == (None, 2, 1, Status.TIMEOUT)


@pytest.mark.parametrize(
    ("change", "higher", "verdict"),
    [
        (0.05 + MANY[0], True, Verdict.BETTER),
        (0.05 + MANY[0], False, Verdict.WORSE),
        (-0.05 + MANY[0], True, Verdict.WORSE),
        (MANY[0], True, Verdict.NOT_SEPARABLE),
        (0 * USERS, True, Verdict.SAME),
    ],
)
def test_what_is_said_of_a_change(make_run: Any, change: Any, higher: bool, verdict: Verdict) -> None:
    runs = [
        make_run("a", per_user={"ndcg@10": USERS}, day=1, code=code("1")),
        make_run("a", per_user={"ndcg@10": USERS + change}, day=2, code=code("2")),
    ]
    for run in runs:
        (value,) = run.record.metrics.values()
        run.record.metrics["ndcg@10"] = value.model_copy(update={"higher_is_better": higher})
    assert only(runs).points[1].verdict is verdict


def test_without_values_a_user_there_is_a_difference_and_no_verdict(make_run: Any) -> None:
    runs = [make_run("a", metrics={"ndcg@10": 0.1 * day}, day=day, code=code(str(day))) for day in (1, 2)]
    point = only(runs).points[1]
    assert point.difference == pytest.approx(0.1)
    assert (point.verdict, point.p_adjusted) == (Verdict.UNTESTED, None)


@pytest.mark.parametrize(("seeds", "verdict"), [((1,), Verdict.LONE_SEED), ((1, 2, 3), Verdict.WORSE)])
def test_a_lone_seed_gets_no_verdict(make_run: Any, seeds: tuple[int, ...], verdict: Verdict) -> None:
    """A code change and another seed's luck look alike. With several seeds there is one."""
    runs = [
        make_run(
            "a",
            per_user={"ndcg@10": USERS - 0.3 * day + MANY[seed]},
            seed=seed,
            seeded=True,
            code=code(str(day)),
            day=day,
        )
        for day in (1, 2)
        for seed in seeds
    ]
    assert only(runs).points[1].verdict is verdict


def test_all_changes_of_a_task_are_corrected_together(make_run: Any) -> None:
    def two(row: str, shift: Any) -> list[Any]:
        return [
            make_run(row, per_user={"ndcg@10": USERS + day * shift}, day=day + 1, code=code(str(day))) for day in (0, 1)
        ]

    alone = only(two("a", 0.008 + MANY[0])).points[1]
    others = [run for index, name in enumerate("bcdef", 1) for run in two(name, MANY[index])]
    found = {one.row: one for one in timelines([*two("a", 0.008 + MANY[0]), *others])}
    together = found["a"].points[1]
    assert alone.p_adjusted is not None
    assert together.p_adjusted is not None
    assert alone.p_adjusted < together.p_adjusted <= 6 * alone.p_adjusted


def test_rows_with_the_best_newest_value_come_first(make_run: Any) -> None:
    values = {"b": 0.1, "a": 0.3, "failed": None}
    runs = [make_run(name, metrics={} if value is None else {"ndcg@10": value}) for name, value in values.items()]
    assert [one.row for one in timelines(runs)] == ["a", "b", "failed"]


def test_rows_and_metrics_are_chosen(make_run: Any) -> None:
    runs = [
        make_run("a", metrics={"ndcg@10": 0.1, "hit@10": 0.7}),
        make_run("b", metrics={"ndcg@10": 0.1}, task="next-item"),
    ]
    assert [(one.task, one.row, one.metric) for one in timelines(runs, metric="hit@10")] == [("holdout", "a", "hit@10")]
    assert [(one.task, one.row) for one in timelines(runs, rows=["b"])] == [("next-item", "b")]
    with pytest.raises(UnknownNameError, match="unknown metric 'hit@1'"):
        timelines(runs, metric="hit@1")
    with pytest.raises(UnknownNameError, match="unknown row among the results 'c'"):
        timelines(runs, rows=["c"])


def test_json_and_csv(make_run: Any) -> None:
    runs = [
        make_run("a", metrics={"ndcg@10": 0.1}, day=1, seed=3, timings=Timings(fit_seconds=2.5)),
        make_run("a", status=Status.FAILED, reason="no", day=2, code=code("d")),
    ]
    (timeline,) = json.loads(json.dumps(json_timelines(timelines(runs)), allow_nan=False))
    assert {name: timeline[name] for name in ("suite", "task", "row", "metric", "higher_is_better")} == {
        "suite": "smoke",
        "task": "holdout",
        "row": "a",
        "metric": "ndcg@10",
        "higher_is_better": True,
    }
    assert [point["value"] for point in timeline["points"]] == [0.1, None]
    assert timeline["points"][1]["marks"] == [{"kind": "code", "text": "code"}]
    first, second = csv.DictReader(io.StringIO(render_csv(timelines(runs))))
    assert (first["row"], first["seeds"], first["value"], first["fit_seconds"]) == ("a", "3", "0.1", "2.5")
    assert (second["status"], second["value"], second["marks"]) == ("failed", "", "code")
    assert first["records"] == str(runs[0].path)
