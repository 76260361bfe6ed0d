"""Values per user of rows: a matrix a row, users by seeds, from the tables beside the records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bench.interactions import Float64Array, Int64Array
from bench.store import Stored, read_per_user

if TYPE_CHECKING:
    import pyarrow as pa


def matrices(rows: Mapping[str, Sequence[Stored]], label: str) -> dict[str, Float64Array]:
    """float64[n_users, n_seeds] by row: one metric of the same users in the same order, seeds in ascending order.

    With several folds a row's value is the mean of its folds' means, and a user's is what they contribute to it: the
    value, plus how far they are from the mean of each fold that tests them, weighted as the fold's users are. The
    mean over users is then the value itself, also where folds differ in size. (Where every fold tests every user it
    is the user's mean over folds.) NaN where the metric is undefined. Rows of which a record has no such values are
    left out.
    """
    found = {name: [_read(run, label) for run in runs] for name, runs in rows.items()}
    return aligned(
        {
            name: complete
            for name, own in found.items()
            if (complete := [one for one in own if one is not None]) and len(complete) == len(own)
        }
    )


@dataclass(frozen=True, eq=False)
class OfRun:
    """One metric of one run: users, string[n_users], and their values, float64[n_users]."""

    seed: int
    users: pa.ChunkedArray
    values: Float64Array


def aligned(rows: Mapping[str, Sequence[OfRun]]) -> dict[str, Float64Array]:
    """`matrices` of what was read already: float64[n_users, n_seeds] by row, the same users in the same order."""
    users = _Users()
    coded = {name: [(users.codes(run.users), run.values) for run in runs] for name, runs in rows.items()}
    return {name: _matrix(own, [run.seed for run in rows[name]], len(users)) for name, own in coded.items()}


class _Users:
    """Users as codes in the order in which they first appear.

    Most records of a task have the same users, so each different column is looked at once: reading names takes
    longer than all statistics.
    """

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._seen: list[tuple[pa.ChunkedArray, Int64Array]] = []

    def __len__(self) -> int:
        return len(self._codes)

    def codes(self, column: pa.ChunkedArray) -> Int64Array:
        """int64[n_users]"""
        for seen, codes in self._seen:
            if seen.equals(column):
                return codes
        codes = np.array([self._codes.setdefault(user, len(self._codes)) for user in column.to_pylist()], np.int64)
        self._seen.append((column, codes))
        return codes


_Found = tuple[Int64Array, Float64Array]
"""A record's users as codes, and their values."""


def _read(run: Stored, label: str) -> OfRun | None:
    found = read_per_user(run.path, [label])
    return None if found is None or label not in found[1] else OfRun(run.record.seed, found[0], found[1][label])


def _matrix(found: Sequence[_Found], seeds: Sequence[int], n_users: int) -> Float64Array:
    by_seed = [[one for one, of in zip(found, seeds, strict=True) if of == seed] for seed in sorted(set(seeds))]
    return np.stack([_contributions(folds, n_users) for folds in by_seed], axis=1)


def _contributions(folds: Sequence[_Found], n_users: int) -> Float64Array:
    """float64[n_users] of one seed, from its folds."""
    defined = [(codes[~np.isnan(values)], values[~np.isnan(values)]) for codes, values in folds]
    tested = np.zeros(n_users, np.bool_)
    for codes, _ in defined:
        tested[codes] = True
    means = [values.mean() if len(values) else np.nan for _, values in defined]
    found = np.full(n_users, np.mean(means))
    for (codes, values), mean in zip(defined, means, strict=True):
        found[codes] += tested.sum() / (len(folds) * max(len(codes), 1)) * (values - mean)
    return np.where(tested, found, np.nan)


NAMED = 4
"""Names that are spelled out in a sentence."""


def some(names: Sequence[str]) -> str:
    """The names for a sentence; of many the first and how many more: "ease, slim, vae, gru and 12 more"."""
    left_out = len(names) - NAMED
    return ", ".join(names) if left_out <= 1 else f"{', '.join(names[:NAMED])} and {left_out} more"


def depends_on_one_seed(runs: Sequence[Stored]) -> bool:
    """Whether the runs of a system are all of one seed, and another could have given another result."""
    return len({run.record.seed for run in runs}) == 1 and any(run.record.seeded for run in runs)
