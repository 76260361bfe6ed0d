"""The example's metric."""

from __future__ import annotations

import numpy as np

from bench.interactions import BoolArray, Float64Array, Int64Array
from bench.metrics.base import HitMetric


class FirstHit(HitMetric):
    """Whether the very first item is relevant."""

    name = "first_hit"
    definition = "1 if r_1 = 1, else 0."
    reference = "none: an example"
    takes_cutoff = True

    def compute(self, hits: BoolArray, n_relevant: Int64Array) -> Float64Array:
        """float64[b]."""
        return np.asarray(hits[:, 0], np.float64)
