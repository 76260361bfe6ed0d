"""The kit finds what it is there to find: for every check, an algorithm that is wrong in just that way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

import numpy as np
import pandas  # noqa: F401  # heavy, for imports_light
import pytest
from pydantic import Field

from bench.algorithm import Algorithm, Context, EvalSet, Need, RatingPredictor, Reason, TopK, UserBatch
from bench.config import Config
from bench.errors import UnknownNameError, UsageError
from bench.interactions import Float32Array, Int32Array, Int64Array, Interactions
from bench.search import FloatRange, IntRange
from bench.testing import CHECKS, AlgorithmCase, AlgorithmContract


class SoundConfig(Config):
    """Nothing wrong here."""

    damping: Annotated[float, Field(ge=0), FloatRange(0, 1)] = 0.5
    """Added to every count."""


class Sound(Algorithm[SoundConfig]):
    """Popularity, once more."""

    def fit(self, train: Interactions, validation: EvalSet | None, context: Context) -> Self:
        self.counts = np.bincount(train.item, minlength=train.n_items).astype(np.float32) + self.config.damping
        return self

    def score(self, batch: UserBatch) -> Float32Array:
        return np.tile(self.counts.astype(np.float32), (len(batch), 1))


class Nameless(Sound):
    pass


class UndocumentedConfig(Config):
    """Has a field without documentation."""

    damping: float = 0.5


class Undocumented(Sound):
    """Has a field without documentation."""

    Config = UndocumentedConfig


class BadSearchConfig(SoundConfig):
    """Searches where values are not valid."""

    k: Annotated[int, Field(ge=1), IntRange(0, 10)] = 5
    """Neighbours."""


class BadSearch(Sound):
    """Searches where values are not valid."""

    Config = BadSearchConfig


class FarSearchConfig(SoundConfig):
    """Searches where the default is not."""

    k: Annotated[int, Field(ge=1), IntRange(1, 10)] = 50
    """Neighbours."""


class FarSearch(Sound):
    """Searches where the default is not."""

    Config = FarSearchConfig


class OtherConfig(SoundConfig):
    """A class of its own."""


class ForeignConfig(Sound):
    """Says after fitting that it has another class' configuration."""

    @property
    def fitted_config(self) -> Any:
        return OtherConfig()


class Endless(Sound):
    """Wants validation even for the final fit."""

    @property
    def uses_validation(self) -> bool:
        return True


class Accumulating(Sound):
    """Goes on from where the last fit ended."""

    counts: Any = 0

    def fit(self, train: Interactions, validation: EvalSet | None, context: Context) -> Self:
        self.counts = self.counts + np.bincount(train.item, minlength=train.n_items).astype(np.float32)
        return self


class Moody(Sound):
    """Draws from the global random stream."""

    def fit(self, train: Interactions, validation: EvalSet | None, context: Context) -> Self:
        super().fit(train, validation, context)
        self.counts = self.counts + np.random.random(train.n_items).astype(np.float32)
        return self


class Unseeded(Sound):
    """Draws from the seed and says that it does not."""

    seeded = False

    def fit(self, train: Interactions, validation: EvalSet | None, context: Context) -> Self:
        super().fit(train, validation, context)
        self.counts = np.random.default_rng(context.seed).random(train.n_items).astype(np.float32)
        return self


class Forgetful(Sound):
    """Saves without what it learnt last."""

    def save(self, path: Path) -> None:
        counts, self.counts = self.counts, self.counts * 0
        super().save(path)
        self.counts = counts


class Meddling(Sound):
    """Changes the item features it is given."""

    def fit(self, train: Interactions, validation: EvalSet | None, context: Context) -> Self:
        if context.item_features is not None and train.n_items > 1:
            context.item_features.columns["title"].values[0] += "!"
        return super().fit(train, validation, context)


class Needy(Sound):
    """Uses ratings without asking."""

    def fit(self, train: Interactions, validation: EvalSet | None, context: Context) -> Self:
        if train.n_items > 1:
            assert train.rating is not None, "asserts that there are ratings"
        return super().fit(train, validation, context)


class RareEverywhere(Sound):
    """Counts how rare a genre is among all items of the catalogue, in training or not."""

    needs = frozenset({Need.ITEM_FEATURES})

    def fit(self, train: Interactions, validation: EvalSet | None, context: Context) -> Self:
        super().fit(train, validation, context)
        genres = context.require_item_features().columns["genres"].values
        frequency = Counter(genre for item in genres for genre in item)
        self.counts += np.array([sum(1 / frequency[genre] for genre in item) for item in genres], np.float32)
        return self


class AverageUser(Sound):
    """Centres a number on its mean over all users, in training or not."""

    def fit(self, train: Interactions, validation: EvalSet | None, context: Context) -> Self:
        super().fit(train, validation, context)
        if context.user_features is not None:
            self.counts *= np.nanmean(context.user_features.columns["year"].values)
        return self


class Double(Sound):
    """Scores in double precision."""

    def score(self, batch: UserBatch) -> Any:
        return super().score(batch).astype(np.float64)


