"""Planted regressions on the real MovieLens-100K are caught, and what did not change passes. Needs the data."""

from __future__ import annotations

import json
import os
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.dataset_source import Acquire
from bench.errors import DataError
from bench.gate import Outcome, Policy
from bench.gate.judge import Item, Paired, judge
from bench.plugins import load_registries
from bench.store import Store
from bench.values import matrices

pytestmark = pytest.mark.network
BENCH = Path(sysconfig.get_path("scripts"), "bench")
SEEDS = 6
SUITE = """
name = "planted"
version = 1
description = "The holdout task of the suite movielens, by a metric that can be broken."
dataset = "movielens-100k"
seed = 2026
metrics = ["own_ndcg@10"]
primary_metric = "own_ndcg@10"
[filters]
min_rating = 4.0
min_user_interactions = 5
[tasks.holdout]
splitter = "holdout"
options = { validation = 0.1, test = 0.1 }
[algorithms.ease]
parameters = { l2 = 200.0 }
[algorithms.item-knn]
parameters = { k = 200, weighting = "bm25" }
[algorithms.vae]
parameters = { hidden_units = 200, latent_units = 32, epochs = 20, patience = 0, beta = 0.5, learning_rate = 0.005 }
"""
PLUGIN = '''
"""EASE that sees the test set, and NDCG that is off by one cut-off where the environment says so."""
import os

import numpy as np

from bench.dataset_source import Acquire
from bench.metrics.accuracy import NDCG
from bench_algorithms.linear import EASE


class Leaky(EASE):
    def fit(self, train, validation, context):
        from bench.plugins import load_registries
        from bench.running.folds import build_folds
        from bench.suite import load_suite

        registries = load_registries()
        (one,) = build_folds(load_suite(os.environ["PLANTED_SUITE"], registries), registries, Acquire())["holdout"]
        test = one.fold.test
        self.users, self.items = test.users[test.truth.rows], test.truth.items
        return super().fit(train, validation, context)

    def score(self, batch):
        scores = np.array(super().score(batch))
        for row, user in enumerate(batch.users):
            scores[row, self.items[self.users == user]] += 0.5
        return scores


class OwnNDCG(NDCG):
    name = "own_ndcg"

    def values(self, judged):
        if os.environ.get("OFF_BY_ONE"):
            hits = judged.hits[:, : self.k].copy()
            hits[:, -1] = False
            return self.compute(hits, judged.n_relevant)
        return super().values(judged)


def register(registries):
    registries.algorithms.add("leaky", Leaky, origin="tests")
    registries.metrics.add("own_ndcg", OwnNDCG, origin="tests")
'''


class Planted:
    """`bench` in a folder with the suite, the plugin and a baseline."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.suite = folder, folder / "planted.toml"
        self.suite.write_text(SUITE)
        info = folder / "plugins" / "planted_plugin-1.0.dist-info"
        info.mkdir(parents=True)
        (folder / "plugins" / "planted_plugin.py").write_text(PLUGIN)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: planted_plugin\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[bench.plugins]\nplanted = planted_plugin\n")

    def bench(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join(filter(None, [str(self.folder / "plugins"), os.environ.get("PYTHONPATH")]))
        told = {"PYTHONPATH": path, "PLANTED_SUITE": str(self.suite), "MLFLOW_TRACKING_URI": self.uri}
        return subprocess.run(
            [str(BENCH), *arguments],
            cwd=self.folder,
            env={**os.environ, **told, **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def uri(self) -> str:
        return f"sqlite:///{self.folder / 'mlflow.db'}"

    def check(self, *more: str, suite: str = SUITE, out: str = "bench-runs", **environment: str) -> dict[str, Any]:
        """The verdicts, by algorithm."""
        self.suite.write_text(suite)
        told = ("--suite", str(self.suite), "--baseline", "base", "--out", out, "--jobs", "2", "--json")
        done = self.bench("check", *told, *more, **environment)
        assert done.returncode in (0, 1, 3), done.stderr
        return {one["algorithm"]: one for one in json.loads(done.stdout)["verdicts"]}


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    try:
        load_registries().datasets.get("movielens-100k").load(Acquire())
    except DataError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    world = Planted(tmp_path_factory.mktemp("planted"))
    suite = ("--suite", str(world.suite))
    done = world.bench("run", *suite, "--seeds", str(SEEDS), "--jobs", "2")
    assert done.returncode == 0, done.stderr
    done = world.bench("baseline", "save", *suite, "--out", "base")
    assert done.returncode == 0, done.stderr
    return world


@pytest.mark.parametrize(
    ("row", "change"),
    [
        ("ease", "ease.l2=4000"),
        ("item-knn", "item-knn.asymmetry=1.0"),
        ("vae", "vae.epochs=1"),
    ],
)
def test_a_worse_algorithm_regresses(planted: Planted, row: str, change: str) -> None:
    changes = ("--set", change)
    if row == "item-knn":
        changes = ("--set", "item-knn.similarity=asymmetric-cosine", *changes)
    assert planted.check("--only", row, *changes)[row]["verdict"] == "regressed"


def test_a_metric_off_by_one_cut_off_regresses(planted: Planted) -> None:
    found = planted.check("--only", "ease", "--only", "item-knn", out="off-by-one", OFF_BY_ONE="1")
    assert {name: one["verdict"] for name, one in found.items()} == {"ease": "regressed", "item-knn": "regressed"}


def test_a_model_that_sees_the_test_set_is_suspicious(planted: Planted) -> None:
    leaking = SUITE.replace("[algorithms.ease]", '[algorithms.ease]\nalgorithm = "leaky"')
    found = planted.check("--only", "ease", suite=leaking)
    assert found["ease"]["verdict"] == "suspicious", found["ease"]


def test_what_changes_nothing_passes(planted: Planted) -> None:
    """Run anew in a process of its own."""
    found = planted.check("--only", "ease", "--only", "item-knn", out="again")
    assert {name: one["verdict"] for name, one in found.items()} == {"ease": "pass", "item-knn": "pass"}


def test_another_seed_of_the_vae_does_not_regress(planted: Planted) -> None:
    """Users drawn with replacement, three seeds against three others; with a margin of almost nothing too."""
    runs = [run for run in Store(planted.folder / "bench-runs").all("planted-v1") if run.record.row == "vae"]
    values = matrices({"vae": runs}, "own_ndcg@10")["vae"]
    assert values.shape[1] == SEEDS
    rng, regressed = np.random.default_rng(0), 0
    policy = Policy.model_validate({"margin": 1e-9})
    for _ in range(100):
        users, seeds = rng.integers(len(values), size=len(values)), rng.permutation(SEEDS)
        one, other = values[users][:, seeds[:3]], values[users][:, seeds[3:]]
        item = Item("holdout", "vae", "own_ndcg@10")
        (verdict,) = judge([Paired(item, (), one, other, True, lone=False)], policy)
        regressed += verdict.verdict is Outcome.REGRESSED
    assert regressed <= 5
