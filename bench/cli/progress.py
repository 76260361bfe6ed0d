"""What a person sees while a run goes on: on stderr, and only on a terminal."""

from __future__ import annotations

import signal
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from bench.records import RunRecord
    from bench.running.plan import Job


def interrupt_on_sigterm() -> None:
    """SIGTERM ends a run like Ctrl-C does: children ended, finished jobs kept."""

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)


class Display:
    """Bars on stderr while the body runs; silent where stderr is not a terminal."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}", style="dim", markup=False),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Take the bars away."""
        self._progress.stop()

    def say(self, line: str) -> None:
        """A line that stays, above the bars."""
        if not self._progress.disable:
            self._progress.console.print(line, highlight=False)


class RunDisplay(Display):
    """A bar for the whole run, a line for each job under way, and a line that stays for each finished one."""

    def __init__(self, title: str, n_jobs: int, n_done: int) -> None:
        super().__init__()
        self._total = self._progress.add_task(title, total=n_jobs, completed=n_done, note="")
        self._tasks: dict[str, TaskID] = {}

    def started(self, job: Job) -> None:
        self._tasks[job.key] = self._progress.add_task(f"  {job.task} · {job.row}", total=None, note="starting")

    def progress(self, job: Job, stage: str, done: int, total: int, note: str) -> None:
        text = f"{stage} {note}".strip()
        self._progress.update(self._tasks[job.key], completed=done, total=total or None, note=text)

    def finished(self, job: Job, record: RunRecord) -> None:
        self._progress.remove_task(self._tasks.pop(job.key))
        self._progress.advance(self._total)
        self.say(describe(record))


class TuneDisplay(Display):
    """A bar of trials with the best value so far."""

    def __init__(self, title: str, n_trials: int) -> None:
        super().__init__()
        self._task = self._progress.add_task(title, total=n_trials, note="")

    def trial_done(self, finished: int, n_trials: int, value: float | None, best: float | None) -> None:
        """Hears of each finished trial."""
        note = "" if best is None else f"best {best:.4f}"
        self._progress.update(self._task, completed=finished, note=note)
        self.say(f"trial {finished} of {n_trials}: {'pruned or failed' if value is None else format(value, '.4f')}")


def describe(record: RunRecord) -> str:
    """One line of how a job ended."""
    value = record.metrics.get(record.primary_metric)
    score = f"{record.primary_metric} {value.value:.4f}" if value and value.value is not None else escape(record.reason)
    mark = "[green]✓[/]" if record.status == "ok" else f"[red]✗ {record.status}[/]"
    return f"{mark} {record.task} · {record.row}: {score} [dim]({record.timings.total_seconds:.1f} s)[/]"
