"""The Lightning runner: early stopping, divergence, seeds, and leaving the process as it was found."""

from __future__ import annotations

import logging
import math
import os
import pickle
import random
import signal
import warnings
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import numpy as np
import pytest
import torch
from pydantic import Field
from pytorch_lightning import LightningModule
from torch import Tensor, nn

from bench.algorithm import Algorithm, Context, EvalSet, UserBatch
from bench.errors import ContractError, DivergedError, UsageError
from bench.interactions import Interactions
from bench.lightning import DrawEpoch, LightningAlgorithm, LightningConfig, adam
from bench.testing import tiny_fold
from bench.testing.case import evaluation_batch, scores_of

FOLD = tiny_fold()
BATCH = evaluation_batch(FOLD)


class ToyConfig(LightningConfig):
    """A toy."""

    nan_in_epoch: Annotated[int, Field(ge=0)] = 0
    """The epoch whose loss is NaN; 0: none."""
    ruin_in_epoch: Annotated[int, Field(ge=0)] = 0
    """The epoch whose last step leaves infinite weights; 0: none."""


class ToyNetwork(LightningModule):
    """A score an item, fitted to popularity."""

    def __init__(self, n_items: int, config: ToyConfig) -> None:
        super().__init__()
        self.config = config
        self.scores = nn.Parameter(torch.randn(n_items))

    def training_step(self, batch: Tensor, index: int) -> dict[str, Tensor]:
        loss = -torch.log_softmax(self.scores + 0.1 * torch.randn_like(self.scores), 0)[batch].mean()
        if self.current_epoch + 1 == self.config.nan_in_epoch:
            loss = loss * math.nan
        return {"loss": loss, "norm": self.scores.norm()}

    def on_train_batch_end(self, *_: Any) -> None:
        if self.current_epoch + 1 == self.config.ruin_in_epoch:
            self.scores.data[0] = math.inf

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return adam(self.parameters(), self.config.learning_rate, self.config.weight_decay)


class Toy(LightningAlgorithm[ToyConfig]):
    """The same scores for all."""

    def module(self, train: Interactions, context: Context) -> ToyNetwork:
        return ToyNetwork(train.n_items, self.config)

    def batches(self, train: Interactions, context: Context) -> DrawEpoch:
        self.drawn: list[list[int]] = []

        def draw(rng: np.random.Generator) -> Iterator[Tensor]:
            items = train.item[rng.permutation(len(train))].astype(np.int64)
            self.drawn.append(items.tolist())
            for start in range(0, len(items), self.config.batch_size):
                yield torch.from_numpy(items[start : start + self.config.batch_size])

        return draw

    def forward(self, network: Any, batch: UserBatch) -> Tensor:
        scores: Tensor = network.scores.expand(len(batch), -1)
        return scores


def fitted(evaluate: Callable[[Algorithm[Any], EvalSet], float] | None = None, **fields: Any) -> tuple[Toy, Context]:
    context = Context(seed=fields.pop("seed", 1), evaluate=evaluate)
    fields = {"epochs": 3, "patience": 0, "learning_rate": 0.1, **fields}
    toy = Toy(**fields)
    return toy.fit(FOLD.train, FOLD.validation if toy.uses_validation else None, context), context


class Scripted:
    """A validation that returns given scores, and remembers the weights it was asked about."""

    def __init__(self, *scores: float) -> None:
        self.scores, self.seen = list(scores), list[Any]()

    def __call__(self, algorithm: Algorithm[Any], users: EvalSet) -> float:
        assert users is FOLD.validation
        self.seen.append(scores_of(algorithm, BATCH)[0].copy())
        return self.scores[len(self.seen) - 1]


