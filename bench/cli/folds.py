"""A suite's folds, with a bar while its data is downloaded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.plugins import Registries
    from bench.running.folds import PreparedFold
    from bench.suite import Suite


def folds_of(
    suite: Suite, registries: Registries, data_dir: Path | None, skip_bad_rows: bool = False
) -> dict[str, list[PreparedFold]]:
    """The folds of every task, by the task's name. data_dir: a folder that already holds the data set's files."""
    from bench.cli.data import download_bars
    from bench.dataset_source import Acquire
    from bench.errors import UsageError
    from bench.running.folds import build_folds

    if data_dir is not None and not data_dir.is_dir():
        raise UsageError(f"--data-dir must be a folder. Got '{data_dir}', which is none.")

    with download_bars() as progress:
        acquire = Acquire(folder=data_dir, progress=progress, skip_bad_rows=skip_bad_rows)
        return build_folds(suite, registries, acquire)
