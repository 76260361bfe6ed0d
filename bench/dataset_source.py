"""What a registered data set is: a card, read from a file, and a way to load what it describes."""

from __future__ import annotations

import tomllib
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from bench.card import Card
from bench.config import describe_validation_error
from bench.errors import DataError

if TYPE_CHECKING:
    from bench.interactions import Dataset


MAX_CARD_BYTES = 2**18
Progress = Callable[[str, int, int], None]
"""Hears (what, bytes done, bytes in all)."""


def no_progress(what: str, done_bytes: int, total_bytes: int) -> None:
    """The default listener: hears everything, says nothing."""


@dataclass(frozen=True)
class Acquire:
    """How to get a data set's bytes.

    home: the cache folder, or None for BENCH_DATA_HOME or the platform's; folder: one that already holds
    the files; offline: never use the network (BENCH_OFFLINE=1 says the same); progress: hears of downloads;
    skip_bad_rows: leave out rows of the user's own files that cannot be read, and count them.
    """

    home: Path | None = None
    folder: Path | None = None
    offline: bool = False
    progress: Progress = no_progress
    skip_bad_rows: bool = False


class DatasetLoader(ABC):
    """What the registry of data sets holds."""

    @property
    @abstractmethod
    def card(self) -> Card:
        """The card; reading it imports nothing heavy."""

    @abstractmethod
    def load(self, acquire: Acquire) -> Dataset:
        """The data set. Raises DataError, saying what was tried, if its bytes cannot be had or are not right."""


def load_card(path: Path) -> Card:
    """The card in a TOML file. Raises DataError, saying what is wrong with it, if it is not a valid one."""
    try:
        return Card.model_validate(_read(path))
    except ValidationError as error:
        raise DataError(describe_validation_error(f"the card {path.name}", error, Card.model_fields)) from None


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_CARD_BYTES + 1)
        if len(content) > MAX_CARD_BYTES:
            raise DataError(f"a card may have up to {MAX_CARD_BYTES} bytes. {path} is larger.")
        return tomllib.loads(content.decode())
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read the card {path}: {error}.") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise DataError(f"{path} is not a valid TOML file: {error}.") from None
