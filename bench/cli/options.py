"""Options that several commands share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from bench.errors import UsageError

DEFAULT_OUT = Path("bench-runs")

Out = Annotated[Path, typer.Option("--out", help="Folder of the results.", envvar="BENCH_OUT")]
SuiteName = Annotated[str, typer.Option("--suite", help="A suite's name (bench list suites) or a .toml file.")]
TrackingUri = Annotated[
    str | None,
    typer.Option(
        "--tracking-uri",
        help="MLflow store.",
        show_default="sqlite in the results folder",
        envvar="MLFLOW_TRACKING_URI",
    ),
]
DataDir = Annotated[Path | None, typer.Option("--data-dir", help="A folder that already holds the data set's files.")]
SkipBadRows = Annotated[
    bool, typer.Option("--skip-bad-rows", help="Leave out rows of your own files that cannot be read, and count them.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON to stdout.")]
Jobs = Annotated[int | None, typer.Option("--jobs", min=1, help="Jobs at a time.", show_default="cores / threads")]
Threads = Annotated[int, typer.Option("--threads", min=1, help="Threads of one job; more may change the last bits.")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda, cuda:1, …")]
Precision = Annotated[str, typer.Option("--precision", help="Of the neural algorithms, as in Lightning: 32-true, …")]
TimeLimit = Annotated[float | None, typer.Option("--time-limit", min=0.001, help="Seconds one job may take.")]
MemoryLimit = Annotated[str | None, typer.Option("--memory-limit", help="Memory one job may use, such as 8GiB.")]


def folder_to_name(out: Path) -> Path | None:
    """The folder of results as another command must be told; None where it looks there by itself."""
    return None if out == Path(os.environ.get("BENCH_OUT", DEFAULT_OUT)) else out


def default_jobs(threads: int) -> int:
    """As many jobs as there are cores for."""
    return max(1, (os.cpu_count() or 1) // threads)


def parse_bytes(text: str | None) -> int | None:
    """ "8GiB", "500 MB" or a number of bytes. Raises UsageError on anything else."""
    from pydantic import ByteSize, TypeAdapter, ValidationError

    try:
        size = None if text is None else int(TypeAdapter(ByteSize).validate_python(text))
    except ValidationError:
        size = 0
    if size is not None and size <= 0:
        raise UsageError(f"--memory-limit must be a positive size such as 8GiB or 500MB. Got '{text}'.")
    return size
