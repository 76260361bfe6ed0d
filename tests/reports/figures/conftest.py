"""Figures of hand-made records, and what a reader finds written in a picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from xml.etree import ElementTree

import pytest

from bench_reports.figures import Figure, figures_of, overview_of, svg_of
from bench_reports.leaderboard import leaderboard, newest_runs


@pytest.fixture
def figure_of() -> Callable[..., Figure | None]:
    """The figure of one task whose key ends so; None if there is none."""

    def find(runs: Sequence[Any], ending: str, **options: Any) -> Figure | None:
        (board,) = leaderboard(runs, **options).tasks
        found = [figure for figure in figures_of(board, newest_runs(runs)) if figure.key.endswith(ending)]
        assert len(found) <= 1
        return found[0] if found else None

    return find


@pytest.fixture
def overview() -> Callable[..., list[Figure]]:
    return lambda runs: overview_of(leaderboard(runs).tasks, newest_runs(runs))


@pytest.fixture
def written() -> Callable[[Figure], list[str]]:
    """Every text of the static picture, which must be well-formed XML."""

    def read(figure: Figure) -> list[str]:
        root = ElementTree.fromstring(svg_of(figure))
        return [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")]

    return read
