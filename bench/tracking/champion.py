"""The model of a leaderboard's best row in MLflow: under the run of its record, registered, with the alias `champion`.

A model is registered only after it was loaded back from the store and recommended what is on record.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.environment_variables import MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR
from mlflow.exceptions import MlflowException
from mlflow.models import Model, ModelSignature
from mlflow.types.schema import Array, ColSpec, DataType, ParamSchema, ParamSpec, Schema

from bench.errors import BenchError
from bench.records import RunRecord
from bench.tracking import champion_model, content
from bench.tracking.places import Place

ALIAS = "champion"
EXAMPLE_USERS = 2
SIGNATURE = ModelSignature(
    inputs=Schema([ColSpec(DataType.string, "user", required=False), ColSpec(Array(DataType.string), "history")]),
    outputs=Schema(
        [
            ColSpec(Array(DataType.string), "items"),
            ColSpec(Array(DataType.double), "scores"),
            ColSpec(DataType.long, "unknown_items"),
        ]
    ),
    params=ParamSchema([ParamSpec("k", DataType.long, 10)]),
)


@dataclass(frozen=True, eq=False)
class Requests:
    """What the model is asked before it is registered: users with their histories, and the recorded items of each.

    items: None where they cannot be compared with what is served.
    """

    users: Sequence[str]
    histories: Sequence[list[str]]
    items: Sequence[list[str]] | None

    @property
    def frame(self) -> pd.DataFrame:
        """The model's input."""
        return pd.DataFrame({"user": self.users, "history": list(self.histories)})


def current(client: MlflowClient, name: str) -> ModelVersion | None:
    """The version that is the champion now, if any. It is searched for: a server that checks permissions forbids to
    ask for what there is not.
    """
    found = client.search_registered_models(f"name = '{name}'")
    number = found[0].aliases.get(ALIAS) if found else None
    return None if number is None else client.get_model_version(name, number)


def is_of(found: ModelVersion | None, record: RunRecord) -> bool:
    """Whether a version is the model of this very execution."""
    return found is not None and found.tags.get(content.ATTEMPT) == record.attempt


def register(
    client: MlflowClient, place: Place, name: str, run_id: str, record: RunRecord, recommender: Path, requests: Requests
) -> ModelVersion:
    """Log the model under its record's run, check it, register it, and make it the champion.

    Raises BenchError, and leaves the champion as it was, if the model that MLflow gives back recommends otherwise.
    """
    _use(place)
    logged = _log(client, run_id, record, recommender, requests)
    check(logged.model_uri, requests, record.cutoff)
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    made = client.create_model_version(name, logged.model_uri, run_id, model_id=logged.model_id)
    client.set_model_version_tag(name, made.version, content.ATTEMPT, record.attempt)
    client.set_registered_model_alias(name, ALIAS, made.version)
    return made


def describe(client: MlflowClient, found: ModelVersion, tags: Mapping[str, str], note: str) -> None:
    """Write tags and a description at a version; repeating it changes nothing."""
    for key, value in tags.items():
        client.set_model_version_tag(found.name, found.version, key, content.shortened(value, content.MAX_TAG))
    client.update_model_version(found.name, found.version, note)


def _use(place: Place) -> None:
    """Logging a model, unlike all else, has no client of its own."""
    mlflow.set_tracking_uri(place.uri)
    mlflow.set_registry_uri(place.uri)
    os.environ.setdefault(MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR.name, "false")
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="mlflow")


def _log(client: MlflowClient, run_id: str, record: RunRecord, recommender: Path, requests: Requests) -> Any:
    """Into the run, which stays as it is: an active run would be ended anew. Without one MLflow would put the model
    into its default experiment, whose files may lie in the current folder.
    """
    run = client.get_run(run_id)
    name = f"{record.row}-seed-{record.seed}".replace("/", "-").replace(":", "-")
    tags = {content.KEY: record.key, content.ATTEMPT: record.attempt}
    made = client.create_logged_model(run.info.experiment_id, name, run_id, tags, run.data.params)
    return Model.log(
        artifact_path=None,
        flavor=mlflow.pyfunc,
        run_id=run_id,
        model_id=made.model_id,
        python_model=champion_model.__file__,
        artifacts={champion_model.ARTIFACT: str(recommender)},
        signature=SIGNATURE,
        input_example=(requests.frame.head(EXAMPLE_USERS), {"k": record.cutoff}),
        pip_requirements=[f"recsys-bench=={version('recsys-bench')}", f"mlflow=={version('mlflow')}"],
    )


def check(model_uri: str, requests: Requests, k: int) -> None:
    """Raises BenchError unless the model in MLflow's store recommends what is on record."""
    if requests.items is None:
        return
    served = mlflow.pyfunc.load_model(model_uri).predict(requests.frame, params={"k": k})
    pairs = zip(requests.users, requests.items, served["items"], strict=True)
    for user, recorded, items in pairs:
        if list(items) != recorded:
            rank = next((i for i, (a, b) in enumerate(zip(items, recorded, strict=False)) if a != b), len(items))
            raise BenchError(
                f"the model that was logged recommends to user '{user}' another item at rank {rank + 1} than what is "
                "on record. It was not registered."
            )
