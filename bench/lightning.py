"""Algorithms that are LightningModules: their common hyperparameters, and how they fit, score and are saved.

Neither torch nor Lightning is imported before `fit` or `score`, so that a configuration can be shown at once.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Annotated, Any, Self, TypeVar

import numpy as np
from pydantic import Field

from bench.algorithm import Algorithm, Context, EvalSet, UserBatch
from bench.config import Config
from bench.errors import ContractError
from bench.interactions import Interactions
from bench.search import IntRange, LogRange

if TYPE_CHECKING:
    import torch
    from pytorch_lightning import LightningModule

    from bench.lightning_runner import BestWeights

DrawEpoch = Callable[[np.random.Generator], Iterable[Any]]
"""One epoch's batches, already collated into tensors, in an order drawn from the generator."""


class LightningConfig(Config):
    """What every neural algorithm has."""

    epochs: Annotated[int, Field(ge=1)] = 100
    """Passes over the training data, at most; early stopping may end them sooner."""
    patience: Annotated[int, Field(ge=0)] = 5
    """Stop after this many validations in a row without a better score, and go back to the best weights.
    0 trains all epochs and never looks at validation."""
    validate_every: Annotated[int, Field(ge=1)] = 1
    """Epochs from one validation to the next; the last epoch is always validated."""
    batch_size: Annotated[int, Field(ge=1), IntRange(32, 512, log=True)] = 128
    """Training examples a step."""
    learning_rate: Annotated[float, Field(gt=0), LogRange(1e-4, 1e-2)] = 1e-3
    """Step size of Adam."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    """Adam's L2 penalty on all weights."""


L = TypeVar("L", bound=LightningConfig)


class LightningAlgorithm(Algorithm[L]):
    """Base of the neural algorithms: a subclass gives a LightningModule, its batches and its scores.

    Training looks at validation only through `context.evaluate`, so early stopping follows the very number
    the harness reports. Without a validation set all epochs are trained. Weights, dropout and batch order
    derive from `context.seed` alone: on CPU the same seed gives the same scores, bit for bit.
    """

    imports: tuple[str, ...] = ("bench.lightning_runner",)
    network: LightningModule | None = None
    """The trained module, in evaluation mode, on the device it was trained on."""
    best_epoch: int | None = None
    """The epoch, from 1, whose weights early stopping kept; None if it did not watch."""

    @abstractmethod
    def module(self, train: Interactions, context: Context) -> LightningModule:
        """A fresh network for this catalogue. Torch's random stream is seeded when this is called.

        `training_step` returns the loss, or with manual optimisation a dict of named losses, each of which
        becomes a curve of the record.
        """

    @abstractmethod
    def batches(self, train: Interactions, context: Context) -> DrawEpoch:
        """The training batches, as a function called once an epoch."""

    @abstractmethod
    def forward(self, network: Any, batch: UserBatch) -> torch.Tensor:
        """float[b, n_items] on the network's device, which is in evaluation mode and records no gradients."""

    @property
    def uses_validation(self) -> bool:
        return self.config.patience > 0

    @property
    def fitted_config(self) -> L:
        """With the best epoch as the number of epochs, and early stopping off."""
        if self.best_epoch is None:
            return self.config
        return self.config.changed(epochs=self.best_epoch, patience=0)

    def fit(self, train: Interactions, validation: EvalSet | None, context: Context) -> Self:
        """Train to the end or until validation stops improving.

        Raises DivergedError, naming the epoch, if a loss or a weight is not finite.
        """
        from bench.lightning_runner import Runner

        watch = self._watch(validation, context)
        runner = Runner(type(self).__name__, self.config.epochs, context, watch)
        with runner.seeded():
            self.network = self.module(train, context)
            runner.fit(self.network, self.batches(train, context))
        self.best_epoch = watch.best_epoch if watch else None
        return self

    def _watch(self, validation: EvalSet | None, context: Context) -> BestWeights | None:
        from bench.lightning_runner import BestWeights

        evaluate = context.evaluate
        if not self.uses_validation or validation is None:
            return None
        if evaluate is None:
            raise ContractError("early stopping needs `context.evaluate`; give it, or fit with patience=0.")
        return BestWeights(lambda: evaluate(self, validation), self.config.patience, self.config.validate_every)

    def score(self, batch: UserBatch) -> torch.Tensor:
        """float32[b, n_items] on the network's device. Raises ContractError before `fit`."""
        import torch

        if self.network is None:
            raise ContractError(f"{type(self).__name__} must be fitted before it scores.")
        self.network.eval()
        with torch.inference_mode():
            return self.forward(self.network, batch).to(torch.float32)

    def __getstate__(self) -> dict[str, Any]:
        """With the network on the CPU, so that a model trained on a GPU loads where there is none."""
        from bench.lightning_runner import on_cpu

        return {**vars(self), "network": on_cpu(self.network)}


def adam(
    weights: Iterable[torch.nn.Parameter],
    learning_rate: float,
    weight_decay: float = 0.0,
    betas: tuple[float, float] = (0.9, 0.999),
) -> torch.optim.Adam:
    """Adam with its step fused into one kernel, which takes half the time on large embeddings."""
    import torch

    return torch.optim.Adam(weights, lr=learning_rate, weight_decay=weight_decay, betas=betas, fused=True)
