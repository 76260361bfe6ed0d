"""Options that several commands share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

DEFAULT_OUT = Path("bench-runs")

Out = Annotated[Path, typer.Option("--out", help="Folder of the results.", envvar="BENCH_OUT")]
SuiteName = Annotated[str, typer.Option("--suite", help="A suite's name (bench list suites) or a .toml file.")]
TrackingUri = Annotated[
    str | None,
    typer.Option(
        "--tracking-uri", help="MLflow store. [default: sqlite in the results folder]", envvar="MLFLOW_TRACKING_URI"
    ),
]
DataDir = Annotated[Path | None, typer.Option("--data-dir", help="A folder that already holds the data set's files.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON to stdout.")]
Jobs = Annotated[int | None, typer.Option("--jobs", min=1, help="Jobs at a time. [default: cores / threads]")]
Threads = Annotated[int, typer.Option("--threads", min=1, help="Threads of one job; more may change the last bits.")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda, cuda:1, …")]
Precision = Annotated[str, typer.Option("--precision", help="Of the neural algorithms, as in Lightning: 32-true, …")]


def default_jobs(threads: int) -> int:
    """As many jobs as there are cores for."""
    return max(1, (os.cpu_count() or 1) // threads)
