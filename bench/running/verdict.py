"""Whether a run's result came out again: the same, close enough, or another; and what was not the same around it.

What is predicted on the CPU is the same bit for bit as long as code, packages, machine and settings are. Where one
of these differs, sums are rounded in another way, items that are nearly tied change places, and training goes another
way from there. Such a difference is tolerated while it cannot change what anybody concludes:

- of a metric with a value a user, up to a tenth of its standard error over users, a fortieth of the width of its
  95 % interval;
- of a metric of all lists at once, up to 1 % of the stored value;
- in either case up to 0.0001, the last digit that a leaderboard shows.

Where nothing differs, nothing is tolerated. A GPU is always a cause: its sums have no fixed order.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.errors import NoVerdictError
from bench.interactions import Float64Array
from bench.records import Environment, FoldRef, MetricValue, RunRecord, Status
from bench.store import PREDICTIONS_FILE, TOPK_FILE, Stored, read_per_user

if TYPE_CHECKING:
    import pandas as pd

LAST_DIGIT = 1e-4
SHARE_OF_ERROR = 0.1
SHARE_OF_VALUE = 0.01
UNFINISHED = {Status.TIMEOUT, Status.OUT_OF_MEMORY, Status.INTERRUPTED}
"""A run that ended so says nothing about its result."""


class Outcome(StrEnum):
    """Whether the result came out again."""

    IDENTICAL = "identical"
    WITHIN_TOLERANCE = "within tolerance"
    DIFFERENT = "different"


@dataclass(frozen=True)
class Difference:
    """Something around the run that is not as it was. cause: whether it may change a result."""

    kind: str
    """ "code", "package", "hardware", "setting", "configuration" or "fold"."""
    what: str
    stored: str
    now: str
    cause: bool = True


@dataclass(frozen=True)
class Compared:
    """A metric then and now. Without a tolerance it could not be compared, and `problem` says why."""

    label: str
    stored: float | None
    now: float | None
    tolerance: float | None
    problem: str = ""
    n_changed: int = 0
    """Users whose value differs."""

    @property
    def gap(self) -> float | None:
        """By how much the values differ; None if one of them is undefined and the other is not."""
        if self.stored is None or self.now is None:
            return 0.0 if self.stored is self.now else None
        return abs(self.now - self.stored)

    @property
    def same(self) -> bool:
        return self.gap == 0 and not self.n_changed

    @property
    def tolerable(self) -> bool:
        return self.gap is not None and self.tolerance is not None and self.gap <= self.tolerance


@dataclass(frozen=True)
class Predicted:
    """The lists, or the predicted ratings, then and now."""

    n_users: int
    n_changed: int
    """Users with another list, or another rating."""
    largest_gap: float
    """Between two scores, or two ratings, of the same item."""

    @property
    def same(self) -> bool:
        return not self.n_changed and self.largest_gap == 0


@dataclass(frozen=True)
class Verdict:
    """What became of a run that was done again. differences: all there are, even if the result is identical."""

    outcome: Outcome
    reasons: tuple[str, ...]
    metrics: tuple[Compared, ...] = ()
    predicted: Predicted | None = None
    differences: tuple[Difference, ...] = ()


def judge(stored: Stored, again: Stored) -> Verdict:
    """Compare a stored result with that of the same job done again.

    Raises NoVerdictError if the job did not get to its end, or nothing of the two can be compared.
    """
    before, now = stored.record, again.record
    differences = differences_of(before, now)
    if now.status in UNFINISHED:
        raise NoVerdictError(f"the run did not get to its end this time: {now.reason}.")
    if now.status is not Status.OK:
        return Verdict(
            Outcome.DIFFERENT, (f"this time it ended as '{now.status}': {now.reason}",), (), None, differences
        )
    causes = _causes(differences, now.environment)
    metrics = tuple(_metrics(stored, again, bool(causes)))
    predicted = _predicted(stored, again)
    outcome = _outcome(metrics, predicted, bool(causes))
    if outcome is Outcome.IDENTICAL and before.slices and before.slices != now.slices:
        why = "every prediction and every metric is the same, but the metrics by groups are not."
        return Verdict(Outcome.DIFFERENT, (why,), metrics, predicted, differences)
    return Verdict(outcome, tuple(_reasons(outcome, metrics, predicted, causes)), metrics, predicted, differences)


def split_otherwise(before: RunRecord, now: FoldRef, here: Environment) -> Verdict:
    """The verdict where the same data is not split as it was; the job need not be run then."""
    changed = Difference("fold", "fingerprint", before.fold.fingerprint[:12], now.fingerprint[:12])
    packages = _changes("package", _packages(before.environment), _packages(here))
    why = "the same data is split in another way now: the code, the files or the defaults of its protocol have changed."
    return Verdict(Outcome.DIFFERENT, (why,), differences=(changed, *packages))


def differences_of(before: RunRecord, now: RunRecord) -> tuple[Difference, ...]:
    """All around two runs of one job that is not the same."""
    found = [
        *_changes("code", {"content": before.code.content[:12]}, {"content": now.code.content[:12]}),
        *_changes("code", _revision(before), _revision(now), cause=False),
        *_changes("package", _packages(before.environment), _packages(now.environment)),
        *_changes("hardware", _hardware(before.environment), _hardware(now.environment)),
        *_changes("hardware", {"cores": before.environment.cores}, {"cores": now.environment.cores}, cause=False),
        *_changes("setting", _settings(before.environment), _settings(now.environment)),
        *_changes("configuration", before.config_effective, now.config_effective, cause=False),
    ]
    return tuple(found)


def _changes(kind: str, before: Mapping[str, Any], now: Mapping[str, Any], cause: bool = True) -> Iterator[Difference]:
    for what in dict.fromkeys([*before, *now]):
        if before.get(what) != now.get(what):
            yield Difference(kind, what, _shown(before, what), _shown(now, what), cause)


def _shown(values: Mapping[str, Any], what: str) -> str:
    return "none" if values.get(what) is None else str(values[what])


def _revision(record: RunRecord) -> dict[str, Any]:
    """Where the code is from; whether it computes the same is a question of its content."""
    return {"version": record.code.version, "commit": record.code.commit, "uncommitted changes": record.code.dirty}


def _packages(environment: Environment) -> dict[str, str]:
    own = {name: version for name, version in environment.packages.items() if name != "recsys-bench"}
    return {"python": environment.python, **own}


def _hardware(environment: Environment) -> dict[str, str]:
    """Without the memory, which changes no result."""
    gpu = {} if environment.device == "cpu" else {"device": environment.device_name}
    return {"platform": environment.platform, "processor": environment.processor, **gpu}


def _settings(environment: Environment) -> dict[str, Any]:
    return {"device": environment.device, "precision": environment.precision, "threads": environment.threads}


def _causes(differences: tuple[Difference, ...], environment: Environment) -> list[str]:
    """What may have made the result another one, in words."""
    own = [f"the {one.kind}'s {one.what}" if one.kind == "code" else one.what for one in differences if one.cause]
    return own if environment.device == "cpu" else [*own, "sums on a GPU, which have no fixed order"]


def _metrics(stored: Stored, again: Stored, causes: bool) -> Iterator[Compared]:
    before, now = stored.record.metrics, again.record.metrics
    values, values_now = _per_user(stored), _per_user(again)
    for label, old in before.items():
        new = now.get(label)
        if new is None:
            yield Compared(label, old.value, None, None, "there is no such metric any more")
        elif new.version != old.version:
            yield Compared(
                label, old.value, new.value, None, f"defined in version {old.version} then and {new.version} now"
            )
        else:
            own, own_now = values.get(label), values_now.get(label)
            allowed = _tolerance(old, own) if causes else 0.0
            yield Compared(label, old.value, new.value, allowed, n_changed=_n_changed(own, own_now))


def _tolerance(stored: MetricValue, per_user: Float64Array | None) -> float:
    defined = np.empty(0) if per_user is None else per_user[~np.isnan(per_user)]
    if len(defined) > 1:
        allowed = SHARE_OF_ERROR * float(defined.std(ddof=1)) / math.sqrt(len(defined))
    else:
        allowed = SHARE_OF_VALUE * abs(stored.value or 0.0)
    return max(LAST_DIGIT, allowed)


def _per_user(run: Stored) -> dict[str, Float64Array]:
    found = read_per_user(run.path, list(run.record.metrics))
    if found is None:
        raise NoVerdictError(f"{run.path} holds no values of users any more, so the results cannot be compared.")
    return found[1]


def _n_changed(before: Float64Array | None, now: Float64Array | None) -> int:
    if before is None or now is None:
        return 0
    if len(before) != len(now):
        return len(before)
    return int((~((before == now) | (np.isnan(before) & np.isnan(now)))).sum())


def _predicted(stored: Stored, again: Stored) -> Predicted:
    if stored.record.kind == "rating":
        return _ratings(
            *(_read(run.path / PREDICTIONS_FILE, ["user", "item", "prediction"]) for run in (stored, again))
        )
    lists = [_read(run.path / TOPK_FILE, ["user", "item", "rank", "score"]) for run in (stored, again)]
    cutoff = min(stored.record.cutoff, again.record.cutoff)  # a metric that is gone may have been the longest
    return _lists(*(table[table["rank"] <= cutoff] for table in lists))


def _lists(before: pd.DataFrame, now: pd.DataFrame) -> Predicted:
    import pandas as pd

    both = pd.merge(before, now, on=["user", "rank"], how="outer", suffixes=("_then", "_now"))
    changed = both["item_then"] != both["item_now"]
    scores = both.loc[~changed, ["score_then", "score_now"]].to_numpy(np.float64)
    return Predicted(both["user"].nunique(), both.loc[changed, "user"].nunique(), _largest_gap(scores))


def _ratings(before: pd.DataFrame, now: pd.DataFrame) -> Predicted:
    import pandas as pd

    both = pd.merge(before, now, on=["user", "item"], how="outer", suffixes=("_then", "_now"))
    changed = both["prediction_then"] != both["prediction_now"]
    ratings = both[["prediction_then", "prediction_now"]].dropna().to_numpy(np.float64)
    return Predicted(both["user"].nunique(), both.loc[changed, "user"].nunique(), _largest_gap(ratings))


def _largest_gap(pairs: Float64Array) -> float:
    gaps: list[float] = np.abs(pairs[:, 0] - pairs[:, 1]).tolist()
    return max(gaps, default=0.0)


def _read(path: Path, columns: list[str]) -> pd.DataFrame:
    import pandas as pd

    try:
        return pd.read_parquet(path, columns=columns)
    except (OSError, ValueError) as error:
        raise NoVerdictError(f"what was predicted cannot be compared: cannot read {path}: {error}.") from None


def _outcome(metrics: tuple[Compared, ...], predicted: Predicted, causes: bool) -> Outcome:
    comparable = [one for one in metrics if one.tolerance is not None]
    if predicted.same and all(one.same for one in comparable):
        return Outcome.IDENTICAL
    if not comparable:
        raise NoVerdictError("the predictions differ, and no metric is left whose values could be compared.")
    within = causes and all(one.tolerable for one in comparable)
    return Outcome.WITHIN_TOLERANCE if within else Outcome.DIFFERENT


def _reasons(outcome: Outcome, metrics: tuple[Compared, ...], predicted: Predicted, causes: list[str]) -> Iterator[str]:
    if outcome is Outcome.IDENTICAL:
        yield "every prediction and every metric that can be compared is the same, bit for bit."
        return
    yield _in_words(predicted)
    if outcome is Outcome.DIFFERENT:
        beyond = [one.label for one in metrics if one.tolerance is not None and not one.tolerable]
        yield f"beyond what is tolerated: {', '.join(beyond)}." if beyond else "every metric's mean is the same."
    if causes:
        yield f"it may come from what differs: {', '.join(causes)}."
    else:
        yield (
            "nothing that may change a result differs, so nothing is tolerated: the algorithm does not do the same "
            "twice, or the stored result was altered."
        )


def _in_words(predicted: Predicted) -> str:
    if predicted.same:
        return "every prediction is the same, and the values of metrics are not."
    if not predicted.n_changed:
        return f"every list holds the same items; scores differ by up to {predicted.largest_gap:.2g}."
    return f"the predictions of {predicted.n_changed} of {predicted.n_users} users differ."