class Infinite(Sound):
    """Gives the item nobody had a score of minus infinity."""

    def score(self, batch: UserBatch) -> Float32Array:
        return np.log(super().score(batch) - np.float32(self.config.damping) + np.float32(1e-46))


class Repeating(Sound):
    """Recommends the same item over and over."""

    def recommend(self, batch: UserBatch, k: int, ties: Int64Array) -> TopK:
        return TopK(np.zeros((len(batch), k), np.int32), np.ones((len(batch), k), np.float32))


class Relative(Sound):
    """Scores users relative to the batch they are in."""

    def score(self, batch: UserBatch) -> Float32Array:
        return super().score(batch) + np.float32(len(batch))


class Closed(Sound):
    """Knows training users only, without saying so."""

    def fit(self, train: Interactions, validation: EvalSet | None, context: Context) -> Self:
        self.known = set(train.user.tolist())
        return super().fit(train, validation, context)

    def score(self, batch: UserBatch) -> Float32Array:
        scores = super().score(batch)
        scores[[user not in self.known for user in batch.users.tolist()]] = np.nan
        return scores


class Averaging(Sound):
    """Divides by the length of the history."""

    def score(self, batch: UserBatch) -> Float32Array:
        with np.errstate(divide="ignore"):
            return super().score(batch) / batch.history.lengths[:, None].astype(np.float32)


class Comparing(Sound):
    """Needs a second item to compare with."""

    def fit(self, train: Interactions, validation: EvalSet | None, context: Context) -> Self:
        super().fit(train, validation, context)
        self.counts = (self.counts - self.counts.mean()) / (self.counts.std() or np.nan)
        return self


class SoundRatings(RatingPredictor[SoundConfig]):
    """The mean rating, always."""

    def fit(self, train: Interactions, validation: EvalSet | None, context: Context) -> Self:
        assert train.rating is not None
        self.mean = train.rating.mean()
        return self

    def predict(self, users: Int32Array, items: Int32Array) -> Float32Array:
        return np.full(len(users), self.mean, np.float32)


class Undeclared(SoundRatings):
    """Asks for timestamps, and forgets that it needs ratings too."""

    needs = frozenset({Need.TIMESTAMPS})


class FewRatings(SoundRatings):
    """Predicts ratings of training users only."""

    def predict(self, users: Int32Array, items: Int32Array) -> Float32Array:
        return super().predict(users, items)[users < 28]


class OneRating(SoundRatings):
    """Predicts a number where an array is asked for."""

    def predict(self, users: Int32Array, items: Int32Array) -> Any:
        return float(self.mean)


class UndefinedRatings(SoundRatings):
    """Has no rating for the item that nobody had."""

    def predict(self, users: Int32Array, items: Int32Array) -> Float32Array:
        return np.where(items == 19, np.float32(np.nan), super().predict(users, items))


class RelativeRatings(SoundRatings):
    """Predicts ratings relative to who else is asked for."""

    def predict(self, users: Int32Array, items: Int32Array) -> Float32Array:
        return super().predict(users, items) + np.float32(len(users))


class TurnedRatings(SoundRatings):
    """Predicts ratings by their place among the pairs."""

    def predict(self, users: Int32Array, items: Int32Array) -> Float32Array:
        return super().predict(users, items) + np.linspace(0, 1, len(users), dtype=np.float32)


class MoodyRatings(SoundRatings):
    """Draws each prediction."""

    def predict(self, users: Int32Array, items: Int32Array) -> Float32Array:
        return super().predict(users, items) + np.random.random(len(users)).astype(np.float32)


class OtherScores(SoundRatings):
    """Ranks by something else than the ratings it predicts."""

    def score(self, batch: UserBatch) -> Float32Array:
        return np.ones((len(batch), batch.history.n_items), np.float32)


class Explaining(Sound):
    """Says of every item that it is popular, which is all there is to its score."""

    def explain(self, batch: UserBatch, items: Int32Array) -> list[list[Reason]]:
        return [[Reason("term", "popular", float(self.counts[item]))] for item in items]


class Inventing(Explaining):
    """Names an item that the user never had."""

    def explain(self, batch: UserBatch, items: Int32Array) -> list[list[Reason]]:
        return [[Reason("item", int(item), float(self.counts[item]))] for item in items]


class Concealing(Explaining):
    """Keeps half of its reasons to itself."""

    def explain(self, batch: UserBatch, items: Int32Array) -> list[list[Reason]]:
        return [[Reason("term", "popular", float(self.counts[item]) / 2)] for item in items]


class Fickle(Explaining):
    """Finds another word each time."""

    def explain(self, batch: UserBatch, items: Int32Array) -> list[list[Reason]]:
        word = f"popular {np.random.random()}"
        return [[Reason("term", word, float(self.counts[item]))] for item in items]


class Upside(Explaining):
    """Puts the weakest reason first."""

    def explain(self, batch: UserBatch, items: Int32Array) -> list[list[Reason]]:
        return [[Reason("term", "a", -1.0), Reason("term", "b", float(self.counts[item]) + 1)] for item in items]


