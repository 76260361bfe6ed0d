"""The folds that trials see. None has a test part."""

from __future__ import annotations

from dataclasses import replace

from bench.errors import UsageError
from bench.plugins import Registries
from bench.protocol.fold import Fold
from bench.protocol.splitters import Holdout, KFold
from bench.suite import Suite


def blind_folds(suite: Suite, task: str, fold: Fold, registries: Registries, n: int) -> list[Fold]:
    """The folds a trial is judged on: the task's own without test, or `n` that cross-validate train and validation.

    Raises UsageError if there is no validation part, or the task splits by time: cross-validation would train on
    what came after what it validates.
    """
    if n == 1:
        if not len(fold.validation):
            raise UsageError(f"'{task}' has no validation part to tune on. Cross-validate with --folds.")
        return [fold.without_test()]
    spec = suite.tasks[task]
    if not isinstance(suite.splitter(task, registries), Holdout | KFold):
        raise UsageError(
            f"--folds is for tasks that split at random, by holdout or k-fold. '{task}' splits by {spec.splitter}."
        )
    folds = KFold(folds=n, validation=0).split(fold.train_and_validation, suite.seed, spec.rules)
    return [_validating(one).with_features(fold.item_features, fold.user_features) for one in folds]


def _validating(fold: Fold) -> Fold:
    """The fold's test part, which is of the task's train and validation, as its validation part."""
    return replace(fold, held_validation=fold.held_test, validation=fold.test).without_test()
