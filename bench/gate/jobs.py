"""Running what is missing of a suite, on behalf of the gate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from bench.dataset_source import Acquire
from bench.invocation import this_command
from bench.plugins import Registries
from bench.records import RunRecord
from bench.running.folds import PreparedFold, build_folds
from bench.running.local import Listener
from bench.running.lock import exclusive, work_folder
from bench.running.plan import Job, Request
from bench.running.process import Limits
from bench.running.session import Session, prepare
from bench.running.settings import Settings
from bench.running.worker import now
from bench.store import Store, Stored
from bench.suite import Suite

FoldsOf = Callable[[Suite, Registries], dict[str, list[PreparedFold]]]
Display = Callable[[Session], AbstractContextManager[Listener]]


class Quiet:
    """Hears of jobs and says nothing."""

    def started(self, job: Job) -> None:
        """Nothing."""

    def progress(self, job: Job, stage: str, done: int, total: int, note: str) -> None:
        """Nothing."""

    def finished(self, job: Job, record: RunRecord) -> None:
        """Nothing."""


@dataclass(frozen=True)
class Running:
    """How what is missing is run. display: hears of the jobs of a session."""

    out: Path = Path("bench-runs")
    limits: Limits = field(default_factory=Limits)
    settings: Settings = field(default_factory=Settings)
    folds_of: FoldsOf = lambda suite, registries: build_folds(suite, registries, Acquire())
    display: Display = lambda session: nullcontext(Quiet())
    command: str = field(default_factory=this_command)


def results_of(
    suite: Suite,
    folds: Mapping[str, Sequence[PreparedFold]],
    registries: Registries,
    request: Request,
    running: Running,
    wanted: Callable[[Job], bool],
) -> list[Stored]:
    """The results of the wanted jobs, in the order of the plan. Finished ones are kept, missing ones are run."""
    store = Store(running.out)
    with exclusive(running.out, request.command, now()), work_folder(running.out) as work:
        store.sweep()
        planned = prepare(suite, folds, registries, store, work, request, rerun=False)
        session = Session([job for job in planned.jobs if wanted(job)], planned.done)
        results = {job.key: planned.done[job.key] for job in session.jobs if job.key in planned.done}
        with running.display(session) as listener:
            for stored in session.execute(store, work, running.limits, listener):
                results[stored.record.key] = stored
    return [results[job.key] for job in session.jobs]
