"""Errors of predicted ratings. e is predicted minus actual; the unit is that of the ratings.

A mean over all ratings is no mean over users. So that it has an interval and can be compared user by user like any
other metric, a user's value is what they contribute: the value of all, plus what it would change by if the user
counted once more, times the number of users (the linearisation behind the delta method: Davison, Hinkley: Bootstrap
methods and their application, 1997, 2.7.2). The mean of these contributions is the value itself.
"""

from __future__ import annotations

import numpy as np

from bench.interactions import Float64Array
from bench.metrics.base import RatingMetric
from bench.metrics.judged import Rated

REFERENCE = (
    "Herlocker, Konstan, Terveen, Riedl: Evaluating collaborative filtering recommender systems. TOIS 22(1), 2004"
)


class MAE(RatingMetric):
    """Mean absolute error over ratings: users with many ratings count more."""

    name = "mae"
    definition = "Σ |e| / number of ratings, over the ratings of all users; a user's own value is what they contribute."
    reference = REFERENCE

    def per_user(self, rated: Rated) -> Float64Array:
        return _contributions(rated, np.abs(rated.errors))

    def overall(self, rated: Rated) -> float:
        return _mean(np.abs(rated.errors))


class RMSE(RatingMetric):
    """Root mean squared error over ratings: users with many ratings count more."""

    name = "rmse"
    definition = (
        "√(Σ e² / number of ratings), over the ratings of all users; a user's own value is what they contribute."
    )
    reference = REFERENCE

    def per_user(self, rated: Rated) -> Float64Array:
        root = self.overall(rated)
        if root == 0:
            return _contributions(rated, rated.errors)
        return root + (_contributions(rated, rated.errors**2) - root**2) / (2 * root)

    def overall(self, rated: Rated) -> float:
        return float(np.sqrt(_mean(rated.errors**2)))


class MAEUser(RatingMetric):
    """Mean absolute error, averaged over users: all count the same."""

    name = "mae_user"
    definition = "The mean over users of Σ |e| / number of ratings, each over the user's own ratings."
    reference = REFERENCE

    def per_user(self, rated: Rated) -> Float64Array:
        return rated.mean_per_user(np.abs(rated.errors))

    def overall(self, rated: Rated) -> float:
        return _mean_of_defined(self.per_user(rated))


class RMSEUser(RatingMetric):
    """Root mean squared error, averaged over users: all count the same."""

    name = "rmse_user"
    definition = "The mean over users of √(Σ e² / number of ratings), each over the user's own ratings."
    reference = REFERENCE

    def per_user(self, rated: Rated) -> Float64Array:
        return np.sqrt(rated.mean_per_user(rated.errors**2))

    def overall(self, rated: Rated) -> float:
        return _mean_of_defined(self.per_user(rated))


def _contributions(rated: Rated, values: Float64Array) -> Float64Array:
    """float64[n_users]: what each user contributes to the mean of one value a rating; NaN for a user without."""
    counts = np.bincount(rated.row, minlength=rated.n_users)
    sums = np.bincount(rated.row, values, minlength=rated.n_users)
    mean, share = _mean(values), (counts > 0).sum() / max(len(values), 1)
    return np.where(counts > 0, mean + share * (sums - counts * mean), np.nan)


def _mean(values: Float64Array) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _mean_of_defined(values: Float64Array) -> float:
    return _mean(values[~np.isnan(values)])
