"""What a figure is: a Vega-Lite specification with its data, its finding in words, and the same as a table."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from bench_reports.board import TaskBoard


@dataclass(frozen=True)
class Figure:
    """One figure of a report.

    key: unique in a report, of [a-z0-9-]. summary: what it shows and its main finding in numbers; also the text for
    those who do not see the picture. spec: Vega-Lite, the data within; its width is that of the container. columns
    and rows: the same as a table of text; may be empty.
    """

    key: str
    title: str
    summary: str
    spec: dict[str, Any]
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


def key_of(board: TaskBoard, name: str) -> str:
    """The key of a figure about one task: "movielens-v1-holdout-frontier"."""
    return slug(f"{board.suite}-{board.task}-{name}")


def slug(text: str) -> str:
    """Lower-case letters, digits and hyphens of a text."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def share(part: float, whole: float) -> str:
    """In words: "12 %", "0.4 %"."""
    percent = 100 * part / whole if whole else 0.0
    return f"{percent:.1f} %" if 0 < percent < 1 else f"{percent:.0f} %"


def listed(names: list[str], most: int = 5) -> str:
    """Names in a sentence: "a, b and c", "a, b, c, d, e and 4 others"."""
    shown = names if len(names) <= most + 1 else [*names[:most], f"{len(names) - most} others"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
