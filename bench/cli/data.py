"""`bench data`: which data sets there are, and getting and checking them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli import listing, options

if TYPE_CHECKING:
    from bench.dataset_source import Acquire, Progress
    from bench.interactions import Dataset

app = typer.Typer(no_args_is_help=True, help="List, fetch, describe and verify data sets.")
Name = Annotated[str, typer.Argument(help="A data set's name (bench data list).")]
Folder = Annotated[Path | None, typer.Option("--folder", help="A folder that already holds the data set's files.")]


@app.command("list")
def list_(as_json: options.Json = False) -> None:
    """Every data set that is installed."""
    listing.datasets(None, as_json)


@app.command()
def info(name: Name, as_json: options.Json = False) -> None:
    """A data set's card: what it is, its licence and citation, and where its bytes come from."""
    listing.datasets(name, as_json)


@app.command()
def fetch(name: Name, folder: Folder = None) -> None:
    """Get a data set into the local cache (BENCH_DATA_HOME), verified, and say which source served.

    Sources are tried in order: the cache, --folder, then the network.
    """
    from bench.dataset_source import Acquire

    with download_bars() as progress:
        dataset = _load(name, Acquire(folder=folder, progress=progress))
    _describe(dataset)


@app.command()
def verify(name: Name) -> None:
    """Check what the local cache holds against the card: every file's sha256, then the content."""
    from bench.dataset_source import Acquire

    dataset = _load(name, Acquire(offline=True))
    _describe(dataset)
    print("verified: as its card says" if dataset.card.fingerprint else "its card pins no fingerprint to compare with")


def _load(name: str, acquire: Acquire) -> Dataset:
    from bench.plugins import load_registries

    dataset: Dataset = load_registries().datasets.get(name).load(acquire)
    return dataset


def _describe(dataset: Dataset) -> None:
    data = dataset.interactions
    print(f"{dataset.card.name}, version {dataset.card.version}")
    print(f"source: {dataset.source}")
    print(f"content: {len(data):,} interactions of {data.n_users:,} users with {data.n_items:,} items")
    print(f"fingerprint: {dataset.fingerprint}")


@contextmanager
def download_bars() -> Iterator[Progress]:
    """A listener that shows a bar for each download, on stderr, and only on a terminal."""
    from bench.dataset_source import no_progress

    if not sys.stderr.isatty():
        yield no_progress
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TaskID, TextColumn, TransferSpeedColumn
    from rich.progress import Progress as Bars

    columns = TextColumn("{task.description}"), BarColumn(bar_width=20), DownloadColumn(), TransferSpeedColumn()
    tasks: dict[str, TaskID] = {}
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:

        def progress(what: str, done_bytes: int, total_bytes: int) -> None:
            if what not in tasks:
                for task in tasks.values():
                    bars.update(task, visible=False)  # that source did not serve, or is done
                tasks[what] = bars.add_task(what, total=total_bytes)
            bars.update(tasks[what], completed=done_bytes)

        yield progress
