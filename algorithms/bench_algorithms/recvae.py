"""The variational autoencoder with a composite prior, RecVAE."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import Field

from bench.algorithm import Context
from bench.interactions import Interactions
from bench.lightning import DrawEpoch
from bench.search import IntRange, LogRange
from bench_algorithms.autoencoder import Autoencoder, AutoencoderConfig

if TYPE_CHECKING:
    import torch

    from bench_algorithms.recvae_network import RecVAENetwork


class RecVAEConfig(AutoencoderConfig):
    """RecVAE: a deep encoder and a linear decoder, trained in turns, and a prior that remembers the last encoder."""

    hidden_units: Annotated[int, Field(ge=1), IntRange(64, 800, log=True)] = 600
    """Width of the encoder's five layers."""
    latent_units: Annotated[int, Field(ge=1), IntRange(32, 400, log=True)] = 200
    """Length of a user's code."""
    learning_rate: Annotated[float, Field(gt=0), LogRange(1e-4, 1e-2)] = 5e-4
    """Step size of Adam."""
    gamma: Annotated[float, Field(ge=0), LogRange(1e-3, 0.2)] = 0.005
    """Weight of a user's KL divergence for each item of their profile."""
    encoder_passes: Annotated[int, Field(ge=1), IntRange(1, 5)] = 3
    """Passes over the users, in each epoch, that train the encoder. After them, the prior takes its weights over."""
    decoder_passes: Annotated[int, Field(ge=1)] = 1
    """Passes over the users, in each epoch, that then train the decoder."""


class RecVAE(Autoencoder[RecVAEConfig]):
    """Variational autoencoder with a composite prior, whose encoder and decoder are trained in turns (RecVAE).

    An epoch is one turn of both. The encoder reads profiles with dropout when it is trained, the decoder is trained
    on codes of whole profiles. As in the authors' code, the prior has a third, wide component and is a mixture in each
    dimension of the code. Differs from that code in one Adam for both parts, which with the other part held still is
    the same as two, and in the first layer being computed as a weighted sum of the embeddings of a user's items,
    which is the same function.
    """

    paper = "Shenbin, Alekseev, Tutubalina, Malykh, Nikolenko: RecVAE: a new variational autoencoder for top-N \
recommendations with implicit feedback. WSDM 2020"

    def module(self, train: Interactions, context: Context) -> RecVAENetwork:
        from bench_algorithms.recvae_network import RecVAENetwork

        return RecVAENetwork(train.n_items, self.config)

    def batches(self, train: Interactions, context: Context) -> DrawEpoch:
        """The users' bags, and whether they are for the encoder."""
        one_pass = super().batches(train, context)
        turns = [True] * self.config.encoder_passes + [False] * self.config.decoder_passes

        def draw(rng: np.random.Generator) -> Iterator[tuple[torch.Tensor, torch.Tensor, bool]]:
            for for_encoder in turns:
                for items, indptr in one_pass(rng):
                    yield items, indptr, for_encoder

        return draw
