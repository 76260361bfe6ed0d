"""What is stored in a real sqlite store, and that repeating changes nothing."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import BAD_REQUEST

from bench.ledger import TrialRecord, TuningLedger
from bench.records import Status
from bench.store import RECORD_FILE, Store, Stored
from bench.tracking import content, sink
from bench.tracking.markers import is_marked
from bench.tracking.places import Place
from bench.tracking.sink import Sink

MakeResult = Callable[..., Stored]
NewSink = Callable[[], Sink]
RunsOf = Callable[..., list[Run]]
NOTE = "mlflow.note.content"


def artifacts(client: MlflowClient, run: Run) -> list[str]:
    return sorted(file.path for file in client.list_artifacts(run.info.run_id))


def test_a_result_is_stored_whole(
    new_sink: NewSink, make_result: MakeResult, client: MlflowClient, runs_of: RunsOf, tmp_path: Path
) -> None:
    curve = [(epoch, 1 / epoch) for epoch in range(1, 6)]
    stored = make_result(
        "vae", metrics={"ndcg@10": 0.25}, parameters={"size": 600}, curves={"train_loss": curve}, seed=2026
    )
    assert new_sink().mirror(stored.path) == "mirrored"

    (run,) = runs_of("result")
    assert run.info.run_name == "vae · seed 2026"
    assert run.info.status == "FINISHED"
    assert run.info.start_time == content.milliseconds(stored.record.started_at)
    assert run.info.end_time == content.milliseconds(stored.record.finished_at)
    assert run.data.params == {"size": "600"}
    assert run.data.metrics["test/ndcg_at_10"] == 0.25
    assert run.data.metrics["cost/fit_seconds"] == 2.0
    history = client.get_metric_history(run.info.run_id, "curve/train_loss")
    assert sorted((point.step, point.value) for point in history) == curve
    assert run.data.tags["bench.key"] == stored.record.key
    (data,) = run.inputs.dataset_inputs
    assert (data.dataset.name, data.dataset.digest) == ("smoke", "d")
    assert artifacts(client, run) == ["per_user_sample.json", RECORD_FILE]
    copy = client.download_artifacts(run.info.run_id, RECORD_FILE, str(tmp_path))
    assert Path(copy).read_text() == (stored.path / RECORD_FILE).read_text()


def table_of(client: MlflowClient, run: Run) -> pd.DataFrame:
    """The table as MLflow itself reads it back; it looks for runs where the process, not the client, tracks."""
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(client.tracking_uri)
    try:
        return client.load_table(run.info.experiment_id, "per_user_sample.json", [run.info.run_id])
    finally:
        mlflow.set_tracking_uri(before)


def test_the_sample_has_the_scores_and_lists_of_the_first_users(
    new_sink: NewSink, make_result: MakeResult, client: MlflowClient, runs_of: RunsOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.tracking.sample.SAMPLE_USERS", 25)
    values = {"ndcg@10": [0.123456, math.nan, *[0.5] * 28], "recall@5": [1.0] * 30}
    users = [f"u{user:02d}" for user in range(30)]
    new_sink().mirror(make_result("ease", metrics={"coverage@10": 0.1}, per_user=values, users=users).path)
    (run,) = runs_of("result")
    table = table_of(client, run)
    assert table.columns.tolist() == ["user", "recommended", "ndcg@10", "recall@5"]
    assert table["user"].tolist() == users[:25]
    assert table["recommended"][0] == "i1, i2, i3, i4, i5, i6, i7, i8, i9, i10"
    assert table["ndcg@10"][0] == pytest.approx(0.1235, abs=1e-9)
    assert table["ndcg@10"].isna().tolist() == [False, True, *[False] * 23]
    assert json.loads(run.data.tags["mlflow.loggedArtifacts"]) == [{"path": "per_user_sample.json", "type": "table"}]


def test_a_run_that_is_completed_has_every_user_once(
    new_sink: NewSink, make_result: MakeResult, client: MlflowClient, runs_of: RunsOf
) -> None:
    stored = make_result("ease")
    new_sink().mirror(stored.path)
    client.update_run(runs_of("result")[0].info.run_id, "RUNNING")
    new_sink().mirror(stored.path)
    (run,) = runs_of("result")
    table = table_of(client, run)
    assert table.columns.tolist() == ["user", "recommended"]
    assert table["user"].is_unique
    assert len(table) == 30


def test_predicted_ratings_have_scores_and_no_lists(
    new_sink: NewSink, make_run: MakeResult, client: MlflowClient, runs_of: RunsOf
) -> None:
    new_sink().mirror(make_run("means", per_user={"rmse": [0.5, 1.0]}).path)
    table = table_of(client, runs_of("result")[0])
    assert table.to_dict("list") == {"user": ["u0", "u1"], "rmse": [0.5, 1.0]}


def test_a_failed_result_is_stored_with_its_reason(
    new_sink: NewSink, make_run: MakeResult, client: MlflowClient, runs_of: RunsOf
) -> None:
    writer = new_sink()
    writer.mirror(make_run("vae", status=Status.DIVERGED, reason="NaN in epoch 3.").path)
    writer.finish({})
    (run,) = runs_of("result")
    assert run.info.status == "FAILED"
    assert run.data.tags["bench.reason"] == "NaN in epoch 3."
    assert "NaN in epoch 3." in run.data.tags[NOTE]
    assert artifacts(client, run) == [RECORD_FILE]
    (parent,) = runs_of("invocation")
    assert parent.info.status == "FAILED"


def test_nan_is_kept_and_none_is_left_out(new_sink: NewSink, make_result: MakeResult, runs_of: RunsOf) -> None:
    stored = make_result("ease", metrics={"ndcg@10": None, "hit@10": 1.0}, curves={"gap": [(1, 0.5), (2, 0.25)]})
    new_sink().mirror(stored.path)
    (run,) = runs_of("result")
    assert "test/ndcg_at_10" not in run.data.metrics
    assert run.data.metrics["test/hit_at_10"] == 1.0
    assert not any(math.isinf(value) for value in run.data.metrics.values())


def test_more_than_a_batch(new_sink: NewSink, make_result: MakeResult, client: MlflowClient, runs_of: RunsOf) -> None:
    curve = [(step, float(step)) for step in range(2500)]
    stored = make_result("gan", curves={"loss": curve}, parameters={f"p{index}": index for index in range(230)})
    new_sink().mirror(stored.path)
    (run,) = runs_of("result")
    assert len(run.data.params) == 230
    assert len(client.get_metric_history(run.info.run_id, "curve/loss")) == 2500


def test_results_are_children_of_their_invocation(
    new_sink: NewSink, make_result: MakeResult, runs_of: RunsOf, client: MlflowClient
) -> None:
    writer = new_sink()
    for row in ("ease", "vae"):
        writer.mirror(make_result(row).path)
    writer.mirror(make_result("ease", task="temporal").path)
    writer.finish({"smoke-v1/holdout": "### Board", "unknown-v1/none": "x"})
    (parent,) = runs_of("invocation")
    assert {run.data.tags["mlflow.parentRunId"] for run in runs_of("result")} == {parent.info.run_id}
    assert parent.info.run_name == "bench run · 2026-01-01 00:00:00"
    assert parent.info.status == "FINISHED"
    assert parent.data.tags[NOTE] == "### Board"
    assert parent.data.tags["bench.command"] == "bench run --suite smoke"
    assert len(runs_of("invocation", "smoke-v1/temporal")) == 1
    experiment = client.get_experiment_by_name("smoke-v1/holdout")
    assert experiment is not None
    assert experiment.tags[NOTE].endswith("\n\n### Board")
    assert f"#/experiments/{experiment.experiment_id}/runs" in experiment.tags[NOTE]


def test_the_ui_has_a_saved_view(
    new_sink: NewSink, make_result: MakeResult, make_run: MakeResult, client: MlflowClient
) -> None:
    writer = new_sink()
    writer.mirror(make_result("ease").path)
    writer.mirror(make_run("vae", status=Status.FAILED).path)
    writer.finish({})
    experiment = client.get_experiment_by_name("smoke-v1/holdout")
    assert experiment is not None
    view = json.loads(experiment.tags["mlflow.sharedViewState.leaderboard"])
    state = json.loads(view["state"])
    assert state["orderByKey"] == "metrics.`test/ndcg_at_10`"
    assert state["orderByAsc"] is False
    assert state["selectedColumns"][:2] == ["metrics.`test/ndcg_at_10`", "metrics.`test/recall_at_5`"]


def test_nothing_is_mirrored_twice(new_sink: NewSink, make_result: MakeResult, runs_of: RunsOf, store: Place) -> None:
    stored = make_result("ease")
    assert new_sink().mirror(stored.path) == "mirrored"
    assert is_marked(stored.path, store.shown, stored.record.attempt)
    (stored.path / "mlflow.json").unlink()
    again = new_sink()
    assert again.mirror(stored.path) == "present"
    again.finish({})
    assert is_marked(stored.path, store.shown, stored.record.attempt)
    assert len(runs_of("result")) == 1
    assert len(runs_of("invocation")) == 1


def test_another_attempt_is_another_run(
    new_sink: NewSink, make_result: MakeResult, runs_of: RunsOf, root: Path
) -> None:
    stored = make_result("ease")
    new_sink().mirror(stored.path)
    Store(root).write(stored.record.model_copy(update={"attempt": "second"}))
    assert new_sink().mirror(stored.path) == "mirrored"
    assert {run.data.tags["bench.attempt"] for run in runs_of("result")} == {"ease-1", "second"}


@pytest.mark.parametrize("step", ["log_batch", "log_inputs", "log_artifacts", "set_terminated"])
def test_a_run_that_was_begun_is_completed(
    new_sink: NewSink, make_result: MakeResult, runs_of: RunsOf, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    stored = make_result("vae", curves={"train_loss": [(1, 0.5), (2, 0.4)]}, parameters={"size": 1})
    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, step, die)
        with pytest.raises(KeyboardInterrupt):
            new_sink().mirror(stored.path)
    (begun,) = runs_of("result")
    assert begun.info.status == "RUNNING"
    assert new_sink().mirror(stored.path) == "mirrored"
    (run,) = runs_of("result")
    assert run.info.run_id == begun.info.run_id
    assert run.info.status == "FINISHED"
    assert run.data.params == {"size": "1"}
    assert run.data.metrics["curve/train_loss"] == 0.4
    assert len(run.inputs.dataset_inputs) == 1


def test_completing_a_run_does_not_double_its_curves(
    new_sink: NewSink, make_result: MakeResult, runs_of: RunsOf, client: MlflowClient
) -> None:
    stored = make_result("vae", curves={"train_loss": [(1, 0.5), (2, 0.4)]})
    new_sink().mirror(stored.path)
    (run,) = runs_of("result")
    client.update_run(run.info.run_id, "RUNNING")
    new_sink().mirror(stored.path)
    assert len(client.get_metric_history(run.info.run_id, "curve/train_loss")) == 2


def test_a_run_that_somebody_deleted_stays_deleted(
    new_sink: NewSink, make_result: MakeResult, runs_of: RunsOf, client: MlflowClient
) -> None:
    stored = make_result("ease")
    new_sink().mirror(stored.path)
    client.delete_run(runs_of("result")[0].info.run_id)
    assert new_sink().mirror(stored.path) == "present"
    assert runs_of("result") == []


def test_a_deleted_experiment_is_restored(new_sink: NewSink, make_result: MakeResult, client: MlflowClient) -> None:
    new_sink().mirror(make_result("ease").path)
    experiment = client.get_experiment_by_name("smoke-v1/holdout")
    assert experiment is not None
    client.delete_experiment(experiment.experiment_id)
    assert new_sink().mirror(make_result("vae").path) == "mirrored"


def test_only_runs_of_dead_processes_are_closed(
    new_sink: NewSink, make_result: MakeResult, runs_of: RunsOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sink, "this_process", lambda: "another-machine/1/1")
        new_sink().mirror(make_result("ease").path)
    alive = new_sink()
    alive.mirror(make_result("vae").path)
    later = new_sink()
    later.mirror(make_result("hybrid").path)
    assert later.finish({}) == 1
    assert [run.info.status for run in runs_of("invocation")].count("KILLED") == 1
    assert [run.info.status for run in runs_of("invocation")].count("RUNNING") == 1
    assert {run.info.status for run in runs_of("result")} == {"FINISHED"}


def test_what_tuning_did_is_drawn(
    new_sink: NewSink, make_result: MakeResult, client: MlflowClient, runs_of: RunsOf
) -> None:
    states: list[Any] = [("complete", 0.1), ("pruned", None), ("failed", None), ("complete", 0.3), ("complete", 0.2)]
    history = [TrialRecord(number=n, state=s, value=v, seconds=1.0) for n, (s, v) in enumerate(states)]
    stored = make_result("ease", metrics={"ndcg@10": 0.2}, trials=5)
    ledger = stored.record.tuning.model_copy(update={"history": history, "importances": {"l2": 1.0}})
    tuned = rewritten(stored, ledger)
    assert ledger.best_so_far() == [0.1, 0.1, 0.1, 0.3, 0.3]
    invocation = new_sink()
    invocation.mirror(tuned.path)
    invocation.finish({})
    (run,) = runs_of("result")
    assert {"tuning-history.png", "tuning-importance.png"} <= set(artifacts(client, run))
    (parent,) = runs_of("invocation")
    assert artifacts(client, parent) == []


def test_what_a_larger_budget_was_worth_is_drawn(
    new_sink: NewSink, make_result: MakeResult, client: MlflowClient, runs_of: RunsOf
) -> None:
    invocation = new_sink()
    for row, trials, value in (("ease", 40, 0.3), ("ease-after-5-trials", 5, 0.2)):
        stored = make_result(row, metrics={"ndcg@10": value}, trials=trials)
        ledger = stored.record.tuning.model_copy(update={"budget_trials": trials})
        invocation.mirror(rewritten(stored, ledger).path)
    invocation.finish({})
    (parent,) = runs_of("invocation")
    assert artifacts(client, parent) == ["tuning-budgets.png"]


def rewritten(stored: Stored, ledger: TuningLedger) -> Stored:
    """The result with another ledger."""
    record = stored.record.model_copy(update={"tuning": ledger})
    (stored.path / RECORD_FILE).write_text(record.model_dump_json())
    return Stored(stored.path, record)


def test_a_tag_that_another_invocation_wrote_at_the_same_moment_is_written_again(
    new_sink: NewSink, make_result: MakeResult, client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL refuses the second of two that insert it."""
    writer, real, refusals = new_sink(), client.set_experiment_tag, iter([True])
    writer.mirror(make_result("ease").path)

    def refuse_once(*arguments: str) -> None:
        if next(refusals, False):
            raise MlflowException("duplicate key value", error_code=BAD_REQUEST)
        real(*arguments)

    monkeypatch.setattr(client, "set_experiment_tag", refuse_once)
    writer.finish({"smoke-v1/holdout": "### Board"})
    found = client.get_experiment_by_name("smoke-v1/holdout")
    assert found is not None
    assert found.tags[NOTE].endswith("### Board")
