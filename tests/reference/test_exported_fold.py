"""What an outsider sees: an exported fold, a run's `topk.parquet`, and an independent library's metrics of both."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyarrow import parquet
from typer.testing import CliRunner

from bench.cli import app
from bench.metrics import Evidence, Metric, parse_metrics
from bench.plugins import load_registries
from bench.suite import load_suite

ir_measures = pytest.importorskip("ir_measures")

MEASURES = {
    "precision@10": "P@10",
    "recall@10": "R@10",
    "ndcg@10": "nDCG@10",
    "map@10": "AP@10",
    "mrr@10": "RR@10",
    "hit@10": "Success@10",
}
SUITE = load_suite("smoke", load_registries())


def bench(*arguments: object) -> str:
    """Stdout of a command that must succeed."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of the whole smoke suite."""
    folder = tmp_path_factory.mktemp("reference") / "runs"
    code = "from bench.cli import main; main()"
    command = [sys.executable, "-c", code, "run", "--suite", "smoke", "--out", str(folder)]
    subprocess.run(command, check=True, timeout=600)
    return folder


@pytest.fixture(scope="module")
def rows(out: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """The leaderboard's rows by (task, algorithm)."""
    listed = json.loads(bench("leaderboard", "--out", out, "--format", "json"))
    return {(row["task"], row["algorithm"]): row for row in listed}


@pytest.fixture(scope="module", params=SUITE.tasks)
def fold(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The exported fold of a task; its folder is named like the task."""
    task: str = request.param
    folder = tmp_path_factory.mktemp("folds") / task
    bench("export-fold", "--suite", "smoke", "--task", task, "--to", folder)
    return folder


def pairs(path: Path) -> set[tuple[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return {(row["user"], row["item"]) for row in csv.DictReader(file)}


@pytest.mark.parametrize("algorithm", SUITE.algorithms)
def test_per_user_values_agree_with_ir_measures(
    rows: dict[tuple[str, str], dict[str, Any]], fold: Path, algorithm: str
) -> None:
    record = Path(rows[fold.name, algorithm]["record"])
    relevant = [ir_measures.Qrel(user, item, 1) for user, item in pairs(fold / "test.csv")]
    lists = parquet.read_table(record / "topk.parquet").to_pylist()
    documents = [ir_measures.ScoredDoc(row["user"], row["item"], -float(row["rank"])) for row in lists]
    stored = parquet.read_table(record / "per_user.parquet").to_pydict()
    position = {user: index for index, user in enumerate(stored["user"])}
    assert position.keys() == {one.query_id for one in relevant}
    for label, name in MEASURES.items():
        theirs = np.full(len(position), np.nan)
        for one in ir_measures.parse_measure(name).iter_calc(relevant, documents):
            theirs[position[one.query_id]] = one.value
        np.testing.assert_allclose(stored[label], theirs, rtol=0, atol=1e-9, err_msg=label)
        assert abs(rows[fold.name, algorithm]["metrics"][label] - theirs.mean()) < 1e-9


def is_in_lists(metric: Metric) -> bool:
    """Whether it can be computed from lists that are cut off, without the item features."""
    return not metric.needs & {Evidence.RANKS, Evidence.ITEM_FEATURES}


@pytest.mark.parametrize("algorithm", SUITE.algorithms)
def test_bench_evaluate_gives_the_values_of_the_record(
    rows: dict[tuple[str, str], dict[str, Any]], fold: Path, algorithm: str
) -> None:
    row = rows[fold.name, algorithm]
    files = ["--recommendations", Path(row["record"]) / "topk.parquet", "--truth", fold / "test.csv"]
    known = ["--train", fold / "train.csv", "--train", fold / "validation.csv"]
    n_items = json.loads((fold / "fold.json").read_text())["n_items"]
    metrics = [metric for metric in parse_metrics(row["metrics"], load_registries().metrics) if is_in_lists(metric)]
    assert len(metrics) >= 8
    chosen = ["--metrics", ",".join(metric.label for metric in metrics)]
    found = json.loads(bench("evaluate", *files, *known, "--n-items", n_items, *chosen, "--json"))
    expected = {metric.label: row["metrics"][metric.label] for metric in metrics}
    assert found["metrics"] == pytest.approx(expected, rel=0, abs=1e-12)
    assert not [note for note in found["notes"] if "training data" in note]


@pytest.mark.parametrize("algorithm", SUITE.algorithms)
def test_nothing_recommended_is_known_of_the_user(
    rows: dict[tuple[str, str], dict[str, Any]], fold: Path, algorithm: str
) -> None:
    table = parquet.read_table(Path(rows[fold.name, algorithm]["record"]) / "topk.parquet").to_pydict()
    recommended = set(zip(table["user"], table["item"], strict=True))
    assert not recommended & (pairs(fold / "train.csv") | pairs(fold / "validation.csv"))
