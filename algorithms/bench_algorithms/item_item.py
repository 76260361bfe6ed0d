"""What models have in common that score an item by summing one weight for each item of the history."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from bench.algorithm import UserBatch
from bench.interactions import Int32Array
from bench.reasons import Reason, reasons


def by_history(batch: UserBatch, items: Int32Array, weights: NDArray[Any] | sparse.csr_matrix) -> list[list[Reason]]:
    """For each of the items, int32[n], what each item of the one user's history adds to its score.

    weights: [n_items, n_items], what having the row's item adds to the column's score.
    """
    had = np.unique(batch.history.row(0))
    added = weights[had][:, items]
    dense = added.toarray() if sparse.issparse(added) else added
    return [reasons("item", had, dense[:, column]) for column in range(len(items))]
