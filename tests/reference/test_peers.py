"""The part of benchmarks/peers that needs none of the other libraries: tuning, judging and the verdict."""

from __future__ import annotations

import argparse
import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from optuna.distributions import FloatDistribution
from typer.testing import CliRunner

from bench.cli import app

PEERS = Path(__file__).parents[2] / "benchmarks" / "peers"
FILMS = [f"film {code:02}" for code in range(40)]


@pytest.fixture
def peer(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(PEERS))
    return importlib.import_module("peer")


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(PEERS))
    return importlib.import_module("table")


def write(path: Path, rows: list[tuple[str, str]]) -> None:
    pd.DataFrame(rows, columns=["user", "item"]).assign(rating=3.0, timestamp=0).to_csv(path, index=False)


@pytest.mark.parametrize("metric", ["precision@10", "ndcg@10"])
def test_lists_are_judged_as_by_bench_evaluate(peer: Any, tmp_path: Path, metric: str) -> None:
    rng = np.random.default_rng(0)
    users = np.array([2, 3, 5, 11])
    sizes = zip(users, (1, 4, 12, 20), strict=True)
    truth = pd.DataFrame([{"user": user, "item": item} for user, n in sizes for item in rng.permutation(40)[:n]])
    lists = np.array([rng.permutation(40)[:10] for _ in users])
    lists[1, 6:] = -1
    truth.to_csv(tmp_path / "truth.csv", index=False)
    rows = [(u, i, r) for u, ranked in zip(users, lists, strict=True) for r, i in enumerate(ranked[ranked >= 0], 1)]
    pd.DataFrame(rows, columns=["user", "item", "rank"]).to_csv(tmp_path / "lists.csv", index=False)
    files = ["--recommendations", tmp_path / "lists.csv", "--truth", tmp_path / "truth.csv"]
    done = CliRunner().invoke(app, ["evaluate", *map(str, files), "--metrics", metric, "--json"])
    expected = json.loads(done.stdout)["metrics"][metric]
    assert 0.05 < expected < 0.95
    assert peer.Judge(truth, users, 40, metric)(lists) == pytest.approx(expected, abs=1e-12)


def test_the_best_step_of_the_best_trial_is_trained_again_on_train_and_validation(peer: Any, tmp_path: Path) -> None:
    users = ["7", "8", "9"]
    write(tmp_path / "train.csv", [(user, film) for user in users for film in FILMS[:10]])
    write(tmp_path / "validation.csv", [(user, film) for user in users for film in FILMS[10:20]] + [("7", FILMS[35])])
    write(tmp_path / "test.csv", [(user, film) for user in users for film in FILMS[20:30]])
    sizes, steps_taken = [], []

    def steps(known: Any, parameters: dict[str, Any], seed: int) -> Iterator[Any]:
        """Right at step 3 only, and only with a shift of less than a half."""
        sizes.append(len(known.rows))
        steps_taken.append(0)
        for step in range(1, 50):
            steps_taken[-1] = step
            right = step == 3 and parameters["shift"] < 0.5
            first = len(known.rows) // 3 + (0 if right else 3)
            yield lambda first=first: np.tile(np.arange(first, first + 10) % known.n_items, (len(known.users), 1))

    model = peer.Model(steps, {"shift": (0.9, FloatDistribution(0, 1))}, patience=4)
    tuned, _ = peer.compare(model, tmp_path, "precision@10", tmp_path / "out", argparse.Namespace(trials=20, seed=1))
    assert tuned.parameters["shift"] < 0.5
    assert tuned.steps == 3
    assert tuned.value == 1.0
    assert tuned.trials == 20
    assert sizes == [30] * 20 + [61]
    assert steps_taken[-1] == 3
    assert max(steps_taken) <= 3 + 4
    lists = pd.read_csv(tmp_path / "out" / "lists.csv", dtype=str)
    assert set(lists["user"]) == set(users)


def test_nothing_known_is_recommended_and_lists_end_where_scores_do(peer: Any) -> None:
    rows = pd.DataFrame({"user": [0, 0, 1], "item": [2, 1, 0]})
    known = peer.Known(rows, np.array([0, 1]), 2, 4)
    scores = np.array([[1.0, 9.0, 8.0, 2.0], [5.0, 1.0, -np.inf, 3.0]])
    np.testing.assert_array_equal(peer.best(scores, known), [[3, 0, -1, -1], [3, 1, -1, -1]])


def test_ours_is_held_against_the_best_of_the_others(table: Any) -> None:
    results = {
        ("slim", "ours"): {"1": {"precision@10": 0.30}, "2": {"precision@10": 0.32}, "3": {"precision@10": 0.9}},
        ("slim", "lenskit"): {"1": {"precision@10": 0.32}, "2": {"precision@10": 0.32}},
        ("slim", "recbole"): {"1": {"precision@10": 0.10}, "2": {"precision@10": 0.12}, "3": {"precision@10": 0.1}},
        ("rp3beta", "ours"): {"1": {"precision@10": 0.34}},
        ("ease", "ours"): {"1": {"precision@10": 0.396}},
        ("ease", "rectools"): {"1": {"precision@10": 0.4}},
    }
    assert list(table.compared(results, "precision@10")) == [
        ["slim", "0.3100", "", "", "0.3200", "0.1100", "2", "**-3.1 %**"],
        ["ease", "0.3960", "", "0.4000", "", "", "1", "-1.0 %"],
        ["rp3beta", "0.3400", "", "", "", "", "1", ""],
    ]
