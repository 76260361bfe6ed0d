"""The folds behind the table in Surprise's README: `KFold(5, random_state=0)` of MovieLens-100K.

    python surprise_folds.py FOLDER

writes `FOLDER/interactions.csv`, the data set in Surprise's shuffled order, and `FOLDER/1` … `FOLDER/5` with
`train.csv` and `test.csv`, which the splitter `given` reads.

Surprise shuffles the rows once (`RandomState(0)`), cuts them into fifths, and builds each training set in the
shuffled order. That order is part of the result: inner ids are given by first appearance, random starts belong
to inner ids, and SGD passes over the rows of one user after the other in the order of their ids.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from rating_files import movielens, write_rows

N_FOLDS, SEED = 5, 0


def main(target: Path) -> None:
    """Write the data set and its folds."""
    data = movielens()
    order = np.arange(len(data))
    np.random.RandomState(SEED).shuffle(order)
    shuffled, fifth = data.select(order), np.arange(len(data)) * N_FOLDS // len(data)
    write_rows(target / "interactions.csv", shuffled)
    for k in range(N_FOLDS):
        for name, mask in (("train", fifth != k), ("test", fifth == k)):
            write_rows(target / str(k + 1) / f"{name}.csv", shuffled.select(mask))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
