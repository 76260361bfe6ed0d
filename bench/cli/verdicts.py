"""A check in a terminal: a table of verdicts, why what is not a pass is none, and the summary last."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bench.gate.verdict import Report, Verdict
from bench.policy import Outcome
from bench_reports.gate import HEADERS, cells, meaning, reasons, shown, title

COLOURS = {Outcome.PASS: "green", Outcome.INCONCLUSIVE: "yellow", Outcome.NO_VERDICT: "yellow"}
MIN_WIDTH = 120
"""Characters of a line: numbers are never cut, so a narrower terminal wraps them."""


def print_report(report: Report, console: Console) -> None:
    """Print all of a check."""
    console.width = max(console.width, MIN_WIDTH)
    console.print(Text(title(report), style="bold"))
    if listed := shown(report):
        console.print(_table(listed))
        console.print(Padding(Text(meaning(report), style="dim"), (0, 0, 0, 2)))
    for reason in reasons(report):
        console.print(Padding(Text(reason), (0, 0, 0, 2)))
    console.print(Text(report.summary(), style="bold green" if report.exit_code == 0 else "bold red"))


def _table(verdicts: list[Verdict]) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for at, header in enumerate(HEADERS):
        table.add_column(header, justify="left" if at < 4 else "right", no_wrap=at != 2, overflow="fold")
    for one in verdicts:
        first, *others = cells(one)
        table.add_row(Text(first, style=COLOURS.get(one.verdict, "red")), *map(Text, others))
    return table
