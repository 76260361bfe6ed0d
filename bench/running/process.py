"""One supervised child process: its messages, its limits, and how it ended."""

from __future__ import annotations

import multiprocessing as mp
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import connection
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any

import psutil

from bench.records import Status

POLL_SECONDS = 0.2
GRACE_SECONDS = 3.0
LOG_TAIL_CHARACTERS = 4000
PRELOAD_VARIABLE = "BENCH_PRELOAD"
"""Tells `bench.running.preload` what else to import."""
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Limits:
    """What one process may use."""

    n_jobs: int = 1
    """Processes at a time."""
    seconds: float | None = None
    memory_bytes: int | None = None


def start_server(imports: Iterable[str], threads: int) -> ForkServerContext:
    """The fork server with the heavy imports loaded, or loading; each process then starts in milliseconds.

    imports: modules to load beside those that every job needs. threads: of one job; libraries that a job loads
    later read them from the environment. A server that runs already stays as it is.
    """
    context = mp.get_context("forkserver")
    context.set_forkserver_preload(["bench.running.preload"])
    from multiprocessing import forkserver

    with _environment({PRELOAD_VARIABLE: ",".join(imports), **dict.fromkeys(THREAD_VARIABLES, str(threads))}):
        forkserver.ensure_running()
    return context


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@dataclass
class Child:
    """A process under way. target is called as target(*arguments, log, pipe) and sends tuples into its pipe."""

    process: ForkServerProcess
    pipe: connection.Connection
    log: Path
    limits: Limits
    deadline: float
    problem: tuple[Status, str] | None = None
    """Why we ended it, if we did."""
    complaints: list[tuple[Status, str]] = field(default_factory=list)
    """How the child itself says that it failed."""

    @classmethod
    def start(
        cls,
        context: ForkServerContext,
        target: Callable[..., None],
        arguments: Sequence[Any],
        log: Path,
        limits: Limits,
    ) -> Child:
        """Start the process; its output goes to `log`."""
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=target, args=(*arguments, log, sender))
        process.start()
        sender.close()
        return cls(process, receiver, log, limits, time.monotonic() + (limits.seconds or float("inf")))

    @property
    def alive(self) -> bool:
        return self.process.is_alive()

    def handles(self) -> list[Any]:
        """What `connection.wait` should watch."""
        return [self.process.sentinel] if self.pipe.closed else [self.process.sentinel, self.pipe]

    def messages(self) -> Iterator[tuple[Any, ...]]:
        """What the child has sent since the last call."""
        try:
            while not self.pipe.closed and self.pipe.poll():
                message = self.pipe.recv()
                if message[0] == "failed":
                    self.complaints.append((message[1], message[2]))
                yield message
        except (EOFError, OSError):  # the child is gone, perhaps in the middle of a message
            self.pipe.close()

    def enforce_limits(self) -> None:
        """End the process group if it took too long or too much memory."""
        seconds, memory = self.limits.seconds, self.limits.memory_bytes
        if self.problem is not None:
            return
        if time.monotonic() > self.deadline:
            self.problem = (Status.TIMEOUT, f"took longer than the limit of {seconds:g} seconds")
        elif memory is not None and self._memory_bytes() > memory:
            self.problem = (Status.OUT_OF_MEMORY, f"used more than the limit of {memory / 2**20:,.0f} MiB")
        if self.problem is not None:
            self.signal(signal.SIGKILL)

    def _memory_bytes(self) -> int:
        try:
            process = psutil.Process(self.process.pid)
            return sum(p.memory_info().rss for p in [process, *process.children(recursive=True)])
        except psutil.Error:
            return 0

    def signal(self, sign: signal.Signals) -> None:
        """Signal the whole process group."""
        pid = self.process.pid
        try:
            if pid is not None:
                os.killpg(pid, sign)
        except ProcessLookupError:  # it has not made its group yet, or the whole group is gone
            self.process.kill()

    def end(self, status: Status, reason: str, give_up: float) -> None:
        """Wait until the monotonic time `give_up` for a process that was asked to end, then kill it."""
        self.process.join(max(0.0, give_up - time.monotonic()))
        self.signal(signal.SIGKILL)
        self.problem = (status, reason)

    def close(self) -> None:
        """Collect the ended process, what it started and what it left."""
        self.signal(signal.SIGKILL)
        self.process.join()
        self.pipe.close()
        self.log.unlink(missing_ok=True)
        shutil.rmtree(self.log.with_suffix(""), ignore_errors=True)

    def death(self) -> tuple[Status, str, str]:
        """Status, reason and the end of the log of a process that ended without a result."""
        return *(self.problem or self._exit()), self._log_tail()

    def _log_tail(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        # faulthandler ends with a list of every loaded extension module, which says nothing
        kept = [line for line in lines if not line.startswith("Extension modules:")]
        return "\n".join(kept)[-LOG_TAIL_CHARACTERS:]

    def _exit(self) -> tuple[Status, str]:
        self.process.join()
        code = self.process.exitcode or 0
        if self.complaints:
            return self.complaints[-1]
        if code == -signal.SIGTERM:
            return Status.INTERRUPTED, "ended by SIGTERM"
        if code < 0:
            return Status.FAILED, f"the process died of {signal.Signals(-code).name}"
        return (Status.FAILED, f"the process ended with exit code {code} before it stored a result")


def wait_for(children: Sequence[Child]) -> None:
    """Return when a child has something to say or has ended, or after a short while."""
    connection.wait([handle for child in children for handle in child.handles()], POLL_SECONDS)


def end_all(children: Sequence[Child], reason: str) -> None:
    """Ask all to end, wait a little, kill the rest."""
    for child in children:
        child.signal(signal.SIGTERM)
    give_up = time.monotonic() + GRACE_SECONDS
    for child in children:
        child.end(Status.INTERRUPTED, reason, give_up)