def test_stops_when_patience_runs_out_and_goes_back_to_the_best_weights() -> None:
    script = Scripted(0.1, 0.3, 0.2, 0.3, 0.1)
    toy, context = fitted(script, epochs=50, patience=3)
    assert toy.best_epoch == 2
    assert len(context.curves["train_loss"]) == 5
    assert context.curves["validation"] == [(1, 0.1), (2, 0.3), (3, 0.2), (4, 0.3), (5, 0.1)]
    np.testing.assert_array_equal(scores_of(toy, BATCH)[0], script.seen[1])
    assert not np.array_equal(script.seen[1], script.seen[-1])


def test_validates_every_few_epochs_and_after_the_last() -> None:
    _, context = fitted(Scripted(0.1, 0.2, 0.3), epochs=5, patience=9, validate_every=2)
    assert [epoch for epoch, _ in context.curves["validation"]] == [2, 4, 5]


def test_final_fit_has_the_best_epoch_and_the_same_path() -> None:
    script = Scripted(0.1, 0.3, 0.2, 0.2)
    toy, _ = fitted(script, epochs=50, patience=2)
    assert toy.fitted_config == toy.config.changed(epochs=2, patience=0)
    final = Toy(toy.fitted_config)
    assert not final.uses_validation
    final.fit(FOLD.train, None, Context(seed=1))
    np.testing.assert_array_equal(scores_of(final, BATCH), scores_of(toy, BATCH))
    assert final.fitted_config == final.config


def test_trains_all_epochs_without_a_validation_set() -> None:
    toy = Toy(epochs=4, patience=1)
    context = Context()
    toy.fit(FOLD.train, None, context)
    assert len(context.curves["train_loss"]) == 4
    assert toy.best_epoch is None


def test_early_stopping_needs_the_harness_score() -> None:
    with pytest.raises(ContractError, match=r"context\.evaluate"):
        Toy(patience=1).fit(FOLD.train, FOLD.validation, Context())


def test_undefined_validation_score_is_an_error() -> None:
    with pytest.raises(ContractError, match="undefined in epoch 2"):
        fitted(Scripted(0.1, math.nan), patience=5)


def test_validation_scores_are_reported_and_pruning_goes_through() -> None:
    class PrunedError(Exception):
        pass

    def report(step: int, score: float) -> None:
        heard.append((step, score))
        if step == 2:
            raise PrunedError

    heard: list[tuple[int, float]] = []
    context = Context(evaluate=Scripted(0.5, 0.4, 0.3), report=report)
    with pytest.raises(PrunedError):
        Toy(epochs=9, patience=9).fit(FOLD.train, FOLD.validation, context)
    assert heard == [(1, 0.5), (2, 0.4)]


def test_every_named_loss_is_a_curve_by_epoch() -> None:
    _, context = fitted(epochs=3)
    assert set(context.curves) == {"train_loss", "norm"}
    assert [epoch for epoch, _ in context.curves["norm"]] == [1, 2, 3]
    assert [epoch for epoch, _ in context.curves["train_loss"]] == [1, 2, 3]


def test_progress_by_epoch_with_a_note() -> None:
    heard: list[tuple[str, int, int, str]] = []
    Toy(epochs=2, patience=0).fit(FOLD.train, None, Context(progress=lambda *event: heard.append(event)))
    assert [(done, total) for _, done, total, _ in heard] == [(1, 2), (2, 2)]
    assert all(stage == "train Toy" and note.startswith("train_loss ") for stage, _, _, note in heard)


@pytest.mark.parametrize("batch_size", [7, 500])
def test_loss_that_is_not_a_number_stops_in_its_epoch(batch_size: int) -> None:
    context = Context()
    with pytest.raises(DivergedError, match="'train_loss' became nan in epoch 3"):
        Toy(epochs=9, patience=0, nan_in_epoch=3, batch_size=batch_size).fit(FOLD.train, None, context)
    assert [epoch for epoch, _ in context.curves["train_loss"]] == [1, 2]


