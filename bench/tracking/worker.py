"""The process that talks to MLflow: `python -m bench.tracking.worker PARENT`.

Reads one JSON command a line from stdin ({"do": "open" | "mirror" | "finish" | "abandon", …}) and answers each
with one line: {"ok": true, …}, or {"ok": false, "down": …, "message": …} where `down` says that the store, not
the record, is to blame. {"alive": true} in between means that a slow command goes on. It ends with its parent.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from bench.errors import BenchError
from bench.tracking.places import Place

if TYPE_CHECKING:
    from bench.tracking.sink import Sink

Reply = dict[str, Any]
WATCH_SECONDS = 0.5
NICENESS = 5
MAX_MESSAGE = 300


class Worker:
    """Carries out commands, one at a time."""

    def __init__(self, say: Callable[[Reply], None]) -> None:
        self._say = say
        self._place: Place | None = None
        self._sink: Sink | None = None

    def answer(self, command: dict[str, Any]) -> Reply:
        """Carry out one command; a failure is an answer too."""
        try:
            return {"ok": True, **self._do(command)}
        except Exception as error:  # whatever MLflow, a database or a network raises
            message = _message(error)
            if self._place is not None:
                message = self._place.without_password(message)
            return {"ok": False, "down": _is_down(error), "message": message}

    def _do(self, command: dict[str, Any]) -> Reply:
        if command["do"] == "open":
            self._open(command)
            return {}
        assert self._sink is not None, "the store is opened first"
        if command["do"] == "mirror":
            return {"outcome": self._sink.mirror(Path(command["path"]))}
        if command["do"] == "finish":
            return {"closed": self._sink.finish(command["notes"])}
        self._sink.abandon()
        return {}

    def _open(self, command: dict[str, Any]) -> None:
        self._place = Place(Path(command["root"]), command["uri"])
        from bench.tracking.opening import open_client
        from bench.tracking.sink import Invocation, Sink

        self._say({"alive": True})
        client = open_client(self._place, lambda: self._say({"alive": True}))
        self._sink = Sink(client, self._place, Invocation(command["command"], command["started_ms"]))


def _is_down(error: Exception) -> bool:
    """Whether a later try may succeed: a server or a database that doesn't work, a full disk."""
    if isinstance(error, BenchError | ValueError | TypeError | LookupError | AttributeError | ImportError):
        return False
    from mlflow.exceptions import MlflowException

    if isinstance(error, MlflowException):
        return bool(error.get_http_status_code() >= 500)  # type: ignore[no-untyped-call]
    return True


def _message(error: BaseException) -> str:
    """One line; of a long chain of wrapped errors the innermost, which says what happened."""
    if isinstance(error, BenchError):
        return str(error)
    inner = error
    while (below := inner.__cause__ or inner.__context__) is not None:
        inner = below
    text = " ".join(str(inner).split()) or " ".join(str(error).split())
    return (text or type(inner).__name__)[:MAX_MESSAGE]


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(WATCH_SECONDS)
    os._exit(1)


def _private_stdout() -> IO[str]:
    """The stdout that answers go to. What MLflow prints goes to stderr instead."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


def main() -> None:
    """Answer commands until stdin ends."""
    os.nice(NICENESS)  # jobs are being timed
    threading.Thread(target=_end_with_parent, args=[int(sys.argv[1])], daemon=True).start()
    answers = _private_stdout()

    def say(reply: Reply) -> None:
        print(json.dumps(reply), file=answers, flush=True)

    worker = Worker(say)
    for line in sys.stdin:
        say(worker.answer(json.loads(line)))


if __name__ == "__main__":
    main()
