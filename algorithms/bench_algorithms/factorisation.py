"""Matrix factorisation: users and items as vectors, trained on ratings or on which items a user has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field

from bench.algorithm import Context, RatingPredictor, UserBatch
from bench.errors import ContractError
from bench.interactions import Float32Array, Int32Array, Int64Array, Interactions
from bench.lightning import DrawEpoch, LightningAlgorithm, LightningConfig
from bench.search import IntRange, LogRange

if TYPE_CHECKING:
    import torch

    from bench_algorithms.factorisation_network import BiasedFactors, PairwiseFactors

_PAIRS_AT_ONCE = 2**17
"""Rating predictions whose factors are in memory together."""


class FactorsConfig(LightningConfig):
    """What both factorisations have."""

    factors: Annotated[int, Field(ge=1), IntRange(8, 256, log=True)] = 64
    """Length of a user's and of an item's vector."""


class BiasedMFConfig(FactorsConfig):
    """Biases and factors of users and items, with a penalty on both."""

    batch_size: Annotated[int, Field(ge=1), IntRange(128, 4096, log=True)] = 512
    """Ratings a step."""
    learning_rate: Annotated[float, Field(gt=0), LogRange(1e-4, 1e-2)] = 2e-3
    """Step size of Adam."""
    regularisation: Annotated[float, Field(ge=0), LogRange(0.01, 0.5)] = 0.1
    """Weight, beside each squared error, of the squares of the factors and biases that made the prediction: what has
    many ratings is penalised as often."""
    initial_scale: Annotated[float, Field(gt=0), LogRange(0.001, 0.5)] = 0.03
    """Standard deviation of the factors before training."""


class BiasedMF(LightningAlgorithm[BiasedMFConfig], RatingPredictor[BiasedMFConfig]):
    """Matrix factorisation of ratings with biases: mean + user bias + item bias + user factors · item factors.

    Users and items without training rows have neither bias nor factors; predictions are within the range of the
    training ratings. Differs from the paper in being trained by Adam on batches of ratings, with early stopping on
    the validation score, and not by gradient descent rating by rating.
    """

    paper = "Koren, Bell, Volinsky: Matrix factorization techniques for recommender systems. IEEE Computer 42(8), 2009"

    def module(self, train: Interactions, context: Context) -> BiasedFactors:
        from bench_algorithms.factorisation_network import BiasedFactors

        return BiasedFactors(train, self.config)

    def batches(self, train: Interactions, context: Context) -> DrawEpoch:
        assert train.rating is not None
        users, items, ratings, size = train.user, train.item, train.rating, self.config.batch_size

        def draw(rng: np.random.Generator) -> Iterator[tuple[torch.Tensor, ...]]:
            order = rng.permutation(len(users))
            return _in_batches(size, users[order].astype(np.int64), items[order].astype(np.int64), ratings[order])

        return draw

    def forward(self, network: Any, batch: UserBatch) -> torch.Tensor:
        """The predicted ratings of the whole catalogue."""
        import torch

        users = torch.from_numpy(batch.users.astype(np.int64)).to(network.device)
        ratings: torch.Tensor = network.of_all_items(users)
        return ratings

    def predict(self, users: Int32Array, items: Int32Array) -> Float32Array:
        """float32[n]. Raises ContractError before `fit`."""
        import torch

        network: Any = self.network
        if network is None:
            raise ContractError(f"{type(self).__name__} must be fitted before it predicts.")
        network.eval()
        parts = [np.empty(0, np.float32)]
        with torch.inference_mode():
            for pairs in _in_batches(_PAIRS_AT_ONCE, users.astype(np.int64), items.astype(np.int64)):
                parts.append(network(*(codes.to(network.device) for codes in pairs)).float().cpu().numpy())
        return np.concatenate(parts)


class BPRConfig(FactorsConfig):
    """Factors of users and items, trained on pairs of an item that the user has and one that they have not."""

    epochs: Annotated[int, Field(ge=1)] = 500
    """Passes over the training data, at most; early stopping may end them sooner."""
    patience: Annotated[int, Field(ge=0)] = 20
    """Stop after this many validations in a row without a better score, and go back to the best weights.
    0 trains all epochs and never looks at validation."""
    batch_size: Annotated[int, Field(ge=1), IntRange(128, 8192, log=True)] = 2048
    """Interactions a step, each with one negative item."""
    regularisation: Annotated[float, Field(ge=0), LogRange(1e-5, 0.1)] = 1e-3
    """Weight, beside the loss of each pair, of the squares of the three vectors in it."""


class BPR(LightningAlgorithm[BPRConfig]):
    """Bayesian personalised ranking: factors that score what a user has above what they have not.

    It has no vector for users unseen in training, and scores by the user alone, whatever the history. Differs from
    the paper: an epoch pairs every interaction with one negative item, drawn uniformly from what the user has not,
    where the paper draws interactions with replacement; and it is trained by Adam on batches. Users who have the
    whole catalogue are not trained on.
    """

    paper = (
        "Rendle, Freudenthaler, Gantner, Schmidt-Thieme: BPR: Bayesian personalized ranking from implicit feedback. \
UAI 2009"
    )
    serves_unseen_users = False

    def module(self, train: Interactions, context: Context) -> PairwiseFactors:
        from bench_algorithms.factorisation_network import PairwiseFactors

        return PairwiseFactors(train.n_users, train.n_items, self.config)

    def batches(self, train: Interactions, context: Context) -> DrawEpoch:
        negatives = Negatives(train)
        users, items, size = train.user.astype(np.int64), train.item.astype(np.int64), self.config.batch_size

        def draw(rng: np.random.Generator) -> Iterator[tuple[torch.Tensor, ...]]:
            order = rng.permutation(np.flatnonzero(negatives.exist[users]))
            return _in_batches(size, users[order], items[order], negatives.draw(users[order], rng))

        return draw

    def forward(self, network: Any, batch: UserBatch) -> torch.Tensor:
        """The product of the user's and each item's factors."""
        import torch

        scores: torch.Tensor = network(torch.from_numpy(batch.users.astype(np.int64)).to(network.device))
        return scores


def _in_batches(size: int, *columns: np.ndarray[Any, Any]) -> Iterator[tuple[torch.Tensor, ...]]:
    """Columns of equal length as tensors, `size` rows at a time."""
    import torch

    tensors = [torch.from_numpy(column) for column in columns]
    for start in range(0, len(columns[0]), size):
        yield tuple(tensor[start : start + size] for tensor in tensors)


class Negatives:
    """Items that a user has not in training, drawn uniformly from the catalogue."""

    def __init__(self, train: Interactions) -> None:
        self.n_items = train.n_items
        self.pairs = np.unique(train.user.astype(np.int64) * train.n_items + train.item)
        """Sorted."""
        self.exist = np.bincount(self.pairs // train.n_items, minlength=train.n_users) < train.n_items
        """bool[n_users]: whether there are any."""

    def draw(self, users: Int64Array, rng: np.random.Generator) -> Int64Array:
        """int64[n]: one item each for users that have any. What a user has is drawn again."""
        items = rng.integers(0, self.n_items, len(users))
        again = np.flatnonzero(self._has(users, items))
        while len(again):
            items[again] = rng.integers(0, self.n_items, len(again))
            again = again[self._has(users[again], items[again])]
        return items

    def _has(self, users: Int64Array, items: Int64Array) -> np.ndarray[Any, np.dtype[np.bool_]]:
        wanted = users * self.n_items + items
        return np.asarray(self.pairs[np.searchsorted(self.pairs[:-1], wanted)] == wanted)
