"""Rating prediction through the installed command: every predictor, and its numbers from its own predictions."""

from __future__ import annotations

import json
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bench.dataset_source import Acquire
from bench.plugins import load_registries
from bench.suite import load_suite

BENCH = Path(sysconfig.get_path("scripts"), "bench")
SUITE = load_suite("smoke-ratings", load_registries())
Board = list[dict[str, Any]]


def run(out: Path) -> Board:
    command = [str(BENCH), "run", "--suite", "smoke-ratings", "--out", str(out), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    board: Board = json.loads(done.stdout)
    return board


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Board:
    return run(tmp_path_factory.mktemp("ratings") / "runs")


@pytest.fixture(scope="module")
def results(board: Board) -> dict[str, list[Path]]:
    """The folders of every row that ran, one a fold. Only Surprise may be missing."""
    assert {row["algorithm"] for row in board} == set(SUITE.algorithms)
    for row in board:
        absent = row["algorithm"] == "surprise-svd" and 'pip install "recsys-bench[surprise]"' in row["reason"]
        assert row["status"] == ("unmet need" if absent else "ok")
    return {row["algorithm"]: [Path(one) for one in row["records"]] for row in board if row["status"] == "ok"}


def predictions(folder: Path) -> pd.DataFrame:
    return pd.read_parquet(folder / "predictions.parquet")


def test_each_rating_of_the_data_is_predicted_once_by_everybody(results: dict[str, list[Path]]) -> None:
    data = load_registries().datasets.get("smoke").load(Acquire()).interactions
    expected = pd.DataFrame(
        {"user": data.user_ids[data.user], "item": data.item_ids[data.item], "rating": data.rating.astype(float)}
    ).drop_duplicates(["user", "item"])
    for folders in results.values():
        found = pd.concat([predictions(folder) for folder in folders])
        keys = set(zip(found.user, found.item, strict=True))
        assert len(keys) == len(found)
        assert keys <= set(zip(expected.user, expected.item, strict=True))
        assert len(keys) > 0.7 * len(expected)


def test_the_numbers_follow_from_the_predictions(board: Board, results: dict[str, list[Path]]) -> None:
    for row in board:
        if row["algorithm"] not in results:
            continue
        by_fold = []
        for folder in results[row["algorithm"]]:
            found = predictions(folder)
            errors = found.prediction - found.rating
            by_user = (errors**2).groupby(found.user).mean()
            mean_absolute = errors.abs().groupby(found.user).mean().mean()
            by_fold.append((np.sqrt((errors**2).mean()), errors.abs().mean(), np.sqrt(by_user).mean(), mean_absolute))
        expected = dict(zip(("rmse", "mae", "rmse_user", "mae_user"), np.mean(by_fold, axis=0), strict=True))
        assert row["metrics"] == pytest.approx(expected, abs=1e-9)
