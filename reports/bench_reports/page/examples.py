"""A few test users: what they had, what each algorithm recommended to them and why, and what they went on to choose."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from bench.errors import DataError
from bench.examples import Because, Example, Recommended
from bench.records import Status
from bench.store import Stored, read_examples
from bench_reports.board import TaskBoard

logger = logging.getLogger(__name__)
_BECAUSE = {"item": "from the history", "user": "users like this one", "term": "in common"}


@dataclass(frozen=True)
class Listed:
    """A recommended item. why: the reasons that weigh most, in words; "" where the algorithm cannot say."""

    title: str
    hit: bool
    why: str


@dataclass(frozen=True)
class UserList:
    """What one algorithm recommended to a user, best first."""

    algorithm: str
    items: tuple[Listed, ...]

    @property
    def n_hits(self) -> int:
        return sum(item.hit for item in self.items)


@dataclass(frozen=True)
class UserExample:
    """One user. lists: of the algorithms in the order of the board."""

    of: Example
    lists: tuple[UserList, ...]


def examples_of_task(board: TaskBoard, runs: Sequence[Stored]) -> tuple[UserExample, ...]:
    """Of the first seed of each row, on the first fold: of others the users may be others, or have other histories."""
    first: dict[str, Stored] = {}
    for run in sorted(runs, key=lambda run: (run.record.fold.index, run.record.seed)):
        if run.record.status is Status.OK:
            first.setdefault(run.record.row, run)
    users: dict[str, tuple[Example, list[UserList]]] = {}
    for row in board.rows:
        for example in _read(first[row.algorithm]) if row.algorithm in first else []:
            _, lists = users.setdefault(example.user, (example, []))
            lists.append(UserList(row.algorithm, tuple(_listed(item) for item in example.recommended)))
    return tuple(UserExample(example, tuple(lists)) for example, lists in users.values())


def _read(run: Stored) -> Sequence[Example]:
    """One bad file must not cost the report."""
    try:
        found = read_examples(run.path)
    except DataError as error:
        logger.warning("examples were passed over: %s", error)
        return []
    return [] if found is None else found.users


def _listed(item: Recommended) -> Listed:
    why = item.why or []
    if not why:
        return Listed(item.title, item.hit, "")
    more = f" and {item.n_reasons - len(why)} more" if item.n_reasons > len(why) else ""
    return Listed(item.title, item.hit, f"{_BECAUSE[why[0].kind]}: {', '.join(map(_weighed, why))}{more}")


def _weighed(reason: Because) -> str:
    return f"{reason.title} ({reason.weight:+.2g})"
