"""What changed from one run of a row to the next: code, parameters, data, split, metric, suite, packages, machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bench.records import RunRecord

Kind = Literal["data", "split", "metric", "suite", "code", "parameters", "training", "packages", "machine"]
SHOWN = 3
"""Values of one kind that are spelled out."""


@dataclass(frozen=True)
class Mark:
    """One change. text: what changed, in a few words: "l2 500 → 224"."""

    kind: Kind
    text: str


def marks(before: RunRecord, after: RunRecord, label: str) -> tuple[Mark, ...]:
    """All that changed between two runs of a row and could have moved the metric `label` or the cost."""
    return tuple(_marks(before, after, label))


def comparable(before: RunRecord, after: RunRecord, label: str) -> bool:
    """Whether the values of a metric mean the same: the same data, split, rules and definition of the metric."""
    one, other = (
        (record.dataset.fingerprint, record.fold.split, record.fold.rules, record.kind) for record in (before, after)
    )
    return one == other and len(_versions(before, after, label)) < 2


def _versions(before: RunRecord, after: RunRecord, label: str) -> list[int]:
    """The versions of the metric where they differ: two, or none. A failed run has no metrics."""
    found = [record.metrics[label].version for record in (before, after) if label in record.metrics]
    return found if len(set(found)) == 2 else []


def _marks(before: RunRecord, after: RunRecord, label: str) -> Iterator[Mark]:
    yield from _data(before, after)
    if versions := _versions(before, after, label):
        yield Mark("metric", f"{label} v{versions[0]} → v{versions[1]}")
    if before.suite.version != after.suite.version:
        yield Mark("suite", f"suite v{before.suite.version} → v{after.suite.version}")
    if before.code.content != after.code.content:
        yield Mark("code", _arrow("code", before.code.version, after.code.version) or "code")
    if text := _differences(_parameters(before), _parameters(after)):
        yield Mark("parameters", text)
    if before.final_fit != after.final_fit:
        yield Mark("training", f"trained on {before.final_fit} → {after.final_fit}")
    if text := _differences(_packages(before), _packages(after), absent="none"):
        yield Mark("packages", text)
    if text := _differences(_machine(before), _machine(after)):
        yield Mark("machine", text)


def _data(before: RunRecord, after: RunRecord) -> Iterator[Mark]:
    """New data has a new split, which goes without saying."""
    if before.dataset.fingerprint != after.dataset.fingerprint:
        names = [f"{record.dataset.name} v{record.dataset.version}" for record in (before, after)]
        yield Mark("data", _arrow("data", *names) or f"content of {names[0]}")
    elif before.fold.split != after.fold.split or before.fold.rules != after.fold.rules:
        text = _differences(_split(before), _split(after))
        yield Mark("split", f"split: {text}" if text else "split")


def _split(record: RunRecord) -> Mapping[str, Any]:
    fold = record.fold
    return {"by": fold.splitter, "seed": fold.seed, "folds": fold.count, **fold.options, **fold.filters, **fold.rules}


def _parameters(record: RunRecord) -> Mapping[str, Any]:
    """As passed: an effective epoch is found by training, not chosen."""
    return {"algorithm": record.algorithm, **record.config_passed}


def _packages(record: RunRecord) -> Mapping[str, Any]:
    """Without ourselves, which is the code."""
    return {name: version for name, version in record.environment.packages.items() if name != "recsys-bench"}


def _machine(record: RunRecord) -> Mapping[str, Any]:
    one = record.environment
    return {
        "processor": one.processor,
        "device": one.device if one.device == "cpu" else one.device_name,
        "cores": one.cores,
        "threads": one.threads,
        "precision": one.precision,
        "platform": one.platform,
        "python": one.python,
    }


def _differences(before: Mapping[str, Any], after: Mapping[str, Any], absent: str = "default") -> str:
    """ "l2 500 → 224, k 10 → default", the first of them; "" if there is none. absent: the name of a missing value."""
    found = [
        f"{name} {_short(before.get(name, absent))} → {_short(after.get(name, absent))}"
        for name in dict.fromkeys([*before, *after])
        if before.get(name) != after.get(name)
    ]
    left_out = len(found) - SHOWN
    return ", ".join(found if left_out <= 1 else [*found[:SHOWN], f"{left_out} more"])


def _short(value: object) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 30 else f"{text[:29]}…"


def _arrow(what: str, before: str, after: str) -> str:
    return "" if before == after else f"{what} {before} → {after}"
