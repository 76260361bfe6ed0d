"""`bench champion`: the best row's model in MLflow recommends what is on record, or is not registered."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
import typer
from mlflow import MlflowClient
from mlflow.pyfunc import scoring_server

from bench.cli import champion
from bench.cli.champion import best_of
from bench.dataset_source import Acquire
from bench.errors import BenchError, NoVerdictError, UnknownNameError
from bench.plugins import load_registries
from bench.records import Status
from bench.running.folds import build_folds
from bench.running.local import LocalExecutor
from bench.running.plan import Job, Request, plan
from bench.running.process import Limits
from bench.store import TOPK_FILE, Store, Stored
from bench.suite import Suite
from bench.tracking.champion import Requests, check
from bench.tracking.places import Place, place

VALUES: dict[str, Any] = {
    "name": "fast",
    "version": 2,
    "description": "Rows that are told apart easily.",
    "dataset": "smoke",
    "seed": 3,
    "metrics": ["ndcg@10", "recall@5"],
    "primary_metric": "ndcg@10",
    "tasks": {
        "holdout": {"splitter": "holdout"},
        "sampled": {"splitter": "holdout", "candidates": {"n": 30}},
    },
    "algorithms": {"popularity": {}, "ease": {"parameters": {"l2": 20.0}}},
}


class Silent:
    def started(self, job: Job) -> None: ...
    def progress(self, job: Job, stage: str, done: int, total: int, note: str) -> None: ...
    def finished(self, job: Job, record: object) -> None: ...


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with both rows on both tasks."""
    work, registries = tmp_path_factory.mktemp("results"), load_registries()
    suite = Suite.model_validate(VALUES)
    jobs = plan(suite, build_folds(suite, registries, Acquire()), registries, work, Request())
    list(LocalExecutor(Store(work / "runs"), work, Limits(2), Silent()).run(jobs))
    return work / "runs"


@dataclass(frozen=True)
class World:
    """A results folder whose champions were registered, as the command printed them, in a store of their own."""

    store: Place
    client: MlflowClient
    printed: list[dict[str, Any]]

    def best(self, task: str) -> Stored:
        (found,) = (run for run in Store(self.store.root).all() if (run.record.task, run.record.row) == (task, "ease"))
        return found


@pytest.fixture(scope="module")
def world(results: Path, template: Path) -> Iterator[World]:
    before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    shutil.copyfile(template, results / "mlflow.db")
    store, printed = place(results), io.StringIO()
    with redirect_stdout(printed), pytest.raises(typer.Exit) as ended:
        champion.command("fast", out=results, json=True)
    assert not Path("mlruns").exists(), "nothing is written to the current folder"
    assert ended.value.exit_code == 0
    yield World(store, MlflowClient(store.uri), json.loads(printed.getvalue()))
    mlflow.set_tracking_uri(before[0])
    mlflow.set_registry_uri(before[1])


@pytest.fixture(scope="module")
def model(world: World) -> Any:
    """The champion of the task `holdout`, as whoever serves it gets it."""
    return mlflow.pyfunc.load_model("models:/fast.holdout@champion")


def requests(task: str = "holdout") -> pd.DataFrame:
    """Every test user with their history, as a stranger to the harness would write them down."""
    suite = Suite.model_validate(VALUES)
    fold = build_folds(suite, load_registries(), Acquire())[task][0].fold
    ids, test = fold.train.item_ids, fold.test
    histories = [ids[test.history.row(row)].tolist() for row in range(len(test))]
    return pd.DataFrame({"user": fold.train.user_ids[test.users], "history": histories})


def asked(model: Any, content: dict[str, Any]) -> tuple[int, Any]:
    """What `mlflow models serve` answers: status, and the parsed body."""
    schema = model.metadata.get_input_schema()
    answer = scoring_server.invocations(json.dumps(content), "application/json", model, schema)
    return answer.status, json.loads(answer.response)


def test_what_is_served_is_what_is_on_record(world: World, model: Any) -> None:
    frame, best = requests(), world.best("holdout")
    status, body = asked(model, {"dataframe_split": frame.to_dict("split"), "params": {"k": 10}})
    assert status == 200
    recorded = pd.read_parquet(best.path / TOPK_FILE).groupby("user")
    assert len(frame) == len(recorded)
    for user, answer in zip(frame["user"], body["predictions"], strict=True):
        own = recorded.get_group(user)
        assert (answer["items"], answer["scores"]) == (own["item"].tolist(), own["score"].tolist())
        assert answer["unknown_items"] == 0


def test_strangers_and_mistakes_are_answered(model: Any) -> None:
    history = requests()["history"][0][:3]
    status, body = asked(model, {"dataframe_records": [{"history": [*history, "nope"]}], "params": {"k": 3}})
    assert (status, len(body["predictions"][0]["items"]), body["predictions"][0]["unknown_items"]) == (200, 3, 1)
    status, body = asked(model, {"dataframe_split": {"columns": ["user", "history"], "data": [[None, history]]}})
    assert (status, len(body["predictions"][0]["items"])) == (200, 10)
    with pytest.raises(mlflow.MlflowException, match=r"k must be at least 1\. Got 0"):
        model.predict(pd.DataFrame({"history": [history]}), params={"k": 0})
    with pytest.raises(mlflow.MlflowException, match=r"missing inputs \['history'\]"):
        model.predict(pd.DataFrame({"user": ["u"]}))


