"""Why one source of a data set did not serve. After any of these the next source is tried."""

from __future__ import annotations

from bench.errors import DataError


class SourceError(DataError):
    """A source cannot serve: absent, unreachable, interrupted, not readable."""


class AbsentError(SourceError):
    """The files are not there."""


class TransferError(SourceError):
    """A transfer that failed midway. Worth another try."""


class DamagedError(SourceError):
    """There are bytes, but not the right ones: cut short, no archive, an archive that means harm."""


class ChecksumError(DamagedError):
    """The bytes are not those the card pins. They are never parsed."""

    def __init__(self, what: str, expected: str, found: str) -> None:
        self.expected, self.found = expected, found
        super().__init__(f"{what} is not what the card says: its sha256 is {found}, expected {expected}")
