"""The two-tower model: users and items encoded apart and compared by their cosine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field
from scipy import sparse

from bench.algorithm import Context, UserBatch
from bench.interactions import Interactions
from bench.lightning import DrawEpoch, LightningAlgorithm, LightningConfig
from bench.search import FloatRange, IntRange, LogRange
from bench_algorithms.feature_terms import TermsConfig, optional_item_terms, optional_user_terms
from bench_algorithms.item_vectors import VECTOR_IMPORTS
from bench_algorithms.profiles import as_bags, profiles_of

if TYPE_CHECKING:
    import torch

    from bench_algorithms.two_tower_network import Towers


class TwoTowerConfig(TermsConfig, LightningConfig):
    """Towers of users and of items, and the loss that brings a user near to what they have."""

    patience: Annotated[int, Field(ge=0)] = 10
    """Stop after this many validations in a row without a better score, and go back to the best weights.
    0 trains all epochs and never looks at validation."""
    batch_size: Annotated[int, Field(ge=1), IntRange(32, 512, log=True)] = 128
    """Users a step, each with all of their items."""
    learning_rate: Annotated[float, Field(gt=0), LogRange(1e-4, 1e-2)] = 3e-3
    """Step size of Adam."""
    embedding_units: Annotated[int, Field(ge=1), IntRange(16, 256, log=True)] = 64
    """Length of what both towers take and give."""
    hidden_units: Annotated[int, Field(ge=1), IntRange(32, 512, log=True)] = 128
    """Width of the hidden layer of each tower."""
    temperature: Annotated[float, Field(gt=0), LogRange(0.05, 0.5)] = 0.2
    """What cosines are divided by before the softmax: smaller tells near items apart more sharply."""
    target_share: Annotated[float, Field(gt=0, lt=1), FloatRange(0.1, 0.9)] = 0.5
    """Share of a user's items, drawn anew each epoch, that the user's tower is trained to find from the others."""


class TwoTower(LightningAlgorithm[TwoTowerConfig]):
    """Two-tower model: user and item encoders compared by cosine, trained with a bias-corrected in-batch softmax.

    The item tower reads the item itself and its attributes, the user tower the history as a bag of what the item tower
    reads, and the user's attributes; attributes are in the terms and with the weights of `content`, where the data
    has any. So users unseen in training are served by their history, and items never seen by their attributes.

    A batch is users, each with some of their items to find and the others for a history. Each item to find competes
    with all items that the batch's users are to find, less what its own user has anywhere, and every logit is
    corrected by the log of the item's probability of being drawn. Differs from the paper: that probability is the
    item's share of the training data, not estimated from a stream; a tower adds its hidden layer to what it reads;
    items have one embedding in both towers; the user tower has no features of a query; rewards are all 1.
    """

    imports = (*LightningAlgorithm.imports, *VECTOR_IMPORTS)
    paper = (
        "Yi, Yang, Hong, Cheng, Heldt, Kumthekar, Zhao, Wei, Chi: Sampling-bias-corrected neural modeling for large "
        "corpus item recommendations. RecSys 2019"
    )

    def module(self, train: Interactions, context: Context) -> Towers:
        from bench_algorithms.two_tower_network import Towers

        items = optional_item_terms(context.item_features, train, self.config)
        users = optional_user_terms(context.user_features, train, self.config)
        return Towers(train, users, items, self.config)

    def batches(self, train: Interactions, context: Context) -> DrawEpoch:
        users, profiles = profiles_of(train)
        codes, size, share = users.astype(np.int64), self.config.batch_size, self.config.target_share

        def draw(rng: np.random.Generator) -> Iterator[tuple[torch.Tensor, ...]]:
            import torch

            order = rng.permutation(len(codes))
            for start in range(0, len(order), size):
                rows = order[start : start + size]
                history, targets = parted(profiles[rows], share, rng)
                yield torch.from_numpy(codes[rows]), *as_bags(history), *as_bags(targets)

        return draw

    def forward(self, network: Any, batch: UserBatch) -> torch.Tensor:
        """Cosines over the temperature. An empty history leaves the user's attributes, if any."""
        import torch

        codes = (torch.from_numpy(batch.users.astype(np.int64)), *as_bags(batch.history.csr()))
        scores: torch.Tensor = network(*(part.to(network.device) for part in codes))
        return scores


def parted(
    profiles: sparse.csr_matrix, share: float, rng: np.random.Generator
) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """Each item of each profile at random in the second part, with the probability `share`, or in the first."""
    drawn = profiles.copy()
    drawn.data = (rng.random(len(drawn.data)) < share).astype(np.float32)
    rest = profiles - drawn
    for part in (drawn, rest):
        part.eliminate_zeros()
    return rest, drawn
