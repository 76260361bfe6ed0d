"""Matrix factorisation with features: users and items as the sum of the embeddings of what is known of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field

from bench.algorithm import Context, Need, UserBatch
from bench.interactions import Interactions
from bench.lightning import DrawEpoch, LightningAlgorithm
from bench.search import IntRange, LogRange
from bench_algorithms.factorisation import FactorsConfig
from bench_algorithms.feature_terms import TermsConfig, item_terms, optional_user_terms
from bench_algorithms.item_vectors import VECTOR_IMPORTS
from bench_algorithms.profiles import as_bags, profiles_of

if TYPE_CHECKING:
    import torch

    from bench_algorithms.feature_factorisation_network import FeatureFactors


class FeatureFactorisationConfig(TermsConfig, FactorsConfig):
    """Embeddings of users, items and their attributes, trained to tell a user's items from the catalogue."""

    epochs: Annotated[int, Field(ge=1)] = 300
    """Passes over the training data, at most; early stopping may end them sooner."""
    patience: Annotated[int, Field(ge=0)] = 10
    """Stop after this many validations in a row without a better score, and go back to the best weights.
    0 trains all epochs and never looks at validation."""
    batch_size: Annotated[int, Field(ge=1), IntRange(32, 512, log=True)] = 128
    """Users a step, each with all of their items."""
    learning_rate: Annotated[float, Field(gt=0), LogRange(1e-3, 3e-2)] = 1e-2
    """Step size of Adam."""
    regularisation: Annotated[float, Field(ge=0), LogRange(0.01, 0.3)] = 0.08
    """Weight, beside the loss of each interaction, of the squares of the user's and of the item's vector."""


class FeatureFactorisation(LightningAlgorithm[FeatureFactorisationConfig]):
    """Hybrid factorisation in the manner of LightFM: vectors that are sums of the embeddings of features.

    A user's and an item's features are themselves and their attributes, in the terms and with the weights of
    `content`; those of users are used where the data has them. A score is the product of both vectors plus the sum of
    the biases of the item's features. An item never seen in training has no feature of its own and is scored by its
    attributes; it is nobody's negative item, so training does not count against it. Users unseen in training are not
    served: nothing stands for them but their attributes, whatever their history.

    Differs from the paper: the loss is that of a softmax over all items of training, in batches of users, where the
    paper has a logistic loss and its library samples negatives (BPR, WARP); the penalty is on the two vectors as they
    are summed, once an interaction; attributes are weighted by TF-IDF; users have no bias, as it ranks nothing; and
    it is trained by Adam.
    """

    needs = frozenset({Need.ITEM_FEATURES})
    serves_unseen_users = False
    imports = (*LightningAlgorithm.imports, *VECTOR_IMPORTS)
    paper = "Kula: Metadata embeddings for user and item cold-start recommendations. CBRecSys at RecSys 2015"

    def module(self, train: Interactions, context: Context) -> FeatureFactors:
        """Raises UnmetNeedError if there are no item features in training."""
        from bench_algorithms.feature_factorisation_network import FeatureFactors

        items = item_terms(context.require_item_features(), train, self.config)
        users = optional_user_terms(context.user_features, train, self.config)
        return FeatureFactors(train, users, items, self.config)

    def batches(self, train: Interactions, context: Context) -> DrawEpoch:
        users, profiles = profiles_of(train)
        codes, size = users.astype(np.int64), self.config.batch_size

        def draw(rng: np.random.Generator) -> Iterator[tuple[torch.Tensor, ...]]:
            import torch

            order = rng.permutation(len(codes))
            for start in range(0, len(order), size):
                rows = order[start : start + size]
                yield torch.from_numpy(codes[rows]), *as_bags(profiles[rows])

        return draw

    def forward(self, network: Any, batch: UserBatch) -> torch.Tensor:
        """The product of the user's and each item's vector, plus the item's bias."""
        import torch

        scores: torch.Tensor = network(torch.from_numpy(batch.users.astype(np.int64)).to(network.device))
        return scores
