"""Models of implicit. Its neighbourhood models rank as they were made to: by item."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from implicit.als import AlternatingLeastSquares
from implicit.bpr import BayesianPersonalizedRanking
from implicit.nearest_neighbours import BM25Recommender, CosineRecommender, TFIDFRecommender
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from peer import CUTOFF, Known, Lists, Model, Recommend, main, matrix

_ROUND = 5
"""Iterations of BPR between two looks at validation."""


def ials(known: Known, parameters: dict[str, Any], seed: int) -> Iterator[Recommend]:
    """Weighted ALS, solved by conjugate gradients."""
    model = AlternatingLeastSquares(**parameters, random_state=seed)
    model.fit(matrix(known), show_progress=False)
    yield partial(_recommend, model, known)


def bpr(known: Known, parameters: dict[str, Any], seed: int) -> Iterator[Recommend]:
    """BPR by stochastic gradient descent; fitting again goes on."""
    model = BayesianPersonalizedRanking(**parameters, iterations=_ROUND, random_state=np.random.default_rng(seed))
    for _ in range(500 // _ROUND):
        model.fit(matrix(known), show_progress=False)
        yield partial(_recommend, model, known)


def item_knn(known: Known, parameters: dict[str, Any], seed: int) -> Iterator[Recommend]:
    """Item neighbourhoods, weighted in one of three ways."""
    own = dict(parameters)
    make = {"cosine": CosineRecommender, "tf-idf": TFIDFRecommender, "bm25": BM25Recommender}[own.pop("weighting")]
    bm25 = {name: own.pop(name) for name in ("K1", "B")}
    model = make(**own, **(bm25 if make is BM25Recommender else {}))
    model.fit(matrix(known), show_progress=False)
    yield partial(_recommend, model, known)


def _recommend(model: Any, known: Known) -> Lists:
    items, _ = model.recommend(known.users, matrix(known)[known.users], N=CUTOFF, filter_already_liked_items=True)
    return np.asarray(items, np.int64)


MODELS = {
    "item-knn": Model(
        item_knn,
        {
            "K": (20, IntDistribution(5, 500, log=True)),
            "weighting": ("bm25", CategoricalDistribution(["cosine", "tf-idf", "bm25"])),
            "K1": (1.2, FloatDistribution(0.1, 100, log=True)),
            "B": (0.75, FloatDistribution(0, 1)),
        },
    ),
    "ials": Model(
        ials,
        {
            "factors": (100, IntDistribution(8, 256, log=True)),
            "iterations": (15, IntDistribution(4, 32)),
            "alpha": (1.0, FloatDistribution(0.5, 100, log=True)),
            "regularization": (0.01, FloatDistribution(1e-3, 1000, log=True)),
        },
    ),
    "bpr-mf": Model(
        bpr,
        {
            "factors": (100, IntDistribution(8, 256, log=True)),
            "learning_rate": (0.01, FloatDistribution(1e-3, 0.3, log=True)),
            "regularization": (0.01, FloatDistribution(1e-5, 0.1, log=True)),
        },
    ),
}

if __name__ == "__main__":
    main("implicit", {"holdout": MODELS})
