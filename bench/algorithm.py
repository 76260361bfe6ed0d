"""The interface every recommender stands behind.

An adapter names its hyperparameters (`Algorithm[EASEConfig]`), and implements `fit` and `score`; blocking,
masking, top-k, ties and contract checks are done once, in `bench.ranking` and `bench.topk`, for everybody.
"""

from __future__ import annotations

import pickle
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar, get_args, get_origin

import numpy as np

from bench.batches import EvalSet, Scores, TopK, UserBatch
from bench.config import Config
from bench.errors import ContractError, UnmetNeedError
from bench.interactions import Features, Float32Array, Int32Array, Int64Array, Interactions
from bench.reasons import Reason

__all__ = [
    "Algorithm",
    "Context",
    "EvalSet",
    "Need",
    "RatingPredictor",
    "Reason",
    "Scores",
    "TopK",
    "UserBatch",
    "no_progress",
]
"""With the types of its interface, so that an adapter needs one import."""
C = TypeVar("C", bound=Config)


class Need(StrEnum):
    """What an algorithm may require of a fold."""

    RATINGS = "ratings"
    TIMESTAMPS = "timestamps"
    ITEM_FEATURES = "item features"
    USER_FEATURES = "user features"


def no_progress(stage: str, done: int, total: int, note: str = "") -> None:
    """The default listener: hears everything, says nothing."""


@dataclass
class Context:
    """What the harness gives an algorithm beside the data.

    seed: of this job; derive streams with `bench.seeds`. device: "auto", "cpu", "cuda", …; precision: as in
    Lightning. work_dir: a folder of the job's own. evaluate: the validation score of a model as the harness
    computes it, higher is better. report: hears (step, validation score); raises to prune a tuning trial.
    curves and details end up in the record.
    """

    seed: int = 0
    device: str = "cpu"
    precision: str = "32-true"
    work_dir: Path = field(default_factory=Path)
    item_features: Features | None = None
    user_features: Features | None = None
    progress: Callable[[str, int, int, str], None] = no_progress
    report: Callable[[int, float], None] = lambda step, score: None
    evaluate: Callable[[Algorithm[Any], EvalSet], float] | None = None
    curves: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)

    def log(self, curve: str, step: int, value: float) -> None:
        """Add a point to a curve of the record, such as "train_loss" by epoch."""
        self.curves.setdefault(curve, []).append((step, float(value)))

    def require_item_features(self) -> Features:
        """The item features, aligned with the item codes; raises UnmetNeedError where there are none."""
        if self.item_features is None:
            raise UnmetNeedError("needs item features, and this data set has none.")
        return self.item_features


class Algorithm(ABC, Generic[C]):
    """A recommender. `config` holds its validated hyperparameters; `Config` is their class.

    needs: what it requires of a fold. serves_unseen_users: whether it can score users without training
    rows, from their history alone. seeded: whether its scores depend on the seed; one that says no is trained once
    where others are trained with several. imports: heavy modules that `fit` imports; a run loads them once and not in
    each job. The first line of the docstring is its description, and `paper` the
    publication it follows, if any.
    """

    Config: ClassVar[type[Config]]
    needs: frozenset[Need] = frozenset()
    serves_unseen_users: bool = True
    seeded: bool = True
    imports: tuple[str, ...] = ()
    paper: ClassVar[str] = ""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for base in vars(cls).get("__orig_bases__", ()):
            for argument in get_args(base) if get_origin(base) else ():
                if isinstance(argument, type) and issubclass(argument, Config):
                    cls.Config = argument

    def __init__(self, config: C | None = None, **fields: Any) -> None:
        parsed = self.Config.parse(type(self).__name__, fields) if config is None else config
        self.config: C = parsed  # type: ignore[assignment]

    @abstractmethod
    def fit(self, train: Interactions, validation: EvalSet | None, context: Context) -> Self:
        """Learn from `train`. `validation` is given only where `uses_validation` is true."""

    @abstractmethod
    def score(self, batch: UserBatch) -> Scores:
        """float32[b, n_items], numpy or torch on any device: higher is better. Finite everywhere."""

    def recommend(self, batch: UserBatch, k: int, ties: Int64Array) -> TopK:
        """The k best of each user's candidates. ties: int64[n_items], lower wins among equals.

        Override it only if you have something faster than scoring every item.
        """
        from bench.topk import top_k

        return top_k(self.score(batch), batch.candidates, k, ties)

    def explain(self, batch: UserBatch, items: Int32Array) -> list[list[Reason]] | None:
        """Why these items, int32[n], are recommended to the only user of the batch: a list of reasons for each, the
        highest weight first.

        An item's reasons are all that its score is made of, so their weights sum to it. None, as here, where the
        algorithm cannot say exactly: nothing is better than a guess. Asked again, it says the same.
        """
        return None

    @property
    def uses_validation(self) -> bool:
        """Whether `fit` looks at validation (early stopping, …). If so, the final fit on train and validation
        is made with `fitted_config`, which no longer does.
        """
        return False

    @property
    def fitted_config(self) -> C:
        """The hyperparameters in effect after `fit`, with what it found (the best epoch) filled in."""
        return self.config

    def save(self, path: Path) -> None:
        """Write the fitted model to one file, for `load` of the same class to read."""
        path.write_bytes(pickle.dumps(self, protocol=5))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote. It unpickles: load only files you wrote yourself."""
        model = pickle.loads(path.read_bytes())
        if not isinstance(model, cls):
            raise ContractError(f"{path} must hold a {cls.__name__}. Got a {type(model).__name__}.")
        return model


class RatingPredictor(Algorithm[C]):
    """A recommender that predicts ratings, and ranks by them. Only these take part in rating tasks."""

    needs = frozenset({Need.RATINGS})

    @abstractmethod
    def predict(self, users: Int32Array, items: Int32Array) -> Float32Array:
        """float32[n], the predicted rating of each pair of codes, int32[n]; any of them may be unknown to the model."""

    def score(self, batch: UserBatch) -> Scores:
        """float32[b, n_items]: the predicted ratings of the whole catalogue."""
        n_items = batch.history.n_items
        users = np.repeat(batch.users, n_items)
        items = np.tile(np.arange(n_items, dtype=np.int32), len(batch))
        return self.predict(users, items).reshape(len(batch), n_items)
