"""What the data of a task looks like, from what its records say of their folds: sizes, what was dropped, the audit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.protocol.audit import Finding
from bench.records import FoldRef
from bench.store import Stored

PARTS = ("all", "train", "validation", "test")


@dataclass(frozen=True)
class FoldAccount:
    """One fold. sizes: a part, and its interactions, users and items, "—" where the record does not say.

    dropped: a step, and the interactions, users and items that it took away. findings: of the leak audit.
    """

    title: str
    sizes: tuple[tuple[str, ...], ...]
    dropped: tuple[tuple[str, ...], ...]
    excluded: tuple[tuple[str, int], ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Account:
    """protocol: a sentence a line."""

    protocol: tuple[str, ...]
    folds: tuple[FoldAccount, ...]


def account_of(runs: Sequence[Stored], candidates: str) -> Account:
    """candidates: what was ranked, where that is not the full catalogue."""
    folds = {run.record.fold.index: run.record.fold for run in runs}
    newest = runs[-1].record
    return Account(
        protocol=tuple(_protocol(newest.fold, newest.kind, candidates)),
        folds=tuple(_fold(folds[index]) for index in sorted(folds)),
    )


def _protocol(fold: FoldRef, kind: str, candidates: str) -> list[str]:
    lines = [f"Filters: {_options(fold.filters)}." if fold.filters else "No filters."]
    lines.append(f"Split: {fold.splitter}{_in_brackets(fold.options)}, seed {fold.seed}.")
    if kind == "rating":
        lines.append("Ratings are predicted; nothing is ranked.")
    else:
        full = "every item of the catalogue that is not in the user's history"
        lines.append(f"Ranked for every test user: {candidates or full}.")
    return lines


def _options(options: Mapping[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in options.items() if value is not None)


def _in_brackets(options: Mapping[str, Any]) -> str:
    said = _options(options)
    return f" ({said})" if said else ""


def _fold(fold: FoldRef) -> FoldAccount:
    known = {**fold.interactions, **fold.users, **fold.items}
    parts = [part for part in PARTS if part in known] + sorted(set(known) - set(PARTS))
    return FoldAccount(
        title=f"Fold {fold.index + 1} of {fold.count}" if fold.count > 1 else "",
        sizes=tuple((part, *(_count(of.get(part)) for of in (_all(fold), fold.users, fold.items))) for part in parts),
        dropped=tuple(
            (
                str(step.get("step", "")).replace("_", " "),
                *(_count(step.get(what)) for what in ("interactions", "users", "items")),
            )
            for step in fold.dropped
        ),
        excluded=tuple(fold.excluded.items()),
        findings=tuple(fold.audit),
    )


def _all(fold: FoldRef) -> Mapping[str, int]:
    """With all interactions: the sum of the parts, where the record has no number of its own."""
    return {"all": sum(fold.interactions.values()), **fold.interactions}


def _count(value: int | None) -> str:
    return "—" if value is None else f"{value:,}"
