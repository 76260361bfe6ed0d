"""Models of LensKit, in their mode for implicit feedback: the ratings are left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from lenskit.als import ImplicitMFScorer
from lenskit.basic import PopScorer
from lenskit.batch import recommend
from lenskit.data import from_interactions_df
from lenskit.flexmf import FlexMFImplicitScorer
from lenskit.knn import EASEScorer, ItemKNNScorer, SLIMScorer, UserKNNScorer
from lenskit.pipeline import Component, Pipeline, topn_pipeline
from lenskit.training import TrainingOptions
from optuna.distributions import FloatDistribution, IntDistribution
from peer import CUTOFF, Known, Lists, Model, Recommend, main, table


def trained(
    make: Callable[..., Component[Any]], known: Known, parameters: dict[str, Any], seed: int, **fixed: Any
) -> Iterator[Recommend]:
    """A pipeline that ranks what the user has not by a scorer's scores."""
    rows = known.rows[["user", "item"]].rename(columns={"user": "user_id", "item": "item_id"})
    pipeline = topn_pipeline(make(**parameters, **fixed), n=CUTOFF)
    pipeline.train(from_interactions_df(rows), TrainingOptions(rng=seed))
    yield partial(_recommend, pipeline, known)


def _recommend(pipeline: Pipeline, known: Known) -> Lists:
    found = recommend(pipeline, known.users.tolist(), CUTOFF, n_jobs=1).to_df()
    return table(found.sort_values(["user_id", "rank"]), known, "user_id", "item_id")


NEIGHBOURS = {"k": (20, IntDistribution(5, 500, log=True))}
GRADIENT = {
    "embedding_size": (64, IntDistribution(8, 256, log=True)),
    "learning_rate": (0.01, FloatDistribution(1e-3, 0.1, log=True)),
    "regularization": (0.01, FloatDistribution(1e-5, 1, log=True)),
    "epochs": (10, IntDistribution(5, 60, log=True)),
}
MODELS = {
    "popularity": Model(partial(trained, PopScorer)),
    "item-knn": Model(partial(trained, ItemKNNScorer, feedback="implicit"), NEIGHBOURS),
    "user-knn": Model(partial(trained, UserKNNScorer, feedback="implicit"), NEIGHBOURS),
    "ease": Model(partial(trained, EASEScorer), {"regularization": (1.0, FloatDistribution(1, 10_000, log=True))}),
    "slim": Model(
        partial(trained, SLIMScorer),
        {
            "l1_reg": (1.0, FloatDistribution(0.05, 50, log=True)),
            "l2_reg": (1.0, FloatDistribution(1, 1000, log=True)),
        },
    ),
    "ials": Model(
        partial(trained, ImplicitMFScorer),
        {
            "embedding_size": (50, IntDistribution(8, 256, log=True)),
            "epochs": (10, IntDistribution(4, 32)),
            "weight": (40.0, FloatDistribution(0.5, 100, log=True)),
            "regularization": (0.1, FloatDistribution(1e-3, 1000, log=True)),
        },
    ),
    "bpr-mf": Model(partial(trained, FlexMFImplicitScorer, loss="pairwise"), GRADIENT),
}

if __name__ == "__main__":
    main("lenskit", {"holdout": MODELS})
