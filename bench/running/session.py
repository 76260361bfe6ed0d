"""One invocation: plan a suite's jobs, keep what is already stored, run the rest."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.plugins import Registries
from bench.records import Status
from bench.running.folds import PreparedFold
from bench.running.local import Listener, LocalExecutor
from bench.running.plan import Job, Request, plan
from bench.running.process import Limits
from bench.store import Store, Stored
from bench.suite import Suite


@dataclass(frozen=True)
class Session:
    """The jobs of an invocation and the results that exist already, by key."""

    jobs: list[Job]
    done: Mapping[str, Stored]

    @property
    def missing(self) -> list[Job]:
        """Jobs that still have to run."""
        return [job for job in self.jobs if job.key not in self.done]

    def execute(self, store: Store, work: Path, limits: Limits, listener: Listener) -> Generator[Stored]:
        """Run what is missing; yields each result as it is stored."""
        if self.missing:
            yield from LocalExecutor(store, work, limits, listener).run(self.missing)


def prepare(
    suite: Suite,
    folds: Mapping[str, Sequence[PreparedFold]],
    registries: Registries,
    store: Store,
    work: Path,
    request: Request,
    rerun: bool,
) -> Session:
    """Plan the suite's jobs. A finished job is kept, whatever its age, unless `rerun`; a failed one is not."""
    jobs = plan(suite, folds, registries, work, request)
    found = {} if rerun else {job.key: store.find(job.place) for job in jobs}
    return Session(jobs, {key: old for key, old in found.items() if old and old.record.status is Status.OK})
