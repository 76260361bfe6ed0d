"""What a registered data set is: a card, and a way to load it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.card import Card

if TYPE_CHECKING:
    from bench.interactions import Dataset


def no_progress(what: str, done_bytes: int, total_bytes: int) -> None:
    """The default listener: hears everything, says nothing."""


@dataclass(frozen=True)
class Acquire:
    """How to get a data set's bytes.

    home: the cache folder, or None for BENCH_DATA_HOME or the platform's; folder: one that already holds
    the files; offline: never use the network (BENCH_OFFLINE=1 says the same); progress: hears (what,
    bytes done, bytes in all).
    """

    home: Path | None = None
    folder: Path | None = None
    offline: bool = False
    progress: Callable[[str, int, int], None] = no_progress


class DatasetLoader(ABC):
    """What the registry of data sets holds."""

    @property
    @abstractmethod
    def card(self) -> Card:
        """The card; reading it imports nothing heavy."""

    @abstractmethod
    def load(self, acquire: Acquire) -> Dataset:
        """The data set. Raises DataError, saying what was tried, if its bytes cannot be had or are not right."""
