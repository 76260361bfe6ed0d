"""What every rating predictor has to beat: the ratings that a user and an item usually come with."""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
from pydantic import Field

from bench.algorithm import Context, EvalSet, RatingPredictor
from bench.config import Config
from bench.interactions import Float32Array, Float64Array, Int32Array, Interactions
from bench.search import IntRange, LogRange


class BiasConfig(Config):
    """How strongly biases are drawn towards zero."""

    user_regularisation: Annotated[float, Field(ge=0), LogRange(1, 100)] = 15.0
    """Number of ratings at which a user's bias is half of their mean deviation."""
    item_regularisation: Annotated[float, Field(ge=0), LogRange(1, 100)] = 10.0
    """Number of ratings at which an item's bias is half of its mean deviation."""
    epochs: Annotated[int, Field(ge=1), IntRange(1, 20)] = 10
    """Times that the items' biases and then the users' are computed from each other."""


class Bias(RatingPredictor[BiasConfig]):
    """The mean rating plus a bias of the user and a bias of the item, fitted by alternating least squares.

    Users and items without ratings have a bias of 0; predictions are within the range of the training ratings.
    Differs from the paper in that the two kinds of biases are computed in turns, ten times, and not once each.
    """

    seeded = False
    paper = "Koren: Factor in the neighbors: scalable and accurate collaborative filtering. TKDD 4(1), 2010"

    def fit(self, train: Interactions, validation: EvalSet | None, context: Context) -> Self:
        """Computes the mean and the biases."""
        assert train.rating is not None
        ratings = train.rating.astype(np.float64)
        self.low, self.high, self.mean = ratings.min(), ratings.max(), ratings.mean()
        self.user_bias, self.item_bias = np.zeros(train.n_users), np.zeros(train.n_items)
        for _ in range(self.config.epochs):
            left = ratings - self.mean - self.user_bias[train.user]
            self.item_bias = shrunken_means(train.item, left, train.n_items, self.config.item_regularisation)
            left = ratings - self.mean - self.item_bias[train.item]
            self.user_bias = shrunken_means(train.user, left, train.n_users, self.config.user_regularisation)
        return self

    def predict(self, users: Int32Array, items: Int32Array) -> Float32Array:
        estimate = self.mean + self.user_bias[users] + self.item_bias[items]
        return np.asarray(np.clip(estimate, self.low, self.high), np.float32)


def shrunken_means(groups: Int32Array, values: Float64Array, n_groups: int, regularisation: float) -> Float64Array:
    """float64[n_groups]: the sum of each group's values by their number plus `regularisation`; 0 for an empty group.

    groups: int32[n], values: float64[n].
    """
    counts = np.bincount(groups, minlength=n_groups)
    sums = np.bincount(groups, values, minlength=n_groups)
    return np.asarray(sums / np.where(counts > 0, counts + regularisation, 1.0), np.float64)
