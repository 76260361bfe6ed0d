"""Models of RecBole, trained by its own trainers epoch by epoch, with this project's early stopping.

Its sequential models are asked for what comes after a user's last items, and not for items that the user has.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import chdir
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from peer import Known, Lists, Model, Recommend, best, main
from recbole.config import Config
from recbole.data import create_dataset, create_samplers
from recbole.data.interaction import Interaction
from recbole.data.utils import get_dataloader
from recbole.utils import get_model, get_trainer, init_seed

EPOCHS = 500
SETTINGS = {
    "use_gpu": False,
    "show_progress": False,
    "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
    "eval_args": {"split": {"RS": [1, 0, 0]}, "group_by": "user", "order": "TO", "mode": "full"},
    "data_path": ".",
}
"""Everything is train. RecBole reads and writes files in the working folder, here a temporary one."""
TRAINED_AT_ONCE = {"EASE", "SLIMElastic", "ItemKNN", "Pop"}
LISTWISE = {"MultiVAE", "MultiDAE", "RecVAE", "GRU4Rec", "SASRec"}
"""Whose loss has no sampled negatives."""


def trained(name: str, known: Known, parameters: dict[str, Any], seed: int, **fixed: Any) -> Iterator[Recommend]:
    """A model after each epoch."""
    logging.disable(logging.WARNING)
    with TemporaryDirectory() as folder, chdir(folder):
        write(known)
        trainer, batches, dataset = _prepared(name, {**SETTINGS, **parameters, **fixed, "seed": seed})
    for epoch in range(1 if name in TRAINED_AT_ONCE else EPOCHS):
        trainer._train_epoch(batches, epoch)
        yield partial(_recommend, trainer.model, dataset, known)


def _prepared(name: str, settings: dict[str, Any]) -> tuple[Any, Any, Any]:
    """The trainer with its model, what it is to be trained on, and all of that as a data set."""
    listwise = {"train_neg_sample_args": None} if name in LISTWISE else {}
    config = Config(model=name, dataset="fold", config_dict=settings | listwise)
    init_seed(settings["seed"], reproducibility=True)
    dataset = create_dataset(config)
    train = dataset.build()[0]
    sampler = create_samplers(config, dataset, [train, train, train])[0]
    batches = get_dataloader(config, "train")(config, train, sampler, shuffle=True)
    model = get_model(name)(config, batches.dataset)
    return get_trainer(config["MODEL_TYPE"], name)(config, model), batches, dataset


def write(known: Known) -> None:
    """The rows as RecBole's fold/fold.inter."""
    Path("fold").mkdir()
    columns = {"user": "user_id:token", "item": "item_id:token", "timestamp": "timestamp:float"}
    # RecBole has times in single precision, in which a minute is a tie; ties stay in the order of the file
    rows = known.rows.sort_values("timestamp", kind="stable")[list(columns)].rename(columns=columns)
    rows.to_csv("fold/fold.inter", sep="\t", index=False)


def _recommend(model: Any, dataset: Any, known: Known) -> Lists:
    """Scores of all items, in our codes."""
    model.eval()
    users = torch.as_tensor(dataset.token2id("user_id", known.users.astype(str)))
    asked = {"user_id": users}
    if hasattr(dataset, "item_list_length_field"):
        asked |= _sequences(dataset, known)
    with torch.no_grad():
        found = model.full_sort_predict(Interaction(asked)).reshape(len(users), -1).numpy()
    scores = np.full((len(users), known.n_items), -np.inf)
    tokens = dataset.id2token("item_id", np.arange(1, dataset.item_num)).astype(np.int64)
    scores[:, tokens] = found[:, 1:]
    return best(scores, known)


