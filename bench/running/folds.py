"""Folds of a suite's tasks, made from its data set."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from bench.dataset_source import Acquire
from bench.interactions import Dataset
from bench.plugins import Registries
from bench.protocol.filters import Dropped, apply_filters
from bench.protocol.fold import Fold
from bench.records import DatasetRef, FoldRef
from bench.suite import Suite


@dataclass(frozen=True, eq=False)
class PreparedFold:
    """A task's fold with the data set it comes from and what the filters dropped."""

    fold: Fold
    dataset: Dataset
    dropped: list[Dropped]
    ref: FoldRef

    @property
    def dataset_ref(self) -> DatasetRef:
        card = self.dataset.card
        return DatasetRef(
            name=card.name, version=card.version, fingerprint=self.dataset.fingerprint, source=self.dataset.source
        )


def build_folds(suite: Suite, registries: Registries, acquire: Acquire) -> dict[str, PreparedFold]:
    """The fold of every task, by the task's name. Raises DataError if the data cannot be had or nothing is left."""
    dataset: Dataset = registries.datasets.get(suite.dataset).load(acquire)
    data, dropped = apply_filters(dataset.interactions, suite.filters)
    items = dataset.item_features and dataset.item_features.aligned(data.item_ids)
    users = dataset.user_features and dataset.user_features.aligned(data.user_ids)
    prepared = {}
    for task in suite.tasks:
        fold = suite.splitter(task, registries).split(data, suite.seed).with_features(items, users)
        prepared[task] = PreparedFold(fold, dataset, dropped, _ref(suite, task, fold, dropped))
    return prepared


def _ref(suite: Suite, task: str, fold: Fold, dropped: list[Dropped]) -> FoldRef:
    spec = suite.tasks[task]
    return FoldRef(
        fingerprint=fold.fingerprint,
        filters=suite.filters.model_dump(),
        splitter=spec.splitter,
        options=spec.options,
        seed=suite.seed,
        dropped=[asdict(step) for step in dropped],
        interactions=dict(fold.counts.interactions),
        users=dict(fold.counts.users),
        items=dict(fold.counts.items),
        excluded=dict(fold.counts.excluded),
    )
