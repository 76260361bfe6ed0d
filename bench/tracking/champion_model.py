"""The champion as an MLflow model. MLflow keeps this file beside the model and runs it to load it, so it is short:
what it does is in the installed `bench.serving`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.environment_variables import MLFLOW_ALLOW_PICKLE_DESERIALIZATION
from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel

from bench.errors import BenchError
from bench.serving import Recommender

ARTIFACT = "recommender"


class Champion(PythonModel):
    """User histories in, ranked items out: a row a user, in the order of the input."""

    def load_context(self, context: Any) -> None:
        """Raises MlflowException where MLflow is told to unpickle nothing."""
        if not MLFLOW_ALLOW_PICKLE_DESERIALIZATION.get():  # type: ignore[no-untyped-call]
            raise MlflowException(
                "this model is unpickled, which MLFLOW_ALLOW_PICKLE_DESERIALIZATION=false forbids. Allow it only for "
                "models that people you trust have registered."
            )
        self.recommender = Recommender.load(Path(context.artifacts[ARTIFACT]))

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Columns items, scores (lists) and unknown_items (how many ids of the history were ignored).

        model_input: columns history (lists of item ids, oldest first) and, if any, user (ids). params: k.
        """
        histories = [[] if own is None else list(own) for own in model_input["history"]]
        users = model_input["user"].tolist() if "user" in model_input else [None] * len(histories)
        named = [user if isinstance(user, str) else None for user in users]
        try:
            rows = self.recommender.recommend(named, histories, int((params or {})["k"]))
        except BenchError as error:
            raise MlflowException.invalid_parameter_value(str(error)) from None
        columns = {
            "items": [row.items for row in rows],
            "scores": [row.scores for row in rows],
            "unknown_items": [row.n_unknown for row in rows],
        }
        return pd.DataFrame(columns)


set_model(Champion())
