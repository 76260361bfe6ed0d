"""`bench evaluate`: the harness's metrics for ranked lists made elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli import options

if TYPE_CHECKING:
    from bench.metrics.base import Metric
    from bench.records import MetricValue

DEFAULT_CUTOFF = 10

Recommendations = Annotated[
    Path, typer.Option("--recommendations", help="CSV or Parquet: user, item, and rank (from 1) or score.")
]
Truth = Annotated[Path, typer.Option("--truth", help="CSV or Parquet: user, item; what should have been found.")]
Train = Annotated[
    list[Path] | None,
    typer.Option("--train", help="CSV or Parquet: user, item; extends the catalogue, finds items seen; repeatable."),
]
Metrics = Annotated[
    str | None, typer.Option("--metrics", help="Such as ndcg@10,recall@20. [default: every metric @10]")
]
CatalogueSize = Annotated[
    int | None, typer.Option("--n-items", min=1, help="Size of the catalogue. [default: the items of all files]")
]


def command(
    recommendations: Recommendations,
    truth: Truth,
    train: Train = None,
    metrics: Metrics = None,
    n_items: CatalogueSize = None,
    as_json: options.Json = False,
) -> None:
    """Compute the metrics of ranked lists that another tool made, by the code that judges the harness's own."""
    from bench.evaluation import evaluate
    from bench.judging import judge
    from bench.lists import read_pairs, read_ranked

    chosen = select_metrics(metrics)
    outside = judge(
        read_ranked(recommendations),
        read_pairs(truth),
        [read_pairs(path) for path in train or []],
        max(metric.k for metric in chosen),
        n_items,
    )
    values, _ = evaluate(chosen, outside.judged)
    if as_json:
        print(_as_json(values, outside.judged.truth.n_items, outside.notes))
    else:
        _print_table(values, outside.notes)


def select_metrics(labels: str | None) -> list[Metric]:
    """The metrics of a comma-separated list, or every registered one at the default cut-off.

    Raises UsageError on an empty list or a bad label, UnknownNameError on a bad name.
    """
    from bench.errors import UsageError
    from bench.metrics.selection import parse_metrics
    from bench.plugins import load_registries

    registry = load_registries().metrics
    if labels is None:
        return [registry.get(name)(DEFAULT_CUTOFF) for name in registry]
    given = [label.strip() for label in labels.split(",") if label.strip()]
    if not given:
        raise UsageError(f"--metrics must name a metric, such as 'ndcg@10'. Got '{labels}'.")
    return parse_metrics(dict.fromkeys(given), registry)


def _as_json(values: dict[str, MetricValue], n_items: int, notes: list[str]) -> str:
    content = {
        "metrics": {label: value.value for label, value in values.items()},
        "n_users": {label: value.n_users for label, value in values.items()},
        "n_undefined": {label: value.n_undefined for label, value in values.items()},
        "versions": {label: value.version for label, value in values.items()},
        "n_items": n_items,
        "notes": notes,
    }
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)


def _print_table(values: dict[str, MetricValue], notes: list[str]) -> None:
    from rich.console import Console
    from rich.table import Table

    from bench_reports.rendering import number

    table = Table(box=None, pad_edge=False)
    table.add_column("metric")
    table.add_column("value", justify="right")
    table.add_column("users", justify="right")
    for label, value in values.items():
        table.add_row(label, number(value.value), str(value.n_users))
    console = Console(highlight=False)
    console.print(table)
    for note in notes:
        console.print(f"  {note}", style="dim", markup=False)