def test_the_registry_says_whose_model_it_is(world: World) -> None:
    record = world.best("holdout").record
    found = world.client.get_model_version_by_alias("fast.holdout", "champion")
    wanted = {"bench.key": record.key, "bench.row": "ease", "bench.metric": "ndcg@10", "bench.tied_with": "none"}
    assert {name: found.tags[name] for name in wanted} == wanted
    assert float(found.tags["bench.value"]) == pytest.approx(record.metrics["ndcg@10"].value, rel=1e-5)
    assert found.description.startswith("The best of fast-v2 · holdout · ")
    run = world.client.get_run(found.run_id)
    assert run.data.tags["bench.attempt"] == record.attempt
    assert run.info.status == "FINISHED"
    (output,) = run.outputs.model_outputs
    logged = world.client.get_logged_model(output.model_id)
    assert (logged.experiment_id, logged.source_run_id) == (run.info.experiment_id, found.run_id)
    assert logged.artifact_location.startswith(f"{world.store.artifact_location}/")
    printed = [(one["model"], one["version"], one["outcome"], one["row"]) for one in world.printed]
    assert printed == [("fast.holdout", 1, "registered", "ease"), ("fast.sampled", 1, "registered", "ease")]


def test_a_champion_that_is_one_stays_and_a_refused_one_is_none(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise NoVerdictError("other lists.")

    monkeypatch.setattr(champion, "_trained", refuse)
    world.client.delete_registered_model_alias("fast.sampled", "champion")
    with pytest.raises(typer.Exit) as ended:
        champion.command("fast", out=world.store.root)
    assert ended.value.exit_code == 1
    told = capsys.readouterr()
    assert told.out.startswith("fast.holdout version 1 stays: ease, ndcg@10 0.")
    assert "mlflow models serve --env-manager local --model-uri models:/fast.holdout@champion" in told.out
    assert told.err == "error: sampled: other lists.\n"
    assert len(world.client.search_model_versions("name = 'fast.sampled'")) == 1


def test_what_mlflow_refuses_is_told_in_a_line(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise mlflow.MlflowException("Permission denied")

    monkeypatch.setattr("bench.tracking.champion.current", refuse)
    with pytest.raises(typer.Exit) as ended:
        champion.command("fast", ["holdout"], out=world.store.root)
    assert ended.value.exit_code == 1
    assert capsys.readouterr().err == f"error: holdout: MLflow ({world.store.shown}): Permission denied\n"


def test_what_the_store_gives_back_is_checked(world: World, model: Any) -> None:
    frame = requests().head(4)
    items = model.predict(frame, params={"k": 10})["items"].tolist()
    uri = "models:/fast.holdout@champion"
    check(uri, Requests(frame["user"].tolist(), frame["history"].tolist(), items), 10)
    items[2] = [*items[2][:4], "another", *items[2][5:]]
    with pytest.raises(BenchError, match=f"to user '{frame['user'][2]}' another item at rank 5 than"):
        check(uri, Requests(frame["user"].tolist(), frame["history"].tolist(), items), 10)


@pytest.mark.usefixtures("world")
def test_sampled_candidates_are_no_hindrance() -> None:
    """The record's lists are of a few candidates; a model that is served ranks the whole catalogue."""
    versions = mlflow.MlflowClient().search_model_versions("name = 'fast.sampled'")
    served = mlflow.pyfunc.load_model(versions[0].source).predict(requests("sampled").head(3))
    assert served["items"].map(len).tolist() == [10, 10, 10]


@pytest.mark.usefixtures("world")
def test_nothing_is_unpickled_where_mlflow_forbids_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    with pytest.raises(mlflow.MlflowException, match="this model is unpickled, which"):
        mlflow.pyfunc.load_model("models:/fast.holdout@champion")


def test_an_unknown_task_names_those_there_are(results: Path) -> None:
    with pytest.raises(UnknownNameError, match="Known: holdout, sampled"):
        champion.command("fast", ["holdot"], out=results)


def test_the_best_is_ranked_ties_are_named_and_the_first_seed_stands_for_it(make_run: Callable[..., Stored]) -> None:
    values = [0.5, 0.6, 0.4, 0.55]
    for seed in (2, 1):
        make_run("vae", per_user={"ndcg@10": values}, seed=seed)
        make_run("gan", per_user={"ndcg@10": [value - 0.01 * (-1) ** n for n, value in enumerate(values)]}, seed=seed)
    make_run("ease", status=Status.FAILED, reason="no")
    runs = [make_run("lost", task="next-item", status=Status.FAILED)]
    runs = list(Store(runs[0].path.parents[3]).all())
    (found,), problems = best_of(runs)
    assert found.run.record.seed == 1
    assert {found.row.algorithm, *found.tied} == {"vae", "gan"}
    assert f"not separable from {found.tied[0]}" in found.standing
    assert "It is of one of 2 runs of the row" in found.description
    assert problems == ["next-item: no row has a rank, so none is the best."]


def test_ratings_have_no_lists_to_serve(make_run: Callable[..., Stored]) -> None:
    run = make_run("means", metrics={"ndcg@10": 0.5}, fold_fields={"rules": {"kind": "rating"}})
    assert best_of([run]) == ([], ["holdout: ratings are predicted there, so there are no lists to serve."])
