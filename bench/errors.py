"""The errors a user can meet. Each says what was wrong, what is allowed and what was given."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class BenchError(Exception):
    """Base of every error the harness raises on purpose. The command line prints it as one line."""

    exit_code = 1


class UsageError(BenchError):
    """The caller asked for something that does not exist or is not allowed."""

    exit_code = 2


class DataError(BenchError):
    """A data set could not be obtained, or is not what its card says."""

    exit_code = 2


class NoVerdictError(BenchError):
    """Two results cannot be compared: other data, another protocol, another definition of a metric."""

    exit_code = 3


class ContractError(BenchError):
    """An algorithm broke the interface: wrong shape, non-finite scores, duplicate items, …"""


class DivergedError(BenchError):
    """Training produced a loss that is not finite."""


class UnmetNeedError(BenchError):
    """An algorithm needs something that this fold does not have (timestamps, item features, …)."""


class UnknownNameError(UsageError):
    """A name that is not among the known ones; suggests the nearest."""

    def __init__(self, kind: str, given: str, known: Iterable[str]) -> None:
        self.kind, self.given, self.known = kind, given, sorted(known)
        super().__init__(f"unknown {kind} '{given}'.{suggestion(given, self.known)}")


def suggestion(given: str, known: Iterable[str]) -> str:
    """`" Did you mean 'ease'? Known: ease, lstm, …"` — the nearest valid name, then all of them."""
    names = sorted(known)
    near = difflib.get_close_matches(given, names, n=1, cutoff=0.5)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    return f"{hint} Known: {', '.join(names) if names else '(none)'}."
