"""A board as a table that can be sorted: beside the text of each cell what it is sorted by, and intervals drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.records import Status
from bench_reports.board import BoardRow, TaskBoard
from bench_reports.rendering import columns

DECIMALS = 2
"""Of positions in a drawing that is 100 wide."""


@dataclass(frozen=True)
class Head:
    """The head of a column. first: the order that a reader wants first, "ascending" or "descending"."""

    label: str
    is_text: bool
    first: str


@dataclass(frozen=True)
class Cell:
    """key: what it is sorted by; a missing value has none, and comes last either way. best: of its column."""

    text: str
    key: float | str | None
    best: bool


@dataclass(frozen=True)
class Whisker:
    """An interval and its mean, as positions from 0 to 100 between the least and the greatest of the table."""

    low: float
    mean: float
    high: float


@dataclass(frozen=True)
class Line:
    """One row: its cells in the order of the heads. groups: the choices of the filter that show it.

    links: by seed, where MLflow shows the run.
    """

    name: str
    cells: tuple[Cell, ...]
    groups: tuple[str, ...]
    tied: bool
    ranked: bool
    whisker: Whisker | None
    links: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class Table:
    """ranks_by: index of the head of the metric that ranks. choices: of the filter, by group in words."""

    heads: tuple[Head, ...]
    lines: tuple[Line, ...]
    name_at: int
    ranks_by: int
    choices: tuple[tuple[str, str], ...]

    @property
    def has_links(self) -> bool:
        return any(line.links for line in self.lines)


_NUMBERS: dict[str, Callable[[BoardRow], float | None]] = {
    "#": lambda row: row.rank,
    "seeds": lambda row: len(set(row.seeds)),
    "95% interval": lambda row: row.estimate.low if row.estimate else None,
    "± seeds": lambda row: row.estimate.seeds_sd if row.estimate else None,
    "± users": lambda row: row.estimate.users_se if row.estimate else None,
    "fit": lambda row: row.fit_seconds,
    "users/s": lambda row: row.users_per_second,
    "memory": lambda row: row.peak_bytes or None,
    "tuning": lambda row: row.tuning.trials if row.tuning else None,
}
"""What a column that is no metric is sorted by. Others are sorted by their text."""
_DESCENDING = {"users/s", "95% interval", "seeds", "tuning"}
_CHOICES = {
    "tied": "best and tied with it",
    "tuned": "tuned",
    "untuned": "not tuned",
    "unranked": "failed or not ranked",
}


def table_of(board: TaskBoard, links: Mapping[Path, str]) -> Table:
    """links: by a record's folder, where MLflow shows its run."""
    shown = columns(board)
    keys = [_keys(board, column.header, column.cells) for column in shown]
    whiskers = _whiskers(board.rows)
    lines = tuple(
        Line(
            name=row.algorithm,
            cells=tuple(
                Cell(column.cells[at], key[at], at in column.best) for column, key in zip(shown, keys, strict=True)
            ),
            groups=_groups(row),
            tied=row.tied,
            ranked=row.rank is not None,
            whisker=whiskers[at],
            links=tuple(
                (seed, links[path]) for seed, path in zip(row.seeds, row.records, strict=True) if path in links
            ),
        )
        for at, row in enumerate(board.rows)
    )
    headers = [column.header for column in shown]
    used = {group for line in lines for group in line.groups}
    return Table(
        heads=tuple(Head(column.header, column.is_text, _first(board, column.header)) for column in shown),
        lines=lines,
        name_at=headers.index("algorithm"),
        ranks_by=headers.index(board.sort),
        choices=tuple((group, words) for group, words in _CHOICES.items() if group in used),
    )


def _first(board: TaskBoard, header: str) -> str:
    up = header not in _DESCENDING and (header not in board.metrics or header in board.lower_is_better)
    return "ascending" if up else "descending"


def _keys(board: TaskBoard, header: str, texts: Sequence[str]) -> list[float | str | None]:
    if header in board.metrics:
        return [_defined(row.metrics.get(header)) for row in board.rows]
    if header in _NUMBERS:
        return [_defined(_NUMBERS[header](row)) for row in board.rows]
    return list(texts)


def _defined(value: float | None) -> float | None:
    return None if value is None or value != value else value


def _groups(row: BoardRow) -> tuple[str, ...]:
    found = ["tuned" if row.tuning else "untuned"]
    if row.tied or row.rank == 1:
        found.append("tied")
    if row.rank is None or row.status is not Status.OK:
        found.append("unranked")
    return tuple(found)


def _whiskers(rows: Sequence[BoardRow]) -> list[Whisker | None]:
    """None for a row without an interval."""
    known = [(row.estimate.low, row.estimate.mean, row.estimate.high) if row.estimate else None for row in rows]
    drawn = [one for one in known if one and one[0] == one[0]]
    if not drawn:
        return [None] * len(rows)
    low, high = min(one[0] for one in drawn), max(one[2] for one in drawn)
    scale = 100 / (high - low) if high > low else 0.0
    return [
        Whisker(*(round(scale * (value - low), DECIMALS) for value in one)) if one in drawn and one else None
        for one in known
    ]