def test_infinite_weights_behind_a_finite_loss_are_divergence() -> None:
    with pytest.raises(DivergedError, match="'scores' became infinite or NaN in epoch 2"):
        fitted(epochs=2, ruin_in_epoch=2, batch_size=500)


def test_same_seed_same_scores_whatever_ran_before() -> None:
    first, _ = fitted()
    torch.manual_seed(99)
    torch.randn(5)
    second, _ = fitted()
    np.testing.assert_array_equal(scores_of(first, BATCH), scores_of(second, BATCH))
    other, _ = fitted(seed=2)
    assert not np.array_equal(scores_of(first, BATCH), scores_of(other, BATCH))


def test_every_epoch_has_an_order_of_its_own_that_the_seed_repeats() -> None:
    first, second = fitted(epochs=2)[0], fitted(epochs=2)[0]
    assert first.drawn == second.drawn
    assert len(first.drawn) == 2
    assert first.drawn[0] != first.drawn[1]
    assert sorted(first.drawn[0]) == sorted(first.drawn[1])


def test_weight_decay_shrinks_the_weights() -> None:
    free, held = fitted()[0], fitted(weight_decay=10.0)[0]
    assert np.abs(scores_of(held, BATCH)).max() < np.abs(scores_of(free, BATCH)).max()


def test_leaves_the_process_as_it_was(capfd: pytest.CaptureFixture[str]) -> None:
    def state() -> tuple[object, ...]:
        return (
            torch.get_rng_state().tolist(),
            str(np.random.get_state()),
            random.getstate(),
            logging.getLogger("pytorch_lightning").level,
            list(warnings.filters),
            signal.getsignal(signal.SIGTERM),
            signal.getsignal(signal.SIGINT),
            torch.are_deterministic_algorithms_enabled(),
            torch.get_default_dtype(),
            torch.is_grad_enabled(),
        )

    before = state()
    fitted(Scripted(0.1, 0.2, 0.3), patience=2)
    assert state() == before
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_interruptions_arrive_as_what_they_are(stop: type[BaseException]) -> None:
    def progress(stage: str, done: int, total: int, note: str) -> None:
        raise stop

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(stop):
        Toy(epochs=2, patience=0).fit(FOLD.train, None, Context(progress=progress))
    assert signal.getsignal(signal.SIGINT) is before


def test_a_termination_signal_ends_training() -> None:
    def progress(stage: str, done: int, total: int, note: str) -> None:
        heard.append(done)
        os.kill(os.getpid(), signal.SIGTERM)

    heard: list[int] = []
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit):
        Toy(epochs=50, patience=0).fit(FOLD.train, None, Context(progress=progress))
    assert heard == [1]
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(
    "wrong", [{"device": "abacus"}, {"device": "cpu:x"}, {"device": "cuda:99"}, {"precision": "12-true"}]
)
def test_unavailable_device_or_precision_is_one_line(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"cannot train on the device '.*' with precision '.*': ") as caught:
        Toy(patience=0).fit(FOLD.train, None, Context(**wrong))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("precision", ["64-true", "bf16-true", "bf16-mixed"])
def test_scores_are_float32_after_training_in_any_precision(precision: str) -> None:
    toy = Toy(epochs=1, patience=0).fit(FOLD.train, None, Context(precision=precision))
    scores = toy.score(BATCH)
    assert scores.dtype == torch.float32
    assert bool(torch.isfinite(scores).all())


def test_scoring_before_fitting_is_an_error() -> None:
    with pytest.raises(ContractError, match="Toy must be fitted before it scores"):
        Toy().score(BATCH)


def test_a_pickled_model_holds_no_trainer_and_scores_the_same() -> None:
    toy, _ = fitted()
    assert toy.network is not None
    with pytest.raises(RuntimeError, match="not attached"):
        _ = toy.network.trainer
    toy.drawn = []
    again = pickle.loads(pickle.dumps(toy))
    np.testing.assert_array_equal(scores_of(again, BATCH), scores_of(toy, BATCH))
