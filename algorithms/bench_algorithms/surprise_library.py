"""The rating predictors of the library Surprise, behind this harness's interface."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Literal, Self

import numpy as np

from bench.algorithm import Context, EvalSet, RatingPredictor
from bench.config import Config
from bench.errors import ContractError, UnmetNeedError, UsageError, suggestion
from bench.interactions import Float32Array, Int32Array, Interactions

INSTALL = 'pip install "recsys-bench[surprise]"'


DRAWING = ("SVD", "SVDpp", "NMF", "CoClustering", "NormalPredictor")
"""Those whose results depend on a seed."""


class SurpriseConfig(Config):
    """Which of Surprise's algorithms, and its arguments."""

    model: Literal[
        "SVD",
        "SVDpp",
        "NMF",
        "SlopeOne",
        "KNNBasic",
        "KNNWithMeans",
        "KNNWithZScore",
        "KNNBaseline",
        "CoClustering",
        "BaselineOnly",
        "NormalPredictor",
    ] = "SVD"
    """A class of Surprise."""
    parameters: dict[str, Any] = {}
    """Its arguments by name, such as `n_factors` or `sim_options`; Surprise's defaults elsewhere. `random_state` is
    the run's seed unless it is given here."""


class Surprise(RatingPredictor[SurpriseConfig]):
    """An algorithm of the library Surprise: SVD, SVD++, NMF, Slope One, kNN, co-clustering or a baseline.

    Results depend on the order of the training rows: Surprise numbers users and items as they first appear, and its
    random starts and its passes over the data follow those numbers. What its model says of unknown users and items
    is kept. Predictions are within the range of the training ratings.
    """

    paper = "Hug: Surprise: a Python library for recommender systems. Journal of Open Source Software 5(52), 2020"
    imports = ("surprise",)

    def __init__(self, config: SurpriseConfig | None = None, **fields: Any) -> None:
        super().__init__(config, **fields)
        self.seeded = self.config.model in DRAWING and "random_state" not in self.config.parameters

    def fit(self, train: Interactions, validation: EvalSet | None, context: Context) -> Self:
        """Raises UnmetNeedError if Surprise is not installed, UsageError if its class refuses a parameter."""
        assert train.rating is not None
        surprise = _library()
        model = self._model(getattr(surprise, self.config.model), context.seed)
        columns = train.user.tolist(), train.item.tolist(), train.rating.tolist()
        rows = [(user, item, rating, None) for user, item, rating in zip(*columns, strict=True)]
        scale = float(train.rating.min()), float(train.rating.max())
        trainset = surprise.Dataset(surprise.Reader(rating_scale=scale)).construct_trainset(rows)
        self.seed = context.seed
        with _global_stream(self.seed):
            self.model = model.fit(trainset)
        return self

    def _model(self, kind: type[Any], seed: int) -> Any:
        known = _arguments(kind)
        for name in self.config.parameters:
            if name not in known:
                raise UsageError(f"Surprise's {kind.__name__} has no argument '{name}'.{suggestion(name, known)}")
        chosen = {"random_state": seed, "verbose": False} | copy.deepcopy(self.config.parameters)
        return kind(**{name: value for name, value in chosen.items() if name in known})

    def predict(self, users: Int32Array, items: Int32Array) -> Float32Array:
        if not hasattr(self, "model"):
            raise ContractError("Surprise must be fitted before it predicts.")
        with _global_stream(self.seed):
            pairs = zip(users.tolist(), items.tolist(), strict=True)
            return np.array([self.model.predict(user, item).est for user, item in pairs], np.float32)


def _library() -> ModuleType:
    try:
        import surprise
    except ModuleNotFoundError as error:
        if error.name != "surprise":
            raise
        raise UnmetNeedError(f"needs the library Surprise, which is not installed: {INSTALL}") from error
    library: ModuleType = surprise
    return library


def _arguments(kind: type[Any]) -> set[str]:
    """What the constructor takes by name. Surprise's kNN classes swallow misspelt names, and read this one there."""
    parameters = inspect.signature(kind).parameters.values()
    swallows = any(one.kind is one.VAR_KEYWORD for one in parameters)
    return {one.name for one in parameters if one.kind is not one.VAR_KEYWORD} | (
        {"bsl_options"} if swallows else set()
    )


@contextmanager
def _global_stream(seed: int) -> Iterator[None]:
    """NormalPredictor draws from numpy's global stream: it is seeded inside, and goes on as before outside."""
    state = np.random.get_state()
    np.random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(state)
