"""What Cornac's three README models recommend and predict on MovieLens-100K, as files for `bench evaluate`.

    python cornac_lists.py u.data FOLDER

runs in an environment of its own (cornac 3.0.1), and imports nothing of this project. In FOLDER: `truth.csv` and
`train_positives.csv` (user,item: what is rated 4 or more in test and training), `versions.json`, and for each model
`lists.csv` (user,item,rank: every candidate), `predictions.csv` (user,item,rating,prediction, where the model
predicts ratings) and `cornac.json` (the metrics as Cornac computes them).

A user's candidates are Cornac's: every training item but those the user rated 4 or more in training. Items
that the user rated lower in training stay, and count as irrelevant.
"""

from __future__ import annotations

import csv
import json
import platform
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np
from cornac.data import Dataset, Reader
from cornac.eval_methods import RatioSplit
from cornac.metrics import AUC, MAE, MAP, NDCG, RMSE, Precision, Recall
from cornac.models import BPR, MF, PMF, Recommender

SEED, THRESHOLD = 123, 4.0
RATING, RANKING = [MAE(), RMSE()], [AUC(), MAP(), NDCG(k=10), Precision(k=10), Recall(k=10)]


def models() -> list[Recommender]:
    """As in Cornac's README."""
    return [
        MF(k=10, max_iter=25, learning_rate=0.01, lambda_reg=0.02, use_bias=True, seed=SEED),
        PMF(k=10, max_iter=100, learning_rate=0.001, lambda_reg=0.001, seed=SEED),
        BPR(k=10, max_iter=200, learning_rate=0.001, lambda_reg=0.01, seed=SEED),
    ]


def main(ratings: Path, target: Path) -> None:
    """Train, let Cornac evaluate, write the files."""
    split = RatioSplit(Reader().read(str(ratings)), test_size=0.2, rating_threshold=THRESHOLD, seed=SEED)
    for name, part in (("train_positives", split.train_set), ("truth", split.test_set)):
        write(target / f"{name}.csv", ("user", "item"), (row[:2] for row in rows(part) if row[2] >= THRESHOLD))
    versions = {"Python": platform.python_version()} | {name: version(name) for name in ("cornac", "numpy", "scipy")}
    (target / "versions.json").write_text(json.dumps(versions) + "\n", encoding="utf-8")
    for model in models():
        rates = not isinstance(model, BPR)
        result, _ = split.evaluate(model, [*(RATING if rates else []), *RANKING], user_based=True)
        folder = target / model.name.lower()
        write(folder / "lists.csv", ("user", "item", "rank"), lists(model, split))
        if rates:
            header = ("user", "item", "rating", "prediction")
            write(folder / "predictions.csv", header, predictions(model, split.test_set))
        values = {name: float(value) for name, value in result.metric_avg_results.items() if "(s)" not in name}
        (folder / "cornac.json").write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
        print(model.name, *(f"{name} {value:.4f}" for name, value in values.items()))


def rows(part: Dataset) -> Iterator[tuple[str, str, float]]:
    """User, item and rating of every row, with the ids of the data."""
    users, items = list(part.user_ids), list(part.item_ids)
    for user, item, rating in zip(*part.uir_tuple, strict=True):
        yield users[user], items[item], float(rating)


def lists(model: Recommender, split: RatioSplit) -> Iterator[tuple[str, str, int]]:
    """The whole ranking of every user with a row in the test set, the best first (k = −1 sorts all of it)."""
    train, test = split.train_set, split.test_set
    users, items = list(train.user_ids), list(train.item_ids)
    for user in np.unique(test.uir_tuple[0]):
        known = train.csr_matrix.getrow(user)
        candidates = np.setdiff1d(np.arange(train.num_items), known.indices[known.data >= THRESHOLD])
        ranked, _ = model.rank(user_idx=user, item_indices=candidates, k=-1)
        for rank, item in enumerate(ranked, start=1):
            yield users[user], items[item], rank


def predictions(model: Recommender, test: Dataset) -> Iterator[tuple[str, str, float, float]]:
    """The predicted rating of every test row."""
    for (user, item, rating), code in zip(rows(test), zip(*test.uir_tuple[:2], strict=True), strict=True):
        yield user, item, rating, float(model.rate(*code))


def write(path: Path, header: tuple[str, ...], content: Iterable[tuple[object, ...]]) -> None:
    """A CSV file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(content)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
