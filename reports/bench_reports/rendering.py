"""A board as columns of text, and as Markdown, CSV and JSON. The terminal's table is drawn in `bench.cli.board`."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.records import Status
from bench.statistics import Estimate
from bench_reports.board import Board, BoardRow, TaskBoard
from bench_reports.budgets import budget_of

MISSING = "—"


@dataclass(frozen=True)
class Column:
    """One column of a board as text: a cell a row. best: the indices of the rows with the best value.

    priority: 0 is always shown; in a narrow terminal the highest goes first.
    """

    header: str
    cells: tuple[str, ...]
    priority: int
    is_text: bool = False
    best: frozenset[int] = frozenset()


def columns(board: TaskBoard) -> list[Column]:
    """All that is worth a column. One that would say the same in every row is left out."""
    rows = board.rows
    found = [
        Column("#", tuple(_rank(row) for row in rows), 0),
        Column("algorithm", tuple(row.algorithm for row in rows), 0, is_text=True),
        *_metric_columns(board),
        Column("fit", tuple(seconds(row.fit_seconds) for row in rows), 6),
        Column("users/s", tuple(_speed(row.users_per_second) for row in rows), 101),
        Column("memory", tuple(size(row.peak_bytes) for row in rows), 100),
    ]
    if any(row.tuning for row in rows):
        found.append(Column("tuning", tuple(budget_of(row) for row in rows), 1, is_text=True))
    if any(len(set(row.seeds)) > 1 for row in rows):
        found.insert(2, Column("seeds", tuple(str(len(set(row.seeds))) for row in rows), 5))
    if any(row.status is not Status.OK for row in rows):
        found.append(Column("status", tuple(status(row) for row in rows), 99, is_text=True))
    return found


def _rank(row: BoardRow) -> str:
    return MISSING if row.rank is None else f"≈ {row.rank}" if row.tied else str(row.rank)


def _metric_columns(board: TaskBoard) -> list[Column]:
    """The metrics; beside the one that ranks its interval and, with several seeds, how far one of them is off."""
    found = []
    for order, label in enumerate(board.metrics):
        found.append(_metric_column(board, label, order))
        if label == board.sort and any(row.estimate for row in board.rows):
            found.append(Column("95% interval", tuple(_interval(row.estimate) for row in board.rows), 2))
            if any(row.estimate and row.estimate.seeds_sd is not None for row in board.rows):
                found.append(Column("± seeds", tuple(_seeds_sd(row.estimate) for row in board.rows), 3))
                found.append(Column("± users", tuple(_users_se(row.estimate) for row in board.rows), 4))
    return found


def _interval(estimate: Estimate | None) -> str:
    if estimate is None or estimate.low != estimate.low:
        return MISSING
    return f"{number(estimate.low)}–{number(estimate.high)}"


def _seeds_sd(estimate: Estimate | None) -> str:
    return number(None if estimate is None else estimate.seeds_sd)


def _users_se(estimate: Estimate | None) -> str:
    return number(None if estimate is None else estimate.users_se)


def _metric_column(board: TaskBoard, label: str, order: int) -> Column:
    """The metric that ranks is always shown; the others give way from the last on."""
    values = [row.metrics[label] if row.status is Status.OK else None for row in board.rows]
    known = [value for value in values if value is not None]
    best = (min(known) if label in board.lower_is_better else max(known)) if known else None
    winners = frozenset(index for index, value in enumerate(values) if value is not None and value == best)
    cells = tuple(number(row.metrics[label]) for row in board.rows)
    return Column(label, cells, 0 if label == board.sort else 7 + order, best=winners)


def status(row: BoardRow) -> str:
    """In words: "ok", "diverged", or with several seeds "diverged (1 of 3)"."""
    bad = sum(one is not Status.OK for one in row.statuses)
    return row.status if bad in (0, len(row.statuses)) else f"{row.status} ({bad} of {len(row.statuses)})"


def failures(board: TaskBoard) -> list[str]:
    """How and why rows failed or are incomplete: one line a reason, with the names of all rows that share it."""
    names: dict[str, list[str]] = {}
    for row in board.rows:
        if row.n_missing:
            missing = f"{row.n_missing} of {len(row.statuses) + row.n_missing} runs (seeds × folds)"
            names.setdefault(f"not ranked: {missing} missing", []).append(row.algorithm)
        if row.status is not Status.OK:
            reason = f" — {_first_line(row.reason)}" if row.reason else ""
            names.setdefault(f"{status(row)}{reason}", []).append(row.algorithm)
    return [f"{', '.join(rows)}: {reason}" for reason, rows in names.items()]


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0]


def number(value: float | None) -> str:
    """Four decimals, the precision of published tables."""
    return MISSING if value is None or value != value else f"{value:.4f}"


def seconds(value: float) -> str:
    """Seconds in a few characters: "0.03 s", "4.2 s", "85 s", "12 min"."""
    if value < 1:
        return f"{value:.2f} s"
    if value < 10:
        return f"{value:.1f} s"
    return f"{value:.0f} s" if value < 300 else f"{value / 60:.0f} min"


def size(n_bytes: int) -> str:
    """Bytes in a few characters: "480 MiB", "1.2 GiB"."""
    if not n_bytes:
        return MISSING
    return f"{n_bytes / 2**20:.0f} MiB" if n_bytes < 2**30 else f"{n_bytes / 2**30:.1f} GiB"


def _speed(users_per_second: float | None) -> str:
    return MISSING if users_per_second is None else f"{users_per_second:,.0f}"


def render_markdown(board: Board) -> str:
    """One heading, table and list of notes a task; the best value of each column is bold."""
    return "\n\n".join(_markdown(task) for task in board.tasks)


def _markdown(board: TaskBoard) -> str:
    shown = columns(board)
    lines = [f"### {board.title}", ""]
    lines.append(_markdown_row([column.header for column in shown]))
    lines.append(_markdown_row(["---" if column.is_text else "---:" for column in shown]))
    for index in range(len(board.rows)):
        cells = [column.cells[index] for column in shown]
        bold = [index in column.best for column in shown]
        lines.append(_markdown_row([f"**{c}**" if b else c for c, b in zip(cells, bold, strict=True)]))
    notes = [f"- {note}" for note in (*failures(board), *board.notes)]
    return "\n".join([*lines, "", *notes]).rstrip("\n")


def _markdown_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def json_rows(board: Board) -> list[dict[str, Any]]:
    """One JSON-ready object a row. Metrics, seconds and bytes are unrounded; `record` is the folder of the
    (first seed's) record, `records` those of all seeds.
    """
    return [_json_row(task, row) for task in board.tasks for row in task.rows]


def _json_row(board: TaskBoard, row: BoardRow) -> dict[str, Any]:
    records = [str(path.absolute()) for path in row.records]
    return {
        "suite": board.suite,
        "task": board.task,
        "candidates": board.candidates,
        "rank": row.rank,
        "tied_with_best": row.tied,
        "algorithm": row.algorithm,
        "seeds": list(row.seeds),
        "status": row.status.value,
        "statuses": [one.value for one in row.statuses],
        "reason": row.reason,
        "metrics": dict(row.metrics),
        "interval": _json_interval(board.sort, row.estimate),
        "timings": {**row.timings, "users_per_second": row.users_per_second},
        "peak_bytes": row.peak_bytes,
        "parameters": row.parameters,
        "tuning": row.tuning.model_dump(mode="json") if row.tuning else None,
        "record": records[0],
        "records": records,
    }


def _json_interval(metric: str, estimate: Estimate | None) -> dict[str, Any] | None:
    """Of the metric that ranks. NaN, where there are too few users to say, is null."""
    if estimate is None:
        return None
    values = {name: getattr(estimate, name) for name in ("low", "high", "level", "users_se", "seeds_sd")}
    return {"metric": metric} | {name: None if value != value else value for name, value in values.items()}


def render_json(board: Board) -> str:
    """The rows of all tasks as one JSON list."""
    return json.dumps(json_rows(board), indent=2, ensure_ascii=False, allow_nan=False)


def render_csv(board: Board) -> str:
    """The rows of all tasks as one table, unrounded; an empty cell is a missing value."""
    rows = [_csv_row(row) for row in json_rows(board)]
    metrics = dict.fromkeys(label for task in board.tasks for label in task.metrics)
    names = list(dict.fromkeys(name for row in rows for name in row if name not in metrics))
    at = names.index("reason") + 1 if names else 0
    out = io.StringIO()
    writer = csv.DictWriter(out, [*names[:at], *metrics, *names[at:]], restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().removesuffix("\n")


def _csv_row(row: Mapping[str, Any]) -> dict[str, Any]:
    return dict(_flat(row))


def _flat(row: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in row.items():
        if name in ("metrics", "timings"):
            yield from value.items()
        elif name == "interval":
            yield from {f"interval_{bound}": value[bound] if value else None for bound in ("low", "high")}.items()
        elif name == "tuning":
            yield "tuning_trials", value["trials"] if value else 0
        elif name == "seeds":
            yield name, " ".join(map(str, dict.fromkeys(value)))
        elif name not in ("statuses", "records"):
            yield name, value
