"""The denoising autoencoder for collaborative filtering, Mult-DAE."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from bench.algorithm import Context
from bench.interactions import Interactions
from bench.search import IntRange, LogRange
from bench_algorithms.autoencoder import Autoencoder, AutoencoderConfig

if TYPE_CHECKING:
    from bench_algorithms.dae_network import MultDAE


class DAEConfig(AutoencoderConfig):
    """Mult-DAE: one hidden layer, a multinomial likelihood over the catalogue, no code that is drawn."""

    hidden_units: Annotated[int, Field(ge=1), IntRange(50, 1200, log=True)] = 200
    """Width of the hidden layer, which is a user's code."""
    weight_decay: Annotated[float, Field(ge=0), LogRange(1e-5, 0.1)] = 4e-5
    """Adam's L2 penalty on all weights. The default is the authors' for batches of 500 users."""


class DAE(Autoencoder[DAEConfig]):
    """Denoising autoencoder with multinomial likelihood (Mult-DAE).

    Differs from the paper in Adam's fused step, in the penalty being on the biases too, and in the first layer being
    computed as a weighted sum of the embeddings of a user's items, which is the same function.
    """

    paper = "Liang, Krishnan, Hoffman, Jebara: Variational autoencoders for collaborative filtering. WWW 2018"

    def module(self, train: Interactions, context: Context) -> MultDAE:
        from bench_algorithms.dae_network import MultDAE

        return MultDAE(train.n_items, self.config)
