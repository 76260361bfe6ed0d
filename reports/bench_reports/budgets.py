"""How each row came to its parameters, and whether the rows had the same chance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.ledger import TuningLedger
from bench.records import RunRecord
from bench.values import some

if TYPE_CHECKING:
    from bench_reports.board import BoardRow

TUNED, GIVEN, DEFAULTS, NOTHING = "tuned", "given", "defaults", "nothing to tune"
IN_WORDS = {GIVEN: "by hand", DEFAULTS: "defaults", NOTHING: "—"}


def origin_of(record: RunRecord) -> str:
    """Where the parameters are from: TUNED with a ledger, GIVEN by hand, DEFAULTS, or NOTHING that could be tuned."""
    if record.tuning:
        return TUNED
    if record.tunable == []:
        return NOTHING
    return GIVEN if record.config_passed else DEFAULTS


def budget_of(row: BoardRow) -> str:
    """In a few characters: "40 trials", "by hand", "defaults", or "—" where there is nothing to tune."""
    return allowed_by(row.tuning) if row.tuning else IN_WORDS[row.parameters]


def allowed_by(ledger: TuningLedger) -> str:
    """What was allowed. A ledger from before that was written down has what was spent."""
    trials = ledger.trials if ledger.budget_trials is None else ledger.budget_trials
    limit = "" if ledger.budget_seconds is None else f" in {_duration(ledger.budget_seconds)}"
    folds = f" × {ledger.objective_folds} folds" if ledger.objective_folds > 1 else ""
    return f"{trials} trial{'' if trials == 1 else 's'}{folds}{limit}"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def budget_notes(rows: Sequence[BoardRow]) -> list[str]:
    """Names rows whose budget is not that of most tuned rows."""
    tuned = [budget_of(row) for row in rows if row.tuning]
    if not tuned:
        return ["parameters are the suite's own; no row carries a tuning ledger."]
    common = Counter(tuned).most_common(1)[0][0]
    others: dict[str, list[str]] = {}
    for row in rows:
        if row.parameters != NOTHING and (budget := budget_of(row)) != common:
            others.setdefault(budget, []).append(row.algorithm)
    if not others:
        return [f"tuned on validation with the same budget: {common}."]
    exceptions = "; ".join(f"{budget}: {some(names)}" for budget, names in others.items())
    return [f"tuned on validation with {common}, but for {exceptions}. Unequal budgets favour who had more."]
