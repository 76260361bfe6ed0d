"""A part of benchmarks/reference that is quick: the official splits, and a row of Surprise's table."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from bench.dataset_source import Acquire
from bench.errors import DataError
from bench.plugins import load_registries
from bench.store import Store

pytestmark = pytest.mark.network
REFERENCE = Path(__file__).parents[2] / "benchmarks" / "reference"
BENCH = Path(sysconfig.get_path("scripts"), "bench")
PUBLISHED = tomllib.loads((REFERENCE / "published.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the suites lie, and may have their data."""
    try:
        load_registries().datasets.get("movielens-100k").load(Acquire())
    except DataError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("reference")
    for suite in REFERENCE.glob("*.toml"):
        shutil.copy(suite, folder)
    return folder


def make(script: str, target: Path) -> None:
    subprocess.run([sys.executable, str(REFERENCE / script), str(target)], check=True, timeout=300)


def run(folder: Path, suite: str, *rows: str) -> list[dict[str, Any]]:
    """The leaderboard's rows."""
    only = [option for row in rows for option in ("--only", row)]
    command = [str(BENCH), "run", "--suite", f"{suite}.toml", "--out", f"runs-{suite}", "--json", *only]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    listed: list[dict[str, Any]] = json.loads(done.stdout)
    return listed


def test_the_official_splits_are_grouplens_own_and_run_without_a_leak(folder: Path) -> None:
    make("official_splits.py", folder / "splits")
    found = json.loads((folder / "splits" / "md5.json").read_text(encoding="utf-8"))
    assert {name: found[name] for name in PUBLISHED["grouplens"]["md5"]} == PUBLISHED["grouplens"]["md5"]
    run(folder, "official", "popularity")
    records = [stored.record for stored in Store(folder / "runs-official").all()]
    assert sorted((record.task, record.fold.index) for record in records) == [
        *(("u1-u5", index) for index in range(5)),
        ("ua", 0),
        ("ub", 0),
    ]
    assert all(record.fold.audit for record in records)
    assert not [finding for record in records for finding in record.fold.audit if finding.severity == "leak"]


def test_ratings_come_out_as_surprise_published_them(folder: Path) -> None:
    make("surprise_folds.py", folder / "surprise")
    theirs = ["svd"] if find_spec("surprise") else []  # its digits depend on the order of the rows and on the seed
    rows = run(folder, "surprise", "bias", *theirs)
    ours = {row["algorithm"]: {label: round(value, 3) for label, value in row["metrics"].items()} for row in rows}
    assert ours == {row: PUBLISHED["surprise"]["rows"][row] for row in ("bias", *theirs)}
