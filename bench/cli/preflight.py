"""The checks before a suite spends time, in a terminal."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.running.folds import PreparedFold
    from bench.running.plan import Request
    from bench.running.preflight import Check
    from bench.running.process import Limits
    from bench.running.session import Session
    from bench.store import Store
    from bench.suite import Suite

MARKS = {"ok": "[green]✓[/]", "warning": "[yellow]![/]", "problem": "[red]✗[/]", "audit": "·"}


def check_before(
    suite: Suite, folds: Mapping[str, Sequence[PreparedFold]], session: Session, store: Store, limits: Limits
) -> list[Check]:
    """The preflight of what is left to run; nothing is checked where nothing is left."""
    from bench.plugins import load_registries
    from bench.running.preflight import preflight

    if not session.missing:
        return []
    earlier = list(store.all())
    return preflight(suite, folds, session.missing, load_registries(), earlier, store.root, limits.n_jobs)


def print_checks(
    suite: Suite,
    request: Request,
    limits: Limits,
    rerun: bool,
    data_dir: Path | None,
    skip_bad_rows: bool,
    out: Path,
) -> None:
    """`bench run --dry-run`: every check and what the leak audit says. Raises UsageError if one is a problem."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from bench.cli.folds import folds_of
    from bench.plugins import load_registries
    from bench.running.preflight import require_no_problem
    from bench.running.session import prepare
    from bench.store import Store

    registries, store = load_registries(), Store(out)
    with tempfile.TemporaryDirectory() as work:
        folds = folds_of(suite, registries, data_dir, skip_bad_rows)
        session = prepare(suite, folds, registries, store, Path(work), request, rerun)
        checks = check_before(suite, folds, session, store, limits)
    table = Table.grid(padding=(0, 1, 0, 0))
    for mark, what, text in _lines(folds, checks):
        table.add_row(MARKS[mark], Text(what, style="bold"), Text(text))
    console = Console(highlight=False)
    console.print(table)
    if not checks:
        console.print("every job is finished already; nothing is left to run.")
    require_no_problem(checks)


def _lines(folds: Mapping[str, Sequence[PreparedFold]], checks: Sequence[Check]) -> Iterator[tuple[str, str, str]]:
    """Task by task: its checks, then the audit of its folds; at last the checks of the whole run."""
    from bench.protocol.audit import folds_in_words

    for task, prepared in folds.items():
        yield from ((check.state, task, check.text) for check in checks if check.what == task)
        lines = folds_in_words([one.ref.audit for one in prepared])
        yield from (("audit", task, line.removeprefix("audit: ")) for line in lines)
    yield from ((check.state, check.what, check.text) for check in checks if check.what not in folds)
