"""Errors of predicted ratings. e is predicted minus actual; the unit is that of the ratings."""

from __future__ import annotations

import numpy as np

from bench.interactions import Float64Array
from bench.metrics.base import RatingMetric
from bench.metrics.judged import Rated

REFERENCE = (
    "Herlocker, Konstan, Terveen, Riedl: Evaluating collaborative filtering recommender systems. TOIS 22(1), 2004"
)


class RMSE(RatingMetric):
    """Root mean squared error over ratings: users with many ratings count more."""

    name = "rmse"
    definition = "√(Σ e² / number of ratings), over all ratings of all users; a user's own value is over theirs."
    reference = REFERENCE

    def per_user(self, rated: Rated) -> Float64Array:
        return np.sqrt(rated.mean_per_user(rated.errors**2))

    def overall(self, rated: Rated) -> float:
        return float(np.sqrt(_mean(rated.errors**2)))


class MAE(RatingMetric):
    """Mean absolute error over ratings: users with many ratings count more."""

    name = "mae"
    definition = "Σ |e| / number of ratings, over all ratings of all users; a user's own value is over theirs."
    reference = REFERENCE

    def per_user(self, rated: Rated) -> Float64Array:
        return rated.mean_per_user(np.abs(rated.errors))

    def overall(self, rated: Rated) -> float:
        return _mean(np.abs(rated.errors))


class RMSEUser(RMSE):
    """Root mean squared error, averaged over users: all count the same."""

    name = "rmse_user"
    definition = "The mean over users of √(Σ e² / number of ratings), each over the user's own ratings."

    def overall(self, rated: Rated) -> float:
        return _mean_of_defined(self.per_user(rated))


class MAEUser(MAE):
    """Mean absolute error, averaged over users: all count the same."""

    name = "mae_user"
    definition = "The mean over users of Σ |e| / number of ratings, each over the user's own ratings."

    def overall(self, rated: Rated) -> float:
        return _mean_of_defined(self.per_user(rated))


def _mean(values: Float64Array) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _mean_of_defined(values: Float64Array) -> float:
    return _mean(values[~np.isnan(values)])
