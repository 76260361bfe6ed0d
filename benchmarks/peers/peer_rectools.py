"""Models of RecTools. Its ALS, BPR and neighbourhood models are implicit's, wrapped; one of them is here to show it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pandas as pd
from implicit.als import AlternatingLeastSquares
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from peer import CUTOFF, Known, Lists, Model, Recommend, main, table
from peer_implicit import MODELS as IMPLICIT
from rectools import Columns
from rectools.dataset import Dataset
from rectools.models import EASEModel, ImplicitALSWrapperModel, PopularModel, PureSVDModel


def trained(
    make: Callable[[dict[str, Any], int], Any], known: Known, parameters: dict[str, Any], seed: int
) -> Iterator[Recommend]:
    """A model, from hyperparameters and seed; each interaction has the weight 1."""
    rows = pd.DataFrame(
        {
            Columns.User: known.rows["user"],
            Columns.Item: known.rows["item"],
            Columns.Weight: 1.0,
            Columns.Datetime: pd.to_datetime(known.rows["timestamp"], unit="s"),
        }
    )
    dataset, model = Dataset.construct(rows), make(parameters, seed)
    model.fit(dataset)
    yield partial(_recommend, model, dataset, known)


def _recommend(model: Any, dataset: Dataset, known: Known) -> Lists:
    found = model.recommend(users=known.users, dataset=dataset, k=CUTOFF, filter_viewed=True)
    return table(found.sort_values([Columns.User, Columns.Rank]), known, Columns.User, Columns.Item)


def als(parameters: dict[str, Any], seed: int) -> ImplicitALSWrapperModel:
    """That of implicit, wrapped."""
    return ImplicitALSWrapperModel(AlternatingLeastSquares(**parameters, random_state=seed))


def sasrec(parameters: dict[str, Any], seed: int) -> Any:
    """SASRec with a softmax over the catalogue; Lightning trains all epochs at once, so that their number is tuned."""
    from pytorch_lightning import seed_everything
    from rectools.models import SASRecModel

    seed_everything(seed)
    return SASRecModel(**parameters)


HOLDOUT = {
    "popularity": Model(partial(trained, lambda parameters, seed: PopularModel())),
    "ease": Model(
        partial(trained, lambda parameters, seed: EASEModel(**parameters)),
        {"regularization": (500.0, FloatDistribution(1, 10_000, log=True))},
    ),
    "pure-svd": Model(
        partial(trained, lambda parameters, seed: PureSVDModel(**parameters, random_state=seed)),
        {"factors": (10, IntDistribution(5, 500, log=True))},
    ),
    "ials": Model(partial(trained, als), IMPLICIT["ials"].space),
}
NEXT_ITEM = {
    "sasrec": Model(
        partial(trained, sasrec),
        {
            "n_factors": (256, CategoricalDistribution([64, 128, 256])),
            "n_heads": (4, CategoricalDistribution([1, 2, 4])),
            "dropout_rate": (0.2, FloatDistribution(0.1, 0.6)),
            "lr": (0.001, FloatDistribution(3e-4, 1e-2, log=True)),
            "session_max_len": (100, CategoricalDistribution([30, 50, 100])),
            "epochs": (3, IntDistribution(3, 40, log=True)),
        },
    )
}

if __name__ == "__main__":
    main("rectools", {"holdout": HOLDOUT, "next-item": NEXT_ITEM})
