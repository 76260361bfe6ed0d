"""Obtaining a data set's bytes: the sources in order, each verified against the card before anything is parsed.

The order is the local cache, a folder that the user names, then what the card says can be fetched. The cache
holds the files as their publisher made them, so one check serves all sources: the card's sha256, on every read.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfileobj
from typing import IO, NoReturn

from bench.card import Card, FileRef, Source
from bench.dataset_source import Acquire
from bench.errors import DataError
from bench_datasets.archive import read_members
from bench_datasets.download import PATIENT, Download, Patience
from bench_datasets.home import cache_folder, writing
from bench_datasets.package_index import download_wheel
from bench_datasets.problems import AbsentError, DamagedError, SourceError
from bench_datasets.store import open_verified, place, remove_leftovers

logger = logging.getLogger(__name__)

Wanted = Mapping[str, Sequence[str]]
"""The files a loader reads, by the layout they are in."""


@dataclass(frozen=True, eq=False)
class Obtained:
    """Verified content. layout: of the source; served_by: where it came from, in words; files: by name."""

    layout: str
    served_by: str
    files: Mapping[str, bytes]


def obtain(card: Card, acquire: Acquire, wanted: Wanted, patience: Patience = PATIENT) -> Obtained:
    """The wanted files of the first source that serves.

    A source with other bytes than the card's is never used: the next one is tried, and a warning says so.
    Raises DataError, listing every source with the reason why it did not serve and what to do, if none does.
    """
    search = _Search(card, acquire, wanted, patience)
    return search.cached() or search.given() or search.fetched() or search.give_up()


class _Search:
    """One pass over the sources of a card that remembers why each did not serve."""

    def __init__(self, card: Card, acquire: Acquire, wanted: Wanted, patience: Patience) -> None:
        self._card, self._acquire, self._wanted, self._patience = card, acquire, wanted, patience
        self._cache = cache_folder(card, acquire.home)
        self._tried: list[str] = []

    def cached(self) -> Obtained | None:
        """What the cache holds, if it is right."""
        for source in self._card.sources:
            try:
                return self._from_cache(source)
            except AbsentError:
                continue
            except SourceError as error:
                self._rejected("the cache", error)
        if not self._tried:
            self._tried.append(f"the cache: nothing in {self._cache}")
        return None

    def _from_cache(self, source: Source) -> Obtained:
        return Obtained(source.layout, f"the local cache ({source.title})", self._read(source, self._cache))

    def given(self) -> Obtained | None:
        """What the user's folder holds, if it is right; the cache then keeps a copy, where it can."""
        folder = self._acquire.folder
        if folder is None:
            self._tried.append("a folder of yours: none was named")
            return None
        if not folder.is_dir():
            raise DataError(f"the folder {folder} does not exist or is not a folder.")
        absent = True
        for source in self._card.sources:
            for where in dict.fromkeys([folder, folder / source.folder]):
                try:
                    files = self._read(source, where)
                except AbsentError:
                    continue
                except SourceError as error:
                    absent = False
                    self._rejected("your folder", error)
                    continue
                self._keep(source, where)
                return Obtained(source.layout, f"the folder {where} ({source.title})", files)
        if absent:
            self._tried.append(f"your folder {folder}: it does not hold {_choices(self._card)}")
        return None

    def _keep(self, source: Source, where: Path) -> None:
        """Copy what was found to the cache, so that the folder need not be named again."""
        try:
            with writing(self._cache):
                for ref in source.files:
                    with open_verified(where / ref.name, ref) as file:
                        place(self._cache, ref, str(where / ref.name), lambda target: copyfileobj(file, target))
        except SourceError as error:
            logger.info("%s is used where it is: %s", where, error)

    def fetched(self) -> Obtained | None:
        """What can be fetched, by way of the cache."""
        remote = [source for source in self._card.sources if source.url or source.package]
        if self._offline:
            self._tried += [f"{_origin(source)}: not asked, because of {self._offline}" for source in remote]
            return None
        try:
            with writing(self._cache):
                return self._fetch_any(remote)
        except SourceError as error:
            self._tried.append(f"the network: {error}")
            return None

    def _fetch_any(self, remote: Sequence[Source]) -> Obtained | None:
        for source in remote:  # another process may have fetched while we waited for the lock
            try:
                return self._from_cache(source)
            except SourceError:
                continue
        remove_leftovers(self._cache)
        for source in remote:
            try:
                self._fetch(source)
                return Obtained(source.layout, _origin(source), self._read(source, self._cache))
            except SourceError as error:
                self._rejected(_origin(source), error)
        return None

    def _fetch(self, source: Source) -> None:
        (ref,) = source.files

        def progress(done: int) -> None:
            self._acquire.progress(source.title, done, ref.size_bytes)

        def write(target: IO[bytes]) -> None:
            progress(0)
            if source.url:
                Download(source.url, ref.size_bytes, progress, self._patience).into(target)
            elif source.package:
                download_wheel(source.package, ref, target)
            progress(ref.size_bytes)

        place(self._cache, ref, f"the file from {source.url or source.package}", write)

    def _read(self, source: Source, where: Path) -> dict[str, bytes]:
        names = self._wanted[source.layout]
        if source.kind == "zip":
            return _read_archive(source, where, names)
        refs = {ref.name: ref for ref in source.files}
        return {name: _read_file(where, refs[name]) for name in names}

    def _rejected(self, what: str, error: SourceError) -> None:
        """Note why a source did not serve. Wrong bytes deserve a warning, even if another source serves."""
        self._tried.append(f"{what}: {error}")
        level = logging.WARNING if isinstance(error, DamagedError) else logging.INFO
        logger.log(level, "%s: %s does not serve: %s", self._card.name, what, error)

    @property
    def _offline(self) -> str:
        if self._acquire.offline:
            return "the offline option"
        return "BENCH_OFFLINE" if os.environ.get("BENCH_OFFLINE", "0") not in ("", "0") else ""

    def give_up(self) -> NoReturn:
        """Raise the one error that tells all of it."""
        name, lines = self._card.name, "".join(f"\n  - {line}" for line in self._tried)
        connect = "allow the network" if self._offline else "check the network"
        raise DataError(
            f"{name} cannot be had. What was tried:{lines}\n"
            f"What helps: {connect}; or name a folder that holds {_choices(self._card)} "
            f"('bench data fetch {name} --folder DIR'); or run 'bench data fetch {name}' on a machine that is "
            "connected and set BENCH_DATA_HOME to a copy of its cache."
        )


def _read_archive(source: Source, where: Path, names: Sequence[str]) -> dict[str, bytes]:
    (ref,) = source.files
    members = {name: f"{source.folder}/{name}".lstrip("/") for name in names}
    with open_verified(where / ref.name, ref) as file:
        contents = read_members(file, str(where / ref.name), members.values())
    return {name: contents[member] for name, member in members.items()}


def _read_file(where: Path, ref: FileRef) -> bytes:
    with open_verified(where / ref.name, ref) as file:
        return file.read()


def _origin(source: Source) -> str:
    return f"{source.title} ({source.url or source.package})"


def _choices(card: Card) -> str:
    """What a folder may hold: "ml-100k.zip, or u.data + u.item + u.user"."""
    return ", or ".join(" + ".join(ref.name for ref in source.files) for source in card.sources)
