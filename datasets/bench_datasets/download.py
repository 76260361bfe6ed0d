"""Downloading one file over HTTP: a time limit, a size limit, another try where one may help."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

from bench_datasets.problems import SourceError, TransferError

_CHUNK = 2**16
_USER_AGENT = "recsys-bench"  # some servers turn urllib's own name away


@dataclass(frozen=True)
class Patience:
    """When to give up.

    attempts: in all; pause_seconds: before the second, doubled each time; stall_seconds: without a byte;
    floor_bytes_per_second: what a transfer must reach on the whole.
    """

    attempts: int = 3
    pause_seconds: float = 1.0
    stall_seconds: float = 15.0
    floor_bytes_per_second: int = 20_000

    def deadline_seconds(self, size_bytes: int) -> float:
        """How long one attempt at a file of this size may take."""
        return 4 * self.stall_seconds + size_bytes / self.floor_bytes_per_second


PATIENT = Patience()


@dataclass(frozen=True)
class Download:
    """One file to fetch. size_bytes: as expected; progress: hears the bytes done."""

    url: str
    size_bytes: int
    progress: Callable[[int], None]
    patience: Patience = PATIENT

    def into(self, target: IO[bytes]) -> None:
        """Write what the URL serves to `target`.

        A complete file of another size is written too, up to twice the size and 1 MiB, so that its checksum
        can be told. Raises SourceError if the server cannot be reached or says no, TransferError if every
        attempt broke off.
        """
        for attempt in range(1, self.patience.attempts + 1):
            target.seek(0)
            target.truncate()
            try:
                with self._open() as response:
                    self._copy(response, target)
                return
            except TransferError as error:
                if attempt == self.patience.attempts:
                    raise TransferError(f"{error} (attempt {attempt} of {attempt})") from None
                time.sleep(self.patience.pause_seconds * 2 ** (attempt - 1))

    def _open(self) -> http.client.HTTPResponse:
        request = urllib.request.Request(self.url, headers={"User-Agent": _USER_AGENT})
        try:
            response: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=self.patience.stall_seconds)
            return response
        except urllib.error.HTTPError as error:
            worth_retrying = error.code >= 500 or error.code == 429
            kind = TransferError if worth_retrying else SourceError
            raise kind(f"the server answered {error.code} {error.reason}") from None
        except urllib.error.URLError as error:
            raise SourceError(f"cannot connect: {error.reason}") from None
        except (OSError, http.client.HTTPException) as error:
            raise TransferError(
                f"the connection broke before an answer: {str(error) or type(error).__name__}"
            ) from None

    def _copy(self, response: http.client.HTTPResponse, target: IO[bytes]) -> None:
        promised = self.size_bytes if response.length is None else response.length
        most = 2 * self.size_bytes + 2**20
        give_up = time.monotonic() + self.patience.deadline_seconds(self.size_bytes)
        done = 0
        while chunk := _next_chunk(response, done, promised):
            done += len(chunk)
            if done > most:
                raise SourceError(f"the server sends more than the {self.size_bytes} bytes of the card; stopped")
            if time.monotonic() > give_up:
                raise TransferError(f"too slow: {done} of {promised} bytes when time was up")
            target.write(chunk)
            self.progress(done)
        if done < promised:
            raise TransferError(f"the connection broke after {done} of {promised} bytes")


def _next_chunk(response: http.client.HTTPResponse, done: int, promised: int) -> bytes:
    try:
        return response.read1(_CHUNK)
    except (OSError, http.client.HTTPException) as error:
        raise TransferError(
            f"the connection broke after {done} of {promised} bytes: {str(error) or type(error).__name__}"
        ) from None
