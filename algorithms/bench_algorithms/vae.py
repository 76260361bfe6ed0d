"""The variational autoencoder for collaborative filtering, Mult-VAE."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from bench.algorithm import Context
from bench.interactions import Interactions
from bench.search import FloatRange, IntRange
from bench_algorithms.autoencoder import Autoencoder, AutoencoderConfig

if TYPE_CHECKING:
    from bench_algorithms.vae_network import MultVAE


class VAEConfig(AutoencoderConfig):
    """Mult-VAE: a multinomial likelihood over the catalogue, and a Gaussian code for each user."""

    hidden_units: Annotated[int, Field(ge=1), IntRange(100, 800)] = 600
    """Width of the hidden layer, alike in encoder and decoder."""
    latent_units: Annotated[int, Field(ge=1), IntRange(32, 256, log=True)] = 200
    """Length of a user's code."""
    beta: Annotated[float, Field(ge=0), FloatRange(0.0, 1.0)] = 0.2
    """Weight of the KL divergence once it is fully annealed."""
    anneal_steps: Annotated[int, Field(ge=0), IntRange(100, 20_000, log=True)] = 2_000
    """Training steps over which the KL weight would rise from 0 to 1; it stops at `beta`. Counted in steps,
    not as a share of training, so that a final fit of fewer epochs follows the same schedule. 0: no annealing."""


class VAE(Autoencoder[VAEConfig]):
    """Variational autoencoder with multinomial likelihood and KL annealing (Mult-VAE).

    A history is scored at the mean of its code. Differs from the paper in Adam's fused step, and in the first layer
    being computed as a weighted sum of the embeddings of a user's items, which is the same function.
    """

    paper = "Liang, Krishnan, Hoffman, Jebara: Variational autoencoders for collaborative filtering. WWW 2018"

    def module(self, train: Interactions, context: Context) -> MultVAE:
        from bench_algorithms.vae_network import MultVAE

        return MultVAE(train.n_items, self.config)
