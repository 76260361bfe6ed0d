"""What fitting must do: start afresh, repeat itself, leave its inputs alone, ask for no more than it declares."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.algorithm import Need
from bench.interactions import Features, content_hash
from bench.protocol.fold import Fold
from bench.testing.case import SEED, AlgorithmCase, evaluation_batch, scores_of
from bench.testing.data import COLD_ITEM, UNSEEN_USERS, other_fold, otherwise_described, tiny_fold


def assert_refits(case: AlgorithmCase) -> None:
    """A model fitted a second time, to other data, is what a new one would be: nothing of the first remains."""
    again = case.fit(tiny_fold(), model=case.fit(other_fold()))
    batch = evaluation_batch(tiny_fold())
    case.require_same(
        scores_of(again, batch), scores_of(case.fitted, batch), "score after a second fit as after a first one"
    )


def assert_reproducible(case: AlgorithmCase) -> None:
    """The same seed gives the same scores, bit for bit, whatever the state of the global random streams."""
    batch = evaluation_batch(tiny_fold())
    with _global_streams(98):
        model = case.fit(tiny_fold(), SEED)
        first = scores_of(model, batch)
    with _global_streams(99):
        case.require_same(scores_of(model, batch), first, "give the same scores when asked again")
        again = scores_of(case.fit(tiny_fold(), SEED), batch)
    case.require_same(again, first, "give the same scores for the same seed")


def assert_seed_declared(case: AlgorithmCase) -> None:
    """One that says that its scores do not depend on the seed gives the same with another."""
    if not case.new().seeded:
        batch = evaluation_batch(tiny_fold())
        other = scores_of(case.fit(tiny_fold(), SEED + 1), batch)
        case.require_same(other, scores_of(case.fitted, batch), "give the same scores for any seed, or be `seeded`")


@contextmanager
def _global_streams(seed: int) -> Iterator[None]:
    """The random streams that everybody shares, in another state for a while."""
    import torch

    states = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        random.seed(seed)
        np.random.seed(seed)
        torch.default_generator.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])


def assert_save_load_identical(case: AlgorithmCase) -> None:
    """A model that was saved and loaded scores as before, and saving does not change it."""
    batch = evaluation_batch(tiny_fold())
    before = scores_of(case.fitted, batch)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        case.fitted.save(path)
        case.require(path.is_file(), "save to the one file it is told")
        loaded = case.cls.load(path)
    case.require_same(scores_of(loaded, batch), before, "score after loading as before saving")
    case.require(loaded.config == case.fitted.config, "keep its configuration", f"Got {loaded.config!r}.")
    case.require_same(scores_of(case.fitted, batch), before, "score after saving as before")


def assert_inputs_unchanged(case: AlgorithmCase) -> None:
    """Fitting and scoring leave the interactions, the features, the histories and the configuration as they were."""
    fold = tiny_fold()
    model = case.new()
    before, config = _content(fold), model.config.model_dump()
    case.fit(fold, model=model)
    scores_of(model, evaluation_batch(fold))
    case.require(_content(fold) == before, "leave the data it is given as they are", "They were changed.")
    case.require(model.config.model_dump() == config, "leave its configuration as it is", f"Got {model.config!r}.")


def _content(fold: Fold) -> str:
    """A hash of everything in the fold; copies, since fingerprints are computed once."""
    features = [Features(f.ids, f.columns).fingerprint for f in (fold.item_features, fold.user_features) if f]
    lists = [part for s in (fold.validation, fold.test) for part in (s.users, s.history.items, s.truth.items)]
    return content_hash(replace(fold.train).fingerprint, *lists, *features)


def assert_needs_declared(case: AlgorithmCase) -> None:
    """It works without those of ratings, timestamps and features that are not among its `needs`."""
    fold = tiny_fold()
    needs = case.new().needs
    unknown = needs - set(Need)
    case.require(not unknown, f"have `needs` among {', '.join(Need)}", f"Got {sorted(unknown)}.")
    columns = {"rating": Need.RATINGS, "timestamp": Need.TIMESTAMPS}
    dropped: dict[str, Any] = {column: None for column, need in columns.items() if need not in needs}
    model = case.fit_on(
        replace(fold.train, **dropped),
        fold.validation,
        fold.item_features if Need.ITEM_FEATURES in needs else None,
        fold.user_features if Need.USER_FEATURES in needs else None,
    )
    scores = scores_of(model, evaluation_batch(fold))
    case.require(np.isfinite(scores).all(), "give finite scores on a fold that has no more than it needs")


def assert_fits_on_train_only(case: AlgorithmCase) -> None:
    """Other features of the item and the users without training rows leave the scores of all others as they were,
    within the tolerance: statistics such as an IDF, a mean or a quantile are those of training.

    An algorithm that makes scores relative to one another only when it scores may be exempt for that reason.
    """
    fold = tiny_fold()
    model = case.fit_on(
        fold.train,
        fold.validation,
        fold.item_features and otherwise_described(fold.item_features, [COLD_ITEM]),
        fold.user_features and otherwise_described(fold.user_features, UNSEEN_USERS),
    )
    batch = evaluation_batch(fold)
    before, after = (np.delete(scores_of(fitted, batch), COLD_ITEM, axis=1) for fitted in (case.fitted, model))
    allowed = case.tolerance * max(1.0, float(np.abs(before).max()))
    difference = float(np.abs(after - before).max())
    case.require(
        difference <= allowed,
        f"fit statistics on training only: features of an item or user without training rows may move no other "
        f"item's scores by more than {allowed:g}",
        f"Scores differ by up to {difference:g}.",
    )
