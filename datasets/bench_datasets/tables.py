"""Rows of delimited text, and interactions made of them. An error names the file and the line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from bench.errors import DataError
from bench.interactions import Interactions

T = TypeVar("T")
LATEST_SECOND = 4_102_444_800
"""2100-01-01. A later timestamp is in another unit, or no time."""


@dataclass(frozen=True)
class Table:
    """Rows of text fields, all with the same number of them. first_line: that of the first row in its file."""

    name: str
    rows: Sequence[Sequence[str]]
    first_line: int = 1

    def column(self, index: int, rule: str, parse: Callable[[str], T]) -> list[T]:
        """One field of every row, parsed.

        `rule` says what `parse` accepts; it refuses with ValueError. Raises DataError with the rule, the
        line and the value.
        """
        values = []
        for line, row in enumerate(self.rows, self.first_line):
            try:
                values.append(parse(row[index]))
            except ValueError:
                raise DataError(f"{self.name}, line {line}: {rule}. Got '{row[index]}'.") from None
        return values


def read_table(
    name: str, content: bytes, separator: str, n_fields: int, *, encoding: str = "utf-8", header: bool = False
) -> Table:
    """Split text into rows. Raises DataError at a line with another number of fields, or not in the encoding."""
    try:
        lines = content.decode(encoding).replace("\r\n", "\n").split("\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(f"{name}, line {line}: not valid {encoding} ({error.reason}).") from None
    if lines[-1] == "":
        lines.pop()
    rows = [line.split(separator) for line in lines]
    for line, row in enumerate(rows, 1):
        if len(row) != n_fields:
            raise DataError(f"{name}, line {line}: needs {n_fields} fields separated by {separator!r}. Got {len(row)}.")
    return Table(name, rows[1:], 2) if header else Table(name, rows)


def read_interactions(table: Table, scale: tuple[float, float]) -> Interactions:
    """From rows of user, item, rating, timestamp (UTC seconds), in their order.

    Raises DataError, with the line, at a missing id, a rating that is no number or off the scale, and a
    timestamp that is no second between 1970 and 2100.
    """
    low, high = scale

    def rating(text: str) -> float:
        value = float(text)
        if not low <= value <= high:  # nor is NaN
            raise ValueError
        return value

    ratings = table.column(2, f"a rating must be a number in [{low:g}, {high:g}]", rating)
    times = table.column(3, "a timestamp must be in whole UTC seconds after 1970 and before 2100", second)
    return Interactions.from_ids(
        table.column(0, "a user id must not be empty", identifier),
        table.column(1, "an item id must not be empty", identifier),
        np.array(ratings, np.float32),
        np.array(times, np.int64),
    )


def identifier(text: str) -> str:
    """An id, kept to the letter. Raises ValueError if it is empty."""
    if not text:
        raise ValueError
    return text


def second(text: str) -> int:
    """A time in UTC seconds. Raises ValueError if it is none."""
    value = int(text)
    if not 0 < value < LATEST_SECOND:
        raise ValueError
    return value
