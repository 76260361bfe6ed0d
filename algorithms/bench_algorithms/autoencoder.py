"""What the autoencoders of user profiles have in common: hyperparameters, batches, and how a history is scored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import Field

from bench.algorithm import Context, UserBatch
from bench.interactions import Interactions
from bench.lightning import DrawEpoch, LightningAlgorithm, LightningConfig
from bench.search import FloatRange, IntRange
from bench_algorithms.profiles import as_bags, profile_batches, profiles_of

if TYPE_CHECKING:
    import torch


class AutoencoderConfig(LightningConfig):
    """What every autoencoder of profiles has."""

    batch_size: Annotated[int, Field(ge=1), IntRange(32, 512, log=True)] = 256
    """Users a step."""
    dropout: Annotated[float, Field(ge=0, lt=1), FloatRange(0.1, 0.9)] = 0.5
    """Share of a user's items hidden from the encoder in training."""


A = TypeVar("A", bound=AutoencoderConfig)


class Autoencoder(LightningAlgorithm[A]):
    """Base of the autoencoders of profiles: a subclass gives its module, which scores bags of items.

    They encode a user's history as a set, so they serve users they were not trained on.
    """

    def batches(self, train: Interactions, context: Context) -> DrawEpoch:
        return profile_batches(profiles_of(train)[1], self.config.batch_size)

    def forward(self, network: Any, batch: UserBatch) -> torch.Tensor:
        """Logits of the decoder, without noise; an empty history gives the code of nobody."""
        items, indptr = as_bags(batch.history.csr())
        logits: torch.Tensor = network(items.to(network.device), indptr.to(network.device))
        return logits
