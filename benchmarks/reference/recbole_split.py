"""The split behind the numbers in RecBole's documentation (MovieLens-100K, per-user random 8:1:1, seed 2020).

    python recbole_split.py FOLDER

writes `train.csv`, `validation.csv` and `test.csv` (user,item,rating,timestamp), which the splitter `given`
reads. As in RecBole's `Dataset.build` after `init_seed(2020)`: all rows are shuffled once by `torch.randperm`;
of each user's rows in that order, the last tenth is test, the tenth before it validation, both rounded down but
at least one, and the rest train. No rating threshold.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from rating_files import movielens, write_rows

from bench.interactions import Interactions

SEED = 2020


def main(target: Path) -> None:
    """Write the three files."""
    data = movielens()
    for name, rows in split(data).items():
        write_rows(target / f"{name}.csv", data.select(rows))


def split(data: Interactions) -> dict[str, np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """The rows of each part, int64[n], in ascending order."""
    shuffled = torch.randperm(len(data), generator=torch.Generator().manual_seed(SEED)).numpy()
    order = shuffled[np.argsort(data.user[shuffled], kind="stable")]
    user = data.user[order]
    size = np.bincount(user)[user]
    from_end = np.searchsorted(user, user, side="right") - 1 - np.arange(len(user))
    tenth = np.maximum(1, size // 10)
    test, held = from_end < tenth, from_end < 2 * tenth
    masks = {"train": ~held, "validation": held & ~test, "test": test}
    return {name: np.sort(order[mask]) for name, mask in masks.items()}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
