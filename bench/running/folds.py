"""Folds of a suite's tasks, made from its data set."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from bench.dataset_source import Acquire
from bench.errors import DataError
from bench.interactions import Dataset, Interactions, content_hash
from bench.plugins import Registries
from bench.profile import profile_of
from bench.protocol.audit import audit, check_leaks
from bench.protocol.filters import Dropped, apply_filters
from bench.protocol.fold import Fold
from bench.protocol.rules import Rules
from bench.protocol.splitters import Splitter
from bench.records import DatasetRef, FoldRef
from bench.slices import user_groups
from bench.suite import Suite

BAD_ROWS = "rows that could not be read"
"""The step before all filters, where it was asked for. Nobody knows whose rows they were."""


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
            name=card.name,
            version=card.version,
            fingerprint=self.dataset.fingerprint,
            source=self.dataset.source,
            path=self.dataset.path,
        )


def build_folds(suite: Suite, registries: Registries, acquire: Acquire) -> dict[str, list[PreparedFold]]:
    """The folds of every task, by the task's name.

    Raises DataError if the data cannot be had, nothing is left, or a fold leaks in a way that the task does not allow.
    """
    dataset: Dataset = suite.loader(registries).load(acquire)
    data, dropped = apply_filters(dataset.interactions, suite.filters)
    if dataset.skipped_rows:
        dropped.insert(0, Dropped(BAD_ROWS, dataset.skipped_rows, 0, 0))
    items = dataset.item_features and dataset.item_features.aligned(data.item_ids)
    users = dataset.user_features and dataset.user_features.aligned(data.user_ids)
    prepared = {}
    for task, spec in suite.tasks.items():
        splitter = suite.splitter(task, registries)
        folds = _split(task, splitter, data, suite.seed, spec.rules)
        folds = [fold.with_features(items, users) for fold in folds]
        user_groups(folds[0].test, folds[0].train, users, suite.slices)  # raises if it has no such feature
        prepared[task] = _prepare(suite, task, splitter, folds, dataset, dropped)
    return prepared


def _split(task: str, splitter: Splitter, data: Interactions, seed: int, rules: Rules) -> list[Fold]:
    """The folds; an error names the task."""
    try:
        return splitter.split(data, seed, rules)
    except DataError as error:
        raise DataError(f"the task '{task}': {error}") from None


def _prepare(
    suite: Suite, task: str, splitter: Splitter, folds: list[Fold], dataset: Dataset, dropped: list[Dropped]
) -> list[PreparedFold]:
    first = folds[0].fingerprint
    split = first if len(folds) == 1 else content_hash(*(fold.fingerprint for fold in folds))
    refs = [_ref(suite, task, splitter, fold, dropped, split, index, len(folds)) for index, fold in enumerate(folds)]
    return [PreparedFold(fold, dataset, dropped, ref) for fold, ref in zip(folds, refs, strict=True)]


def _ref(
    suite: Suite,
    task: str,
    splitter: Splitter,
    fold: Fold,
    dropped: list[Dropped],
    split: str,
    index: int,
    count: int,
) -> FoldRef:
    spec = suite.tasks[task]
    findings = audit(fold, repeats_allowed=spec.repeats)
    check_leaks(findings, spec.allow_leaks, f"the task '{task}'")
    return FoldRef(
        fingerprint=fold.fingerprint,
        filters=suite.filters.model_dump(),
        splitter=spec.splitter,
        options=splitter.model_dump(mode="json"),
        seed=suite.seed,
        dropped=[asdict(step) for step in dropped],
        interactions=dict(fold.counts.interactions),
        users=dict(fold.counts.users),
        items=dict(fold.counts.items),
        excluded=dict(fold.counts.excluded),
        split=split,
        index=index,
        count=count,
        rules={
            "kind": spec.kind,
            "repeats": spec.repeats,
            "candidates": spec.candidates and spec.candidates.model_dump(),
        },
        audit=findings,
        profile=profile_of(fold),
    )