def _sequences(dataset: Any, known: Known) -> dict[str, torch.Tensor]:
    """The last items of each user, as the models were trained on them."""
    longest = dataset.max_item_list_len
    rows = known.rows.sort_values("timestamp", kind="stable")
    histories = rows.groupby("user")["item"].apply(lambda items: items.to_numpy()[-longest:])
    lists = torch.zeros((len(known.users), longest), dtype=torch.int64)
    lengths = torch.zeros(len(known.users), dtype=torch.int64)
    for row, user in enumerate(known.users):
        codes = dataset.token2id("item_id", histories[user].astype(str))
        lists[row, : len(codes)], lengths[row] = torch.as_tensor(codes), len(codes)
    return {"item_id_list": lists, dataset.item_list_length_field: lengths}


RATE = {"learning_rate": (0.001, FloatDistribution(3e-4, 1e-2, log=True))}
DROPOUT = FloatDistribution(0.1, 0.8)
BATCH = (2048, CategoricalDistribution([64, 128, 256, 512, 2048]))
"""Of users; with RecBole's default an epoch is one step here."""
NEIGHBOURS = {"k": (100, IntDistribution(5, 500, log=True)), "shrink": (0.0, FloatDistribution(0, 100))}
HOLDOUT = {
    "popularity": Model(partial(trained, "Pop")),
    "item-knn": Model(partial(trained, "ItemKNN"), NEIGHBOURS),
    "user-knn": Model(partial(trained, "ItemKNN", knn_method="user"), NEIGHBOURS),
    "ease": Model(partial(trained, "EASE"), {"reg_weight": (250.0, FloatDistribution(1, 10_000, log=True))}),
    "slim": Model(
        partial(trained, "SLIMElastic"),
        {
            "alpha": (0.2, FloatDistribution(1e-3, 1, log=True)),
            "l1_ratio": (0.02, FloatDistribution(1e-3, 0.5, log=True)),
        },
    ),
    "bpr-mf": Model(
        partial(trained, "BPR"),
        RATE
        | {
            "embedding_size": (64, IntDistribution(8, 256, log=True)),
            "weight_decay": (0.0, FloatDistribution(0, 1e-4)),
            "train_batch_size": (2048, IntDistribution(256, 8192, log=True)),
        },
        patience=20,
    ),
    "lightgcn": Model(
        partial(trained, "LightGCN"),
        RATE
        | {
            "embedding_size": (64, IntDistribution(32, 256, log=True)),
            "n_layers": (2, IntDistribution(1, 4)),
            "reg_weight": (1e-5, FloatDistribution(1e-6, 0.1, log=True)),
        },
        patience=20,
    ),
    "vae": Model(
        partial(trained, "MultiVAE"),
        RATE
        | {
            "latent_dimension": (128, IntDistribution(32, 256)),
            "dropout_prob": (0.5, DROPOUT),
            "anneal_cap": (0.2, FloatDistribution(0, 1)),
            "total_anneal_steps": (200_000, IntDistribution(100, 200_000, log=True)),
            "train_batch_size": BATCH,
        },
        patience=30,
    ),
    "mult-dae": Model(
        partial(trained, "MultiDAE"),
        RATE
        | {
            "latent_dimension": (64, IntDistribution(32, 256)),
            "dropout_prob": (0.5, DROPOUT),
            "train_batch_size": BATCH,
        },
        patience=30,
    ),
    "recvae": Model(
        partial(trained, "RecVAE"),
        RATE
        | {
            "latent_dimension": (200, IntDistribution(32, 256)),
            "dropout_prob": (0.5, DROPOUT),
            "gamma": (0.005, FloatDistribution(1e-3, 0.1, log=True)),
            "train_batch_size": BATCH,
        },
        patience=30,
    ),
}
NEXT_ITEM = {
    "gru": Model(
        partial(trained, "GRU4Rec", MAX_ITEM_LIST_LENGTH=50),
        RATE | {"dropout_prob": (0.3, FloatDistribution(0.1, 0.6))},
        patience=3,
    ),
    "sasrec": Model(
        partial(trained, "SASRec", MAX_ITEM_LIST_LENGTH=50),
        RATE | {"hidden_dropout_prob": (0.5, FloatDistribution(0.1, 0.6))},
        patience=3,
    ),
}

if __name__ == "__main__":
    main("recbole", {"holdout": HOLDOUT, "next-item": NEXT_ITEM})
