"""`bench slices`: for whom is it good? A metric by groups of users and items."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli import options

if TYPE_CHECKING:
    from rich.console import Console

    from bench_reports.slices import SliceTable

Suite = Annotated[str | None, typer.Option("--suite", help="Of this suite, such as movielens or movielens-v2.")]
Tasks = Annotated[list[str] | None, typer.Option("--task", help="On this task alone; repeatable.", show_default="all")]
Metric = Annotated[
    str | None, typer.Option("--metric", help="Such as ndcg@10.", show_default="the suite's primary metric")
]
Families = Annotated[
    list[str] | None, typer.Option("--by", help="Such as user-activity or user:gender; repeatable.", show_default="all")
]


def command(
    suite: Suite = None,
    task: Tasks = None,
    metric: Metric = None,
    by: Families = None,
    out: options.Out = options.DEFAULT_OUT,
    as_json: options.Json = False,
) -> None:
    """Show a metric by groups: active and inactive users, popular and rare items, any user feature of the suite.

    The gap is the greatest value of a line minus the least.
    """
    from rich.console import Console

    from bench.cli.leaderboard import stored_runs
    from bench_reports.slices import json_tables, slice_tables

    tables = slice_tables(stored_runs(out, suite, task or []), metric, by or [])
    if as_json:
        print(json.dumps(json_tables(tables), indent=2, ensure_ascii=False, allow_nan=False))
        return
    console = Console(highlight=False)
    for table in tables:
        _print(table, console)


def _print(table: SliceTable, console: Console) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from bench_reports.rendering import number

    drawn = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    drawn.add_column("algorithm", overflow="fold")
    for name, n_users in zip(table.groups, table.n_users, strict=True):
        drawn.add_column(f"{name}\n{n_users} users", justify="right")
    drawn.add_column("gap", justify="right")
    for row in table.rows:
        drawn.add_row(row.algorithm, *map(number, row.values), number(row.gap))
    console.print(f"[bold]{table.suite} · {table.task} · {table.metric} by {table.family}[/]")
    console.print(drawn)
    console.print()
