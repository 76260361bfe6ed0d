"""The command that is running, as records tell it."""

from __future__ import annotations

import re
import shlex
import sys

_PASSWORD = re.compile(r"(://[^/@\s:]*:)[^@\s]+(?=@)")


def this_command() -> str:
    """The command line as it can be typed again, but for passwords in URLs."""
    return shlex.join(["bench", *map(without_passwords, sys.argv[1:])])


def without_passwords(text: str) -> str:
    """The text with the passwords of its URLs blanked out: records and reports are passed on."""
    return _PASSWORD.sub(r"\1***", text)
