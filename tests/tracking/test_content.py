"""What MLflow is told of a record."""

from __future__ import annotations

import json
import math
from collections.abc import Callable

import pytest

from bench.records import Code, RunRecord, Status
from bench.store import Stored
from bench.tracking import content

MakeRun = Callable[..., Stored]


def keyed(record: RunRecord) -> dict[str, float]:
    return {point.key: point.value for point in content.points(record)}


def test_parameters_are_flattened(make_run: MakeRun) -> None:
    nested = {
        "l2": 500.0,
        "base": {"name": "ease", "deep": {"on": True}},
        "sizes": [600, 200],
        "none": None,
        "empty": {},
    }
    assert content.params(make_run("ease", parameters=nested).record) == {
        "l2": "500.0",
        "base.name": "ease",
        "base.deep.on": "True",
        "sizes": "[600, 200]",
        "none": "None",
        "empty": "{}",
    }


def test_a_job_that_ended_early_has_the_parameters_it_was_given(make_run: MakeRun) -> None:
    record = make_run("ease", config_passed={"l2": 3.0}, config_effective={}, status=Status.FAILED).record
    assert content.params(record) == {"l2": "3.0"}


def test_a_long_parameter_says_that_it_was_cut(make_run: MakeRun) -> None:
    value = content.params(make_run("ease", parameters={"x": "a" * 7000}).record)["x"]
    assert len(value) == content.MAX_PARAM
    assert value.endswith("(cut from 7000 characters; all of it is in record.json)")


def test_undefined_metrics_have_no_point_and_infinity_becomes_nan(make_run: MakeRun) -> None:
    record = make_run("vae", metrics={"ndcg@10": None, "recall@5": math.nan, "hit@1": math.inf, "map@10": 0.5}).record
    values = keyed(record)
    assert "test/ndcg_at_10" not in values
    assert values["test/map_at_10"] == 0.5
    assert math.isnan(values["test/recall_at_5"])
    assert math.isnan(values["test/hit_at_1"])


def test_costs_and_curves_are_points(make_run: MakeRun) -> None:
    record = make_run("vae", curves={"train_loss": [(1, 0.9), (2, 0.4)], "validation@x": [(1, 0.1)]}).record
    curve = [(point.step, point.value) for point in content.points(record) if point.key == "curve/train_loss"]
    assert curve == [(1, 0.9), (2, 0.4)]
    values = keyed(record)
    assert values["cost/fit_seconds"] == 2.0
    assert values["cost/peak_bytes"] == 300 * 2**20
    assert "curve/validation_at_x" in values


def test_tags_identify_the_result(make_run: MakeRun) -> None:
    code = Code(version="0.1.0", content="abc", commit="f00", dirty=True)
    tags = content.tags(
        make_run("ease", metrics={"ndcg@10": 0.1}, seed=7, versions={"ndcg@10": 3}, code=code, trials=20).record
    )
    expected = {
        "bench.key": f"ease-7-1-{'f' * 64}",
        "bench.attempt": "ease-1",
        "bench.status": "ok",
        "bench.suite": "smoke-v1",
        "bench.task": "holdout",
        "bench.row": "ease",
        "bench.seed": "7",
        "bench.fold_fingerprint": "f" * 64,
        "bench.dataset_fingerprint": "d",
        "bench.metric_versions": '{"ndcg@10": 3}',
        "bench.code_version": "0.1.0",
        "bench.code_commit": "f00 (with uncommitted changes)",
        "bench.tuning_trials": "20",
    }
    assert {name: tags[name] for name in expected} == expected


def test_tags_have_no_empty_values_and_fit(make_run: MakeRun) -> None:
    record = make_run("ease", status=Status.FAILED, reason="r" * 20_000, traceback="t" * 20_000).record
    tags = content.tags(record)
    assert all(0 < len(value) <= content.MAX_TAG for value in tags.values())
    assert "bench.code_commit" not in tags


@pytest.mark.parametrize("status", Status)
def test_every_status_has_one_in_mlflow(make_run: MakeRun, status: Status) -> None:
    assert content.run_status(make_run("ease", status=status).record) in {"FINISHED", "FAILED", "KILLED"}


def test_the_note_of_a_failed_run_says_why(make_run: MakeRun) -> None:
    record = make_run("vae", status=Status.DIVERGED, reason="NaN in epoch 3.", traceback="Traceback: x").record
    assert content.note(record) == "**diverged**: NaN in epoch 3.\n\n\n```\nTraceback: x\n```"


def test_a_run_with_nothing_to_say_has_no_note(make_run: MakeRun) -> None:
    assert content.note(make_run("ease").record) == ""
    assert content.note(make_run("ease", warnings=["all tied"]).record) == "- all tied"


def test_a_long_note_ends_with_a_whole_line_and_says_so() -> None:
    lines = [f"| row {index} |" for index in range(1000)]
    note = content.fitting_note("\n".join(lines), 500)
    assert len(note) <= 500
    assert note.splitlines()[-1].startswith("… more than MLflow takes")
    assert note.splitlines()[-3] in lines
    assert content.fitting_note("short", 500) == "short"


def test_the_profile_says_how_much_data_there_is(make_run: MakeRun) -> None:
    assert json.loads(content.dataset_profile(make_run("ease").record))["users"]["test"] == 20


def test_times_without_a_zone_are_utc() -> None:
    assert content.milliseconds("2026-01-01T00:00:00.250") == content.milliseconds("2026-01-01T01:00:00.250+01:00")