class Terse(Explaining):
    """Explains the first item only."""

    def explain(self, batch: UserBatch, items: Int32Array) -> list[list[Reason]]:
        return super().explain(batch, items)[:1]


BROKEN: list[tuple[str, type[Algorithm[Any]], str]] = [
    ("described", Nameless, "must have a docstring on Nameless"),
    ("configuration_documented", Undocumented, "must document every hyperparameter .* Not so: damping"),
    ("search_space_valid", BadSearch, "must search 'k' in a range of valid values"),
    ("search_space_valid", FarSearch, "must search 'k' in a range with its default"),
    ("configuration_survives_json", ForeignConfig, "must have a SoundConfig. Got a OtherConfig"),
    ("imports_light", Sound, "must import torch, .* only where it uses them. Its module imports"),
    ("final_fit_ignores_validation", Endless, "must not use validation"),
    ("refits", Accumulating, "must score after a second fit as after a first one"),
    ("reproducible", Moody, "must give the same scores for the same seed"),
    ("seed_declared", Unseeded, "must give the same scores for any seed, or be `seeded`"),
    ("save_load_identical", Forgetful, "must score after loading as before saving"),
    ("inputs_unchanged", Meddling, "must leave the data it is given as they are"),
    ("needs_declared", Needy, "assert"),
    ("fits_on_train_only", RareEverywhere, "must fit statistics on training only: .* Scores differ by up to"),
    ("fits_on_train_only", AverageUser, "must fit statistics on training only: .* Scores differ by up to"),
    ("scores_sound", Double, "must score in float32. Got float64"),
    ("scores_sound", Infinite, "must give finite scores. 28 of 560"),
    ("recommends_soundly", Repeating, "must recommend no"),
    ("batch_independent", Relative, "must score a user the same alone as in a batch"),
    ("unseen_users_served", Closed, "must give finite scores"),
    ("empty_history_served", Averaging, "must give finite scores"),
    ("one_item_served", Comparing, "must give finite scores"),
    ("explains_soundly", Inventing, "must give as reasons items of the history, .* Got Reason.kind='item'"),
    ("explains_soundly", Concealing, "must give reasons whose weights sum to the score"),
    ("explains_soundly", Fickle, "must give the same reasons when asked again"),
    ("explains_soundly", Upside, "must give the highest weight first"),
    ("explains_soundly", Terse, "must give reasons for each of 5 items. Got 1"),
    ("ratings_declared", Undeclared, "must have 'ratings' among its `needs`. Got .*timestamps"),
    ("ratings_sound", FewRatings, r"must predict float32 \[n\] = \[600\]. Got float32 \[560\]"),
    ("ratings_sound", OneRating, r"must predict float32 \[n\] = \[600\]. Got float"),
    ("ratings_sound", UndefinedRatings, "must predict finite ratings. 30 of 600"),
    ("ratings_independent", MoodyRatings, "must predict the same ratings when asked again"),
    ("ratings_independent", TurnedRatings, "must predict a rating the same in another order"),
    ("ratings_independent", RelativeRatings, "must predict a rating the same alone as among others"),
    ("ratings_agree_with_scores", OtherScores, "must predict a rating the same as a score as by itself"),
]


def case(algorithm: type[Algorithm[Any]], exempt: Mapping[str, str] | None = None) -> AlgorithmCase:
    return AlgorithmCase(algorithm.__name__.lower(), exempt=exempt or {}, algorithm=algorithm)


@pytest.mark.parametrize(("check", "broken", "message"), BROKEN, ids=[f"{c}-{b.__name__}" for c, b, _ in BROKEN])
def test_each_check_finds_what_it_is_for(
    check: str, broken: type[Algorithm[Any]], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[2])  # where this module can be imported by its name
    with np.errstate(all="ignore"), pytest.raises(AssertionError, match=message):
        CHECKS[check](case(broken))


def test_a_sound_explanation_passes() -> None:
    CHECKS["explains_soundly"](case(Explaining))


def test_every_check_was_seen_failing() -> None:
    assert {check for check, _, _ in BROKEN} == set(CHECKS)


class TestSound(AlgorithmContract):
    """A class of a plugin author, with an exemption."""

    cases = [
        case(algorithm, {"imports_light": "this module imports pandas to show that it is found"})
        for algorithm in (Sound, SoundRatings)
    ]


class Metafunc:
    fixturenames = ("case", "check")

    def parametrize(self, *arguments: Any, **options: Any) -> None: ...


def test_a_contract_without_cases_is_an_error() -> None:
    with pytest.raises(UsageError, match="must name at least one AlgorithmCase"):
        AlgorithmContract().pytest_generate_tests(Metafunc())


def test_an_exemption_from_an_unknown_check_is_an_error() -> None:
    class Mistyped(AlgorithmContract):
        cases = [case(Sound, {"refit": "…"})]

    with pytest.raises(UnknownNameError, match="Did you mean 'refits'"):
        Mistyped().pytest_generate_tests(Metafunc())


def test_the_kit_is_importable_without_pytest() -> None:
    import subprocess
    import sys

    program = "import sys; sys.modules['pytest'] = None; import bench.testing"
    subprocess.run([sys.executable, "-c", program], check=True)
