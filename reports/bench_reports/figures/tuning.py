"""What tuning found: the best validation value by trial, and which fields mattered."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import altair as alt

from bench.ledger import TuningLedger
from bench_reports.board import TaskBoard
from bench_reports.figures.drawing import INK, PALETTE, choice, labels_of, rounded, spec_of, values_of
from bench_reports.figures.figure import Figure, key_of, share
from bench_reports.rendering import number, seconds

Ledgers = Mapping[str, TuningLedger]
_STATES = {"complete": PALETTE[0], "pruned": PALETTE[1], "failed": PALETTE[3]}


def tuning(board: TaskBoard) -> list[Figure]:
    """The history and the importances of the rows that were tuned, as far as their ledgers have them."""
    ledgers = {row.algorithm: row.tuning for row in board.rows if row.tuning is not None}
    return [
        *_history(board, {name: one for name, one in ledgers.items() if any(v is not None for v in one.best_so_far())}),
        *_importance(board, {name: one for name, one in ledgers.items() if one.importances}),
    ]


def _history(board: TaskBoard, ledgers: Ledgers) -> list[Figure]:
    if not ledgers:
        return []
    first, ledger = next(iter(ledgers.items()))
    summary = (
        f"The best {ledger.metric} on validation so far, trial by trial, of {len(ledgers)} tuned algorithms, one at a "
        f"time: {first} came to {number(ledger.best_value)} in {_place(ledger)} of {ledger.trials} trials."
    )
    rows = tuple(
        (
            name,
            str(one.trials),
            str(one.pruned),
            str(one.failed),
            number(one.best_value),
            _place(one),
            seconds(one.seconds),
        )
        for name, one in ledgers.items()
    )
    columns = ("algorithm", "trials", "pruned", "failed", "best on validation", "found in trial", "time")
    title = f"Tuning history: {board.task}"
    return [Figure(key_of(board, "tuning-history"), title, summary, _history_spec(ledgers), columns, rows)]


def _place(ledger: TuningLedger) -> str:
    """The place of the best trial in the history, from 1; trials are numbered from 0 when they begin."""
    places = [place for place, trial in enumerate(ledger.history, 1) if trial.number == ledger.best_trial]
    return f"trial {places[0]}" if places else "one"


def _history_spec(ledgers: Ledgers) -> dict[str, Any]:
    labels = labels_of(ledgers)
    data = [
        {
            "n": labels[name],
            "t": list(range(1, len(one.history) + 1)),
            "v": [_known(trial.value) for trial in one.history],
            "s": [trial.state for trial in one.history],
            "b": [_known(value) for value in one.best_so_far()],
        }
        for name, one in ledgers.items()
    ]
    metric = next(iter(ledgers.values())).metric
    states = [state for state in _STATES if any(state in row["s"] for row in data)]
    base = alt.Chart().transform_filter("datum.n === shown").transform_flatten(["t", "v", "s", "b"])
    x = alt.X(
        "t:Q",
        title="trial",
        axis=alt.Axis(grid=False, tickMinStep=1, tickCount=8),
        scale=alt.Scale(nice=False, padding=8),
    )
    colour = alt.Color(
        "s:N",
        scale=alt.Scale(domain=states, range=[_STATES[state] for state in states]),
        legend=alt.Legend(symbolOpacity=1),
    )
    tips = [alt.Tooltip("t:Q", title="trial"), alt.Tooltip("s:N", title="ended"), alt.Tooltip("v:Q", title=metric)]
    y = alt.Scale(zero=False)
    best = base.transform_filter("isValid(datum.b)").mark_line(interpolate="step-after", color=INK, opacity=0.7)
    tried = base.transform_filter("isValid(datum.v)").mark_point(filled=True, size=45)
    without = base.transform_filter("!isValid(datum.v)").mark_tick(
        orient="vertical", thickness=2, y=alt.ExprRef("height - 5"), height=9
    )
    chart = alt.layer(
        best.encode(x, alt.Y("b:Q", title=f"{metric} on validation", scale=y)),
        tried.encode(x, alt.Y("v:Q", scale=y), color=colour, tooltip=tips),
        without.encode(x, color=colour, tooltip=tips[:2]),
        data=values_of(data),
    )
    return spec_of(chart.add_params(choice("shown", "Algorithm", list(labels.values()))), 260)


def _known(value: float | None) -> float | None:
    return rounded(value) if value is not None and math.isfinite(value) else None


def _importance(board: TaskBoard, ledgers: Ledgers) -> list[Figure]:
    if not ledgers:
        return []
    ledgers = dict(sorted(ledgers.items(), key=lambda pair: len(pair[1].importances) < 2))  # one field explains all
    first, ledger = next(iter(ledgers.items()))
    field, most = max(ledger.importances.items(), key=lambda pair: pair[1])
    summary = (
        "How much of the difference between trials each hyperparameter explains (PED-ANOVA), one algorithm at a time: "
        f"for {first} it is mostly {field}, with {share(most, 1)}."
    )
    rows = tuple(
        (name, field, share(part, 1))
        for name, one in ledgers.items()
        for field, part in sorted(one.importances.items(), key=lambda pair: -pair[1])
    )
    columns = ("algorithm", "hyperparameter", "importance")
    title = f"Importance of hyperparameters: {board.task}"
    return [Figure(key_of(board, "tuning-importance"), title, summary, _importance_spec(ledgers), columns, rows)]


def _importance_spec(ledgers: Ledgers) -> dict[str, Any]:
    labels = labels_of(ledgers)
    data = [
        {"n": labels[name], "f": labels_of(one.importances)[field], "v": rounded(part)}
        for name, one in ledgers.items()
        for field, part in one.importances.items()
    ]
    base = alt.Chart(values_of(data)).transform_filter("datum.n === shown")
    x = alt.X("v:Q", title="share explained", axis=alt.Axis(format="%", tickCount=5), scale=alt.Scale(domain=[0, 1]))
    y = alt.Y("f:N", title=None, sort="-x", axis=alt.Axis(labelLimit=120), scale=alt.Scale(paddingInner=0.3))
    tips = [alt.Tooltip("f:N", title="hyperparameter"), alt.Tooltip("v:Q", title="share", format=".1%")]
    bars = base.mark_bar(color=PALETTE[0], size=14).encode(x, y, tooltip=tips)
    chart = bars.add_params(choice("shown", "Algorithm", list(labels.values())))
    most = max(len(one.importances) for one in ledgers.values())
    return spec_of(chart, max(60, 22 * most))
