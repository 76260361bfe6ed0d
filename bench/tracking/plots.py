"""What tuning did, as pictures for MLflow: of one row, and of what a larger budget was worth.

Only the mirroring process draws, with matplotlib, which MLflow brings, and which is imported when there is something
to draw.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench.ledger import TuningLedger, row_after
from bench.records import RunRecord, Status

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HISTORY_FILE, IMPORTANCE_FILE, BUDGETS_FILE = "tuning-history.png", "tuning-importance.png", "tuning-budgets.png"
_COLOURS = {"complete": "tab:blue", "pruned": "tab:orange", "failed": "tab:red"}


def draw_tuning(record: RunRecord, folder: Path) -> None:
    """The history and the importance of the fields, as far as the record's ledger has them."""
    ledger = record.tuning
    if ledger is None or not ledger.history:
        return
    title = f"{record.row} · {record.task} · {ledger.trials} trials, {ledger.sampler}"
    _history(ledger, title).savefig(folder / HISTORY_FILE)
    if ledger.importances:
        _importance(ledger, title).savefig(folder / IMPORTANCE_FILE)


def draw_budgets(records: Sequence[RunRecord], folder: Path) -> bool:
    """What more trials were worth: validation and test by trials, of rows that were run after several budgets.

    Returns whether there are such rows.
    """
    curves = _budget_curves(records)
    if not curves:
        return False
    metric = records[0].primary_metric
    figure, (left, right) = _panels(2)
    for row, points in curves.items():
        trials, validation, test = zip(*sorted(points), strict=True)
        left.plot(trials, validation, marker="o", label=row)
        right.plot(trials, test, marker="o", label=row)
    for axes, part in ((left, "validation"), (right, "test")):
        axes.set(xlabel="trials", ylabel=metric, title=part)
    left.legend()
    figure.savefig(folder / BUDGETS_FILE)
    return True


Point = tuple[int, float, float]


def _budget_curves(records: Sequence[RunRecord]) -> dict[str, list[Point]]:
    """(trials, best on validation, value on test) of the rows that have several budgets, by the row's name."""
    found: dict[str, set[Point]] = {}
    for record in records:
        value = record.metrics.get(record.primary_metric)
        if record.tuning is None or record.status is not Status.OK or value is None or value.value is None:
            continue
        suffix = row_after("", record.tuning.budget_trials or 0)
        name = record.row.removesuffix(suffix)
        found.setdefault(name, set()).add((record.tuning.trials, record.tuning.best_value, value.value))
    return {name: sorted(points) for name, points in found.items() if len({point[0] for point in points}) > 1}


def _history(ledger: TuningLedger, title: str) -> Figure:
    figure, (axes,) = _panels(1)
    for state, colour in _COLOURS.items():
        points = [(n, trial.value) for n, trial in enumerate(ledger.history, 1) if trial.state == state]
        values = [(n, value) for n, value in points if value is not None]
        if values:
            axes.plot(*zip(*values, strict=True), ".", color=colour, label=state)
        elif points:
            foot = [0.02] * len(points)  # they have no value; y is a share of the height
            axes.plot(
                [n for n, _ in points], foot, "|", color=colour, label=state, transform=axes.get_xaxis_transform()
            )
    best = ledger.best_so_far()
    known = [(n, value) for n, value in enumerate(best, 1) if value is not None]
    axes.plot(*zip(*known, strict=True), color="tab:green", drawstyle="steps-post", label="best so far")
    axes.set(xlabel="trial", ylabel=f"{ledger.metric} on validation", title=title)
    axes.legend()
    return figure


def _importance(ledger: TuningLedger, title: str) -> Figure:
    figure, (axes,) = _panels(1)
    shares = sorted(ledger.importances.items(), key=lambda pair: pair[1])
    axes.barh([name for name, _ in shares], [share for _, share in shares])
    axes.set(xlabel="importance", title=title)
    return figure


def _panels(n: int) -> tuple[Figure, list[Axes]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7 * n, 4.5), layout="constrained", dpi=110)
    return figure, [figure.add_subplot(1, n, place + 1) for place in range(n)]
