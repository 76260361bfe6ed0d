"""A GAN that recommends by itself: CFGAN, user-based, with zero-reconstruction and partial masking."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from bench.algorithm import Context, UserBatch
from bench.interactions import Interactions
from bench.lightning import DrawEpoch, LightningAlgorithm, LightningConfig
from bench.search import FloatRange, IntRange, LogRange
from bench_algorithms.profiles import as_bags, profile_batches, profiles_of

if TYPE_CHECKING:
    import torch

    from bench_algorithms.cfgan_network import ConditionalGAN


class CFGANConfig(LightningConfig):
    """The generator, whose output is the recommendation, and the discriminator that teaches it."""

    epochs: Annotated[int, Field(ge=1)] = 300
    """Passes over the training data, at most; early stopping may end them sooner."""
    validate_every: Annotated[int, Field(ge=1)] = 5
    """Epochs from one validation to the next; the last epoch is always validated."""
    batch_size: Annotated[int, Field(ge=1), IntRange(32, 512, log=True)] = 64
    """Users a step."""
    learning_rate: Annotated[float, Field(gt=0), LogRange(1e-4, 1e-2)] = 3e-4
    """Step size of Adam for the generator."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    """Adam's L2 penalty on the generator's weights."""
    discriminator_learning_rate: Annotated[float, Field(gt=0), LogRange(1e-5, 1e-3)] = 1e-4
    """Step size of Adam for the discriminator."""
    hidden_units: Annotated[int, Field(ge=1), IntRange(100, 800)] = 300
    """Width of the generator's hidden layer."""
    discriminator_units: Annotated[int, Field(ge=1), IntRange(50, 300)] = 125
    """Width of the discriminator's hidden layer."""
    dropout: Annotated[float, Field(ge=0, lt=1), FloatRange(0.0, 0.8)] = 0.5
    """Share of a user's items hidden from the generator in training. 0 is the paper's."""
    masking_share: Annotated[float, Field(ge=0, le=1), FloatRange(0.02, 0.9)] = 0.1
    """Share of the items a user does not have on which the discriminator sees the generator's output too (the
    paper's S_PM). 0 leaves zero-reconstruction alone (CFGAN-ZR)."""
    reconstruction_share: Annotated[float, Field(ge=0, le=1), FloatRange(0.1, 1.0)] = 0.7
    """Share of the items a user does not have on which the generator's output is drawn to 0 (the paper's S_ZR)."""
    reconstruction_weight: Annotated[float, Field(ge=0), LogRange(1e-3, 1.0)] = 0.03
    """Weight of that squared error beside the adversarial loss (the paper's α). 0 leaves partial masking alone
    (CFGAN-PM)."""


class CFGAN(LightningAlgorithm[CFGANConfig]):
    """A GAN whose generator turns a user's items into scores that pass for the items themselves (CFGAN-ZP).

    The user-based one: it reads a history, so it serves users it was not trained on. As in the paper's
    experiments, the generator gets no noise. Pérez Maurera, Ferrari Dacrema and Cremonesi (An evaluation study
    of generative adversarial networks for collaborative filtering, ECIR 2022) show what follows: the condition
    is the very vector to be produced, copying it is a perfect answer, and the GAN is an autoencoder with a
    learnt loss, no better than tuned baselines. Hence the difference from the paper: part of the condition is
    hidden from the generator in training (`dropout`). Also, both samples of items are drawn anew each step, item
    by item, not once an epoch; the generator's loss is −log D(fake), as in the authors' code; and there is one step
    of each network a batch.
    """

    paper = "Chae, Kang, Kim, Lee: CFGAN: A generic collaborative filtering framework based on generative \
adversarial networks. CIKM 2018"

    def module(self, train: Interactions, context: Context) -> ConditionalGAN:
        from bench_algorithms.cfgan_network import ConditionalGAN

        return ConditionalGAN(train.n_items, self.config)

    def batches(self, train: Interactions, context: Context) -> DrawEpoch:
        return profile_batches(profiles_of(train)[1], self.config.batch_size)

    def forward(self, network: Any, batch: UserBatch) -> torch.Tensor:
        """The generator's output; an empty history gives that of nobody."""
        items, indptr = as_bags(batch.history.csr())
        scores: torch.Tensor = network(items.to(network.device), indptr.to(network.device))
        return scores
