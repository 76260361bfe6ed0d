"""Systems compared two by two, paired by user: how large the difference is, and whether it could be chance."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

from bench.errors import NoVerdictError, UsageError, suggestion
from bench.interactions import Float64Array
from bench.records import RunRecord, Status
from bench.statistics import Comparison, compare, holm
from bench.store import Stored
from bench.values import depends_on_one_seed, matrices
from bench_reports.certainty import ALPHA

Systems = Mapping[str, Sequence[Stored]]
"""The runs of each system on one task: a run a seed and fold."""


@dataclass(frozen=True)
class Pair:
    """One comparison a − b by one metric. p_adjusted: `comparison.p_t` after Holm's correction over all that was
    compared. better: the name of the better one; None where they cannot be told apart. lone: which of them depends
    on its seed and has only one: then neither is called better, since another seed might say the opposite.
    """

    metric: str
    higher_is_better: bool
    a: str
    b: str
    comparison: Comparison
    p_adjusted: float
    better: str | None
    lone: tuple[str, ...]


def compare_all(systems: Systems, metrics: Sequence[str]) -> list[Pair]:
    """Every two systems by every metric, metric by metric.

    Raises NoVerdictError if they ran on different data, splits or definitions of a metric, or a run failed;
    UsageError if two of them share a run, or on a metric without values a user.
    """
    _require_comparable(systems)
    values = {metric: _values(systems, metric) for metric in metrics}
    compared = [
        (metric, a, b, compare(values[metric][a], values[metric][b]))
        for metric in metrics
        for a, b in combinations(systems, 2)
    ]
    adjusted = holm([comparison.p_t for *_, comparison in compared])
    return [_pair(systems, *one, float(p)) for one, p in zip(compared, adjusted, strict=True)]


def _pair(systems: Systems, metric: str, a: str, b: str, comparison: Comparison, p_adjusted: float) -> Pair:
    higher_is_better = systems[a][0].record.metrics[metric].higher_is_better
    better = None
    lone = tuple(name for name in (a, b) if depends_on_one_seed(systems[name]))
    if p_adjusted < ALPHA and not lone:  # not so for NaN
        better = a if (comparison.difference > 0) == higher_is_better else b
    return Pair(metric, higher_is_better, a, b, comparison, p_adjusted, better, lone)


def _require_comparable(systems: Systems) -> None:
    """Numbers compare only within one data set and one split, and tests only between different runs."""
    for name, runs in systems.items():
        for run in runs:
            if run.record.status is not Status.OK:
                seed, status = run.record.seed, run.record.status
                raise NoVerdictError(f"only finished runs can be compared. Got '{name}' with seed {seed}: {status}.")
    for a, b in combinations(systems, 2):
        if {run.path.resolve() for run in systems[a]} & {run.path.resolve() for run in systems[b]}:
            raise UsageError(f"the systems must be different runs. Got '{a}' and '{b}', which share some.")
    _require_one(systems, "data set", _dataset)
    _require_one(systems, "split of the data", lambda record: record.fold.split[:12])
    _require_same_folds(systems)


def _dataset(record: RunRecord) -> str:
    return f"{record.dataset.name} v{record.dataset.version} ({record.dataset.fingerprint[:12]})"


def _require_one(systems: Systems, what: str, of: Callable[[RunRecord], str]) -> None:
    has = {name: sorted({of(run.record) for run in runs}) for name, runs in systems.items()}
    if len({value for values in has.values() for value in values}) > 1:
        given = "; ".join(f"'{name}': {', '.join(values)}" for name, values in has.items())
        raise NoVerdictError(f"only results on the same {what} can be compared. Got {given}.")


def _require_same_folds(systems: Systems) -> None:
    """Of every seed: a mean over some of the folds would be one over other users."""
    folds: dict[tuple[str, int], set[int]] = {}
    for name, runs in systems.items():
        for run in runs:
            folds.setdefault((name, run.record.seed), set()).add(run.record.fold.index + 1)
    if len({tuple(sorted(own)) for own in folds.values()}) > 1:
        given = "; ".join(
            f"'{name}' with seed {seed}: {', '.join(map(str, sorted(own)))}" for (name, seed), own in folds.items()
        )
        raise NoVerdictError(f"only results on the same folds can be compared. Got {given}.")


def _values(systems: Systems, metric: str) -> dict[str, Float64Array]:
    for name, runs in systems.items():
        known = set.intersection(*(set(run.record.metrics) for run in runs))
        if metric not in known:
            raise UsageError(f"'{name}' has no metric '{metric}'.{suggestion(metric, known)}")
    _require_one(systems, f"definition of {metric}", lambda record: f"version {record.metrics[metric].version}")
    found = matrices(systems, metric)
    missing = [name for name in systems if name not in found]
    if missing:
        raise UsageError(
            f"only a metric with a value a user can be compared. Got {metric}, without for {', '.join(missing)}."
        )
    return found


def json_pair(pair: Pair) -> dict[str, Any]:
    """One JSON-ready object; NaN, where there are too few users to say, is null."""
    head = {name: getattr(pair, name) for name in ("metric", "higher_is_better", "a", "b", "better")}
    values = {**asdict(pair.comparison), "p_adjusted": pair.p_adjusted}
    return head | {name: None if value != value else value for name, value in values.items()}
