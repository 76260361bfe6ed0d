"""Tables in a terminal that are fitted to its width, with numbers aligned on their decimal points."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace

from rich import box
from rich.table import Table
from rich.text import Text

from bench_reports.rendering import Column

GAP = 2
"""Blanks between two columns."""
MIN_NAME = 4
"""Characters of an algorithm's name that are left where the width is hopeless."""
_NUMBER = re.compile(r"(?P<whole>[-+]?[\d,]+)(?P<fraction>\.\d+)?(?P<unit> \S+)?")


def fitting(wanted: Sequence[Column], width: int) -> tuple[list[Column], list[str]]:
    """The columns that fit `width` characters, and the headers of the others.

    What is too wide first gets headers of two lines; then the least important columns go.
    """
    wanted = [on_the_point(column) for column in wanted]
    if _width(wanted) <= width:
        return wanted, []
    kept = list(wanted)
    while _width(_broken(kept)) > width and any(column.priority for column in kept):
        kept.remove(max(kept, key=lambda column: column.priority))
    return _broken(kept), [column.header for column in wanted if column not in kept]


def on_the_point(column: Column) -> Column:
    """The column with its numbers, and their units, one below the other: "0.22 s", " 31    s"."""
    if column.is_text:
        return column
    parts = [_NUMBER.fullmatch(cell) for cell in column.cells]
    fraction = max((len(part["fraction"] or "") for part in parts if part), default=0)
    unit = max((len(part["unit"] or "") for part in parts if part), default=0)
    cells = [
        f"{part['whole']}{part['fraction'] or '':{fraction}}{part['unit'] or '':{unit}}" if part else cell
        for cell, part in zip(column.cells, parts, strict=True)
    ]
    return replace(column, cells=tuple(cells))


def _broken(shown: Sequence[Column]) -> list[Column]:
    """The columns with headers of two lines: "ndcg" above "@10"."""
    return [replace(column, header=column.header.replace("@", "\n@").replace(" ", "\n")) for column in shown]


def _width(shown: Sequence[Column]) -> int:
    return sum(_column_width(column) for column in shown) + GAP * (len(shown) - 1)


def _column_width(column: Column) -> int:
    return max(len(text) for text in (*column.header.split("\n"), *column.cells))


def table(
    shown: Sequence[Column], width: int, dimmed: Collection[int] = (), last: tuple[str, Sequence[str]] | None = None
) -> Table:
    """The columns as a table; the best values are bold, and the rows `dimmed` dim.

    A divider is a blank too, so the padding is one less than the gap. Numbers are never cut: where nothing else helps,
    names are. last: header and cells of one more column, which takes what is left of the width and wraps.
    """
    drawn = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, GAP - 1, 0, 0))
    excess = max(0, _width(shown) - width)
    for column in shown:
        own = _column_width(column)
        own = max(MIN_NAME, own - excess) if column.header == "algorithm" else own
        # padded here: rich would strip the blanks that stand for missing decimals
        header = column.header if column.is_text else "\n".join(line.rjust(own) for line in column.header.split("\n"))
        drawn.add_column(header, no_wrap=True, overflow="ellipsis", min_width=own, max_width=own)
    if last:
        drawn.add_column(last[0], overflow="fold")
    for index in range(len(shown[0].cells)):
        cells = [_cell(column, index, index in dimmed) for column in shown]
        drawn.add_row(*cells, *([Text(last[1][index])] if last else []))
    return drawn


def _cell(column: Column, index: int, dimmed: bool) -> Text:
    text = column.cells[index] if column.is_text else column.cells[index].rjust(_column_width(column))
    return Text(text, style="bold" if index in column.best else "dim" if dimmed else "")
