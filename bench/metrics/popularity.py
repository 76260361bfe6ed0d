"""How popular the recommended items are. An item's popularity is the number of training users who have it."""

from __future__ import annotations

import numpy as np

from bench.interactions import Float64Array
from bench.metrics.base import Evidence, UserMetric
from bench.metrics.judged import Judged


class Novelty(UserMetric):
    """Mean self-information of the recommended items: how many bits it tells that somebody has the item."""

    name = "novelty"
    definition = "The mean over the first k items of −log2(popularity / number of training users). An item that nobody \
has in training counts as one that a single user has."
    reference = "Zhou, Kuscsik, Liu, Medo, Wakeling, Zhang: Solving the apparent diversity-accuracy dilemma of \
recommender systems. PNAS 107(10), 2010"
    range = (0.0, float("inf"))
    undefined = "a user to whom nothing is recommended"
    needs = frozenset({Evidence.TRAINING})

    def values(self, judged: Judged) -> Float64Array:
        known = judged.known
        surprise = np.log2(max(known.n_users, 1)) - np.log2(np.maximum(known.item_users, 1))
        return judged.mean_of_list(surprise, self.k)


class AveragePopularity(UserMetric):
    """Mean popularity of the recommended items (ARP). Lower is better: less is said that everybody knows."""

    name = "average_popularity"
    definition = "The mean popularity of the first k items."
    reference = "Yin, Cui, Li, Yao, Chen: Challenging the long tail recommendation. PVLDB 5(9), 2012"
    range = (0.0, float("inf"))
    higher_is_better = False
    undefined = "a user to whom nothing is recommended"
    needs = frozenset({Evidence.TRAINING})

    def values(self, judged: Judged) -> Float64Array:
        return judged.mean_of_list(judged.known.item_users.astype(np.float64), self.k)


class PopularityLift(UserMetric):
    """How much more popular the recommended items are than what the user had: 0 if neither more nor less.

    The paper divides the means of a group of users; here each user is divided, and then there is a mean.
    """

    name = "popularity_lift"
    definition = "The mean popularity of the first k items, divided by that of the distinct items of the user's \
history, minus 1. Lower is better; below 0 the list is less popular than the history."
    reference = "Abdollahpouri, Mansoury, Burke, Mobasher: The connection between popularity bias, calibration, and \
fairness in recommendation. RecSys 2020"
    range = (-1.0, float("inf"))
    higher_is_better = False
    undefined = "a user to whom nothing is recommended, or whose history has no item that anybody has in training"
    needs = frozenset({Evidence.TRAINING})

    def values(self, judged: Judged) -> Float64Array:
        known = judged.known
        popularity = known.item_users.astype(np.float64)
        history = known.seen @ popularity / np.maximum(np.diff(known.seen.indptr), 1)
        lift = judged.mean_of_list(popularity, self.k) / np.where(history > 0, history, np.nan)
        return np.asarray(lift - 1.0, np.float64)
