"""How a LightningModule is trained here: one Trainer, its callback, and the weights of the best epoch.

Apart from `bench.lightning` because it imports torch and Lightning.
"""

from __future__ import annotations

import copy
import logging
import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning import Callback, LightningModule, Trainer

from bench import seeds
from bench.algorithm import Context
from bench.errors import ContractError, DivergedError, UsageError
from bench.lightning import DrawEpoch

M = TypeVar("M", bound=LightningModule | None)


class BestWeights:
    """Validates after epochs, remembers the weights of the best one, and says when to stop.

    evaluate: the validation score, higher is better. patience: validations without a better score.
    every: epochs from one validation to the next. The copy is kept in host memory, not in a checkpoint:
    it is the size of one of Adam's two moments, and needs no disk that may be full or slow.
    """

    def __init__(self, evaluate: Callable[[], float], patience: int, every: int) -> None:
        self.evaluate, self.patience, self.every = evaluate, patience, every
        self.best_score, self.best_epoch, self._since_best = -math.inf, 0, 0
        self._weights: dict[str, torch.Tensor] = {}

    def after_epoch(self, module: LightningModule, epoch: int, last: bool) -> float | None:
        """The validation score, or None if this epoch is not validated. Raises ContractError if it is NaN."""
        if epoch % self.every and not last:
            return None
        score = self.evaluate()
        module.train()
        if math.isnan(score):
            raise ContractError(f"the validation score must be a number. It is undefined in epoch {epoch}.")
        self._since_best += 1
        if score > self.best_score or not self.best_epoch:
            self.best_score, self.best_epoch, self._since_best = score, epoch, 0
            self._weights = {name: value.detach().cpu().clone() for name, value in module.state_dict().items()}
        return score

    @property
    def exhausted(self) -> bool:
        """Whether patience has run out."""
        return self._since_best >= self.patience

    def restore(self, module: LightningModule) -> None:
        """Go back to the best weights, and let go of the copy."""
        module.load_state_dict(self._weights)
        self._weights = {}


class Runner:
    """Trains one module. purpose: names its random streams and its progress. watch: early stopping, if any.

    Raises UsageError if the device or the precision is not available here.
    """

    def __init__(self, purpose: str, epochs: int, context: Context, watch: BestWeights | None = None) -> None:
        self.purpose, self.context, self.watch = purpose, context, watch
        with _quiet():
            self.trainer = _trainer(context, epochs, _EpochEnd(f"train {purpose}", context, epochs, watch))
        self.device: torch.device = self.trainer.strategy.root_device

    @contextmanager
    def seeded(self) -> Iterator[None]:
        """Torch draws from a stream of (seed, purpose) inside, and goes on as if nothing had happened outside."""
        seed = seeds.derive_seed(self.context.seed, "torch", self.purpose)
        cuda = [self.device.index or 0] if self.device.type == "cuda" else []
        with torch.random.fork_rng(cuda):
            torch.default_generator.manual_seed(seed)
            for index in cuda:
                with torch.cuda.device(index):
                    torch.cuda.manual_seed(seed)
            yield

    def fit(self, module: LightningModule, draw: DrawEpoch) -> None:
        """Train `module` on the batches of `draw`; afterwards it is in evaluation mode, on the runner's device.

        Raises DivergedError, naming the epoch, if a loss or a weight is not finite.
        """
        with _quiet(), _interruptible():
            self.trainer.fit(module, _Epochs(self, draw))
        module.trainer = None
        if self.watch:
            self.watch.restore(module)
        module.to(self.device, torch.float32).eval()


class _Epochs:
    """What Lightning iterates: a fresh draw of batches each epoch, from a stream of (seed, purpose, epoch)."""

    def __init__(self, runner: Runner, draw: DrawEpoch) -> None:
        self.runner, self.draw = runner, draw

    def __iter__(self) -> Iterator[Any]:
        epoch = self.runner.trainer.current_epoch + 1
        return iter(self.draw(seeds.generator(self.runner.context.seed, "batches", self.runner.purpose, epoch)))


class _EpochEnd(Callback):
    """After each epoch: curves, divergence, validation, progress. Losses are summed on the device, so that
    a step never waits for the host.
    """

    def __init__(self, stage: str, context: Context, epochs: int, watch: BestWeights | None) -> None:
        self.stage, self.context, self.epochs, self.watch = stage, context, epochs, watch
        self.sums: dict[str, torch.Tensor] = {}
        self.steps = 0

    def on_train_batch_end(self, trainer: Trainer, module: LightningModule, outputs: Any, *_: Any) -> None:
        self.steps += 1
        for name, value in outputs.items():
            value = value.detach()
            self.sums[name] = self.sums[name] + value if name in self.sums else value

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        epoch = trainer.current_epoch + 1
        losses = {_curve(name): float(total) / self.steps for name, total in self.sums.items()}
        self.sums, self.steps = {}, 0
        _check_finite(module, losses, epoch)
        for name, value in losses.items():
            self.context.log(name, epoch, value)
        note = ", ".join(f"{name} {value:.4g}" for name, value in losses.items())
        if self.watch:
            score = self.watch.after_epoch(module, epoch, last=epoch == self.epochs)
            if score is not None:
                note += f", validation {score:.4g}"
                self.context.log("validation", epoch, score)
                self.context.report(epoch, score)
            trainer.should_stop = self.watch.exhausted
        self.context.progress(self.stage, epoch, self.epochs, note)


def _curve(name: str) -> str:
    return "train_loss" if name == "loss" else name


def _check_finite(module: LightningModule, losses: dict[str, float], epoch: int) -> None:
    """A step may also ruin the weights after the epoch's last loss was computed."""
    for name, value in losses.items():
        if not math.isfinite(value):
            raise DivergedError(f"'{name}' became {value} in epoch {epoch}.")
    for name, weights in module.named_parameters():
        if not bool(torch.isfinite(weights).all()):
            raise DivergedError(f"the weights '{name}' became infinite or NaN in epoch {epoch}.")


def _trainer(context: Context, epochs: int, callback: Callback) -> Trainer:
    kind, _, index = context.device.partition(":")
    try:
        return Trainer(
            accelerator=kind,
            devices=[int(index)] if index else 1,
            precision=context.precision,  # type: ignore[arg-type]  # Lightning checks it
            max_epochs=epochs,
            callbacks=[callback],
            plugins=[LightningEnvironment()],  # one process, also inside SLURM or torchrun
            default_root_dir=context.work_dir,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
    except (ValueError, MisconfigurationException) as error:
        raise UsageError(
            f"cannot train on the device '{context.device}' with precision '{context.precision}': "
            f"{' '.join(str(error).split())}"
        ) from None


@contextmanager
def _quiet() -> Iterator[None]:
    """Lightning says nothing below an error in here; the caller's logging and warnings are as before outside."""
    loggers = [logging.getLogger(name) for name in ("pytorch_lightning", "lightning_fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"pytorch_lightning|lightning_fabric")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Lightning turns Ctrl-C into SystemExit(1) and leaves SIGINT ignored; here it stays what it was."""
    try:
        yield
    except SystemExit as stop:
        if isinstance(stop.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        raise


def on_cpu(module: M) -> M:
    """The module itself if it is on the CPU, otherwise a copy there."""
    if module is None or module.device.type == "cpu":
        return module
    return copy.deepcopy(module).cpu()
