"""The whole main job on the generated data set, for every algorithm, through the installed command."""

from __future__ import annotations

import json
import subprocess
import sysconfig
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import ir_measures
import pyarrow.parquet as pq
import pytest

from bench.algorithm import RatingPredictor
from bench.plugins import load_registries

BENCH = Path(sysconfig.get_path("scripts"), "bench")
TASKS = ("holdout", "next-item", "temporal")
Board = list[dict[str, Any]]


def bench(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([str(BENCH), *arguments], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == code, done.stderr
    return done


def run(out: Path, *options: str) -> Board:
    """The rows, but for those that lack the library of an extra and say how to install it."""
    board: Board = json.loads(bench("run", "--suite", "smoke", "--out", str(out), "--json", *options).stdout)
    return [row for row in board if 'pip install "recsys-bench[' not in row["reason"]]


@pytest.fixture(scope="session")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("first") / "runs"


@pytest.fixture(scope="session")
def board(out: Path) -> Board:
    return run(out)


def test_every_algorithm_has_a_row_on_every_task(board: Board) -> None:
    rows = {(row["task"], row["algorithm"]) for row in board if row["status"] == "ok"}
    algorithms = load_registries().algorithms
    installed = [name for name in algorithms if all(map(find_spec, algorithms.get(name).imports))]
    rankers = [name for name in installed if not issubclass(algorithms.get(name), RatingPredictor)]
    assert rows >= {(task, name) for task in TASKS for name in rankers}


def test_a_second_run_repeats_nothing_and_prints_the_same(board: Board, out: Path) -> None:
    stamps = {path: path.stat().st_mtime_ns for path in out.glob("smoke-v*/*/*/seed-*/record.json")}
    assert run(out) == board
    assert {path: path.stat().st_mtime_ns for path in out.glob("smoke-v*/*/*/seed-*/record.json")} == stamps


def test_the_same_seed_gives_the_same_bytes_for_every_algorithm(board: Board, tmp_path: Path) -> None:
    again = run(tmp_path / "runs")
    for first, second in zip(board, again, strict=True):
        assert first["metrics"] == second["metrics"], first["algorithm"]
        lists = [Path(row["record"], "topk.parquet").read_bytes() for row in (first, second)]
        assert lists[0] == lists[1], first["algorithm"]


@pytest.mark.parametrize("task", TASKS)
def test_an_independent_library_agrees_for_every_algorithm_and_user(board: Board, tmp_path: Path, task: str) -> None:
    bench("export-fold", "--suite", "smoke", "--task", task, "--to", str(tmp_path / "fold"))
    truth = [line.split(",") for line in (tmp_path / "fold" / "test.csv").read_text().splitlines()[1:]]
    qrels = [ir_measures.Qrel(user, item, 1) for user, item, *_ in truth]
    measures = {
        "ndcg@10": ir_measures.nDCG @ 10,
        "precision@10": ir_measures.P @ 10,
        "recall@10": ir_measures.R @ 10,
        "map@10": ir_measures.AP @ 10,
        "mrr@10": ir_measures.RR @ 10,
        "hit@10": ir_measures.Success @ 10,
    }
    rows = [row for row in board if row["task"] == task]
    assert len(rows) >= 12
    for row in rows:
        folder = Path(row["record"])
        topk = pq.read_table(folder / "topk.parquet").to_pylist()
        scored = [ir_measures.ScoredDoc(line["user"], line["item"], -float(line["rank"])) for line in topk]
        theirs = {
            (value.query_id, str(value.measure)): value.value
            for value in ir_measures.iter_calc(list(measures.values()), qrels, scored)
        }
        ours = pq.read_table(folder / "per_user.parquet").to_pylist()
        assert {user for user, *_ in truth} == {line["user"] for line in ours}
        for line in ours:
            for label, measure in measures.items():
                expected = theirs[line["user"], str(measure)]
                assert line[label] == pytest.approx(expected, abs=1e-9), (row["algorithm"], line["user"], label)
        items = {line["item"] for line in topk}
        n_items = json.loads((tmp_path / "fold" / "fold.json").read_text())["n_items"]
        assert row["metrics"]["coverage@10"] == pytest.approx(len(items) / n_items, abs=1e-12)


def test_a_killed_run_goes_on_and_ends_with_the_same_leaderboard(board: Board, tmp_path: Path) -> None:
    out = tmp_path / "runs"
    command = [str(BENCH), "run", "--suite", "smoke", "--out", str(out), "--json"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while len(list(out.glob("smoke-v*/*/*/seed-*/record.json"))) < 8:
        assert process.poll() is None
        time.sleep(0.05)
    process.kill()
    process.wait()
    before = {path: path.stat().st_mtime_ns for path in out.glob("smoke-v*/*/*/seed-*/record.json")}
    assert len(before) < len(board)
    comparable = [{key: row[key] for key in ("task", "algorithm", "rank", "status", "metrics")} for row in run(out)]
    assert comparable == [{key: row[key] for key in comparable[0]} for row in board]
    assert {path: path.stat().st_mtime_ns for path in before} == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "--suite", "smok"], "unknown suite 'smok'. Did you mean 'smoke'?"),
        (["run", "--suite", "smoke", "--only", "eas"], "Did you mean 'ease'?"),
        (["run", "--suite", "smoke", "--task", "holdot"], "Did you mean 'holdout'?"),
        (["run", "--suite", "smoke", "--set", "ease.l3=1"], "has no field 'l3'. Did you mean 'l2'?"),
        (["run", "--suite", "smoke", "--set", "ease.l2=-1"], "should be greater than 0. Got -1"),
        (["run", "--suite", "smoke", "--memory-limit", "lots"], "must be a positive size such as 8GiB or 500MB"),
        (["run", "--suite", "smoke", "--device", "cuda:99"], "must be one of those here: auto, cpu"),
        (["run", "--suite", "smoke", "--precision", "32"], "Known: 16-mixed, 16-true, 32-true"),
        (["run", "--suite"], "requires an argument"),
        (["rnu"], "Did you mean 'run'?"),
        (["tune", "--suite", "smoke", "--algorithm", "vea"], "Did you mean 'vae'?"),
        (["leaderboard", "--sort", "ndgc@10"], "Did you mean 'ndcg@10'?"),
        (["list", "algorithms", "eas"], "Did you mean 'ease'?"),
        (["list", "metrics", "ndgc"], "Did you mean 'ndcg'?"),
        (["data", "info", "movielens-100"], "Did you mean 'movielens-100k'?"),
    ],
)
def test_bad_input_gets_one_line_and_exit_code_2(
    arguments: list[str], message: str, board: Board, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_OUT", str(out))
    done = bench(*arguments, code=2)
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""
