"""What a person sees while a run goes on: on stderr, and only on a terminal."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from bench.records import RunRecord
    from bench.running.plan import Job


def stderr_console() -> Console:
    """Where progress goes."""
    return Console(stderr=True)


class RunDisplay:
    """A bar for the whole run, a line for each job under way, and a line for each finished one."""

    def __init__(self, title: str, n_jobs: int, n_done: int) -> None:
        self._console = stderr_console()
        self._progress = Progress(
            TextColumn("{task.description}", table_column=None),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[note]}"),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._total = self._progress.add_task(f"[bold]{title}", total=n_jobs, completed=n_done, note="")
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def started(self, job: Job) -> None:
        self._tasks[job.key] = self._progress.add_task(f"  {job.task} · {job.row}", total=None, note="starting")

    def progress(self, job: Job, stage: str, done: int, total: int, note: str) -> None:
        text = f"{stage} {note}".strip()
        self._progress.update(self._tasks[job.key], completed=done, total=total or None, note=text)

    def finished(self, job: Job, record: RunRecord) -> None:
        self._progress.remove_task(self._tasks.pop(job.key))
        self._progress.advance(self._total)
        if self._console.is_terminal:
            self._progress.console.print(describe(record), highlight=False)


def describe(record: RunRecord) -> str:
    """One line of how a job ended."""
    value = record.metrics.get(record.primary_metric)
    score = f"{record.primary_metric} {value.value:.4f}" if value and value.value is not None else record.reason
    mark = "[green]✓[/]" if record.status == "ok" else f"[red]✗ {record.status}[/]"
    return f"{mark} {record.task} · {record.row}: {score} [dim]({record.timings.total_seconds:.1f} s)[/]"
