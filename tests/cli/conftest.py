"""The command line called in-process: exit code, stdout and stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NamedTuple

import pytest


class Called(NamedTuple):
    """How a command ended and what it said."""

    code: int
    out: str
    err: str


Call = Callable[..., Called]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Calls `bench` with arguments, as a shell would."""
    from bench.cli import main

    def run(*arguments: object) -> Called:
        monkeypatch.setattr(sys, "argv", ["bench", *map(str, arguments)])
        code: object = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
        captured = capsys.readouterr()
        return Called(int(str(code)), captured.out, captured.err)

    return run
