"""How long a large report takes and how large it is. The target: 30 algorithms on 3 tasks with 5 seeds and 100,000 test
users in under a minute, under 10 MB.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from bench.interactions import Float64Array
from bench.records import Code, DatasetRef, Environment, FoldRef, MetricValue, RunRecord, SuiteRef, Timings
from bench.slices import SliceValue
from bench.store import PER_USER_FILE, Store, write_text

N_ALGORITHMS, N_TASKS, N_SEEDS, N_USERS = 30, 3, 5, 100_000
LABELS = ("ndcg@10", "recall@10")
OTHERS = ("precision@10", "ndcg@5", "ndcg@20", "coverage@10", "gini@10")
MEGABYTE = 10**6


def record(row: str, task: str, seed: int, metrics: dict[str, MetricValue], fit_seconds: float) -> RunRecord:
    """With slices, curves and parameters as a network's record has them."""
    sliced = SliceValue(n_users=N_USERS // 3, metrics={label: metrics[label].value for label in LABELS})
    return RunRecord(
        key=f"{row}-{task}-{seed}".ljust(64, "0"),
        attempt=f"{row}-{task}-{seed}",
        status="ok",
        suite=SuiteRef(name="large", version=1, fingerprint="s" * 64),
        task=task,
        row=row,
        algorithm=row,
        origin="benchmarks",
        config_passed={"factors": 64},
        config_effective={"factors": 64, "rate": 0.001, "epochs": 40},
        seed=seed,
        dataset=DatasetRef(name="large", version=1, fingerprint="d" * 64, source="generated"),
        fold=FoldRef(
            fingerprint="f" * 64,
            split="f" * 64,
            filters={"k_core": 5},
            splitter="holdout",
            options={"test": 0.1},
            seed=1,
            dropped=[],
            interactions={"train": 10_000_000, "validation": 10**6, "test": 10**6},
            users={"all": N_USERS, "train": N_USERS, "test": N_USERS},
            items={"all": 50_000, "train": 50_000, "test": 40_000},
            excluded={},
        ),
        final_fit="train+validation",
        primary_metric=LABELS[0],
        cutoff=20,
        metrics=metrics,
        slices={name: dict.fromkeys(("low", "middle", "high"), sliced) for name in ("user-activity", "user:age")},
        curves={name: [(epoch, 1 / (1 + epoch)) for epoch in range(40)] for name in ("loss", "val_ndcg@10")},
        timings=Timings(fit_seconds=fit_seconds, recommend_seconds=20.0, total_seconds=fit_seconds + 30),
        peak_bytes=2**30,
        environment=Environment(
            python="3.11",
            platform="linux-x86_64",
            processor="p",
            cores=2,
            memory_bytes=2**33,
            device="cpu",
            device_name="p",
            threads=1,
            packages={"numpy": "2", "torch": "2"},
        ),
        code=Code(version="0", content="c" * 64),
        command="bench run --suite large --seeds 5",
        started_at="2026-01-01T00:00:00+00:00",
        finished_at="2026-01-01T00:00:00+00:00",
    )


def per_user(random: np.random.Generator, taste: Float64Array, at: int) -> dict[str, Float64Array]:
    """Values as ndcg has them: many zeros, the rest skewed."""
    noise = random.random(N_USERS)
    values = np.where(noise < 0.4 + 0.005 * at, 0.0, taste * noise)
    return {label: values.round(order + 4) for order, label in enumerate(LABELS)}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    random, store = np.random.default_rng(0), Store(folder)
    taste, users = random.beta(0.5, 2, N_USERS), pa.array([f"user-{at}" for at in range(N_USERS)])
    for task in range(N_TASKS):
        for at in range(N_ALGORITHMS):
            for seed in range(N_SEEDS):
                found = per_user(random, taste, at)
                metrics = {
                    label: MetricValue(value=float(v.mean()), version=1, n_users=N_USERS) for label, v in found.items()
                }
                metrics |= {label: MetricValue(value=random.random(), version=1, n_users=N_USERS) for label in OTHERS}
                made = record(f"algorithm-{at:02}", f"task-{task}", seed, metrics, 1.3**at)
                store.write(made, {PER_USER_FILE: pa.table({"user": users, **found})})
    return folder


def build(root: Path, out: Path) -> int:
    """Bytes of the report."""
    from bench_reports.page import content_of, render

    write_text(out, render(content_of(list(Store(root).all()), root)))
    return out.stat().st_size


def test_a_large_report(benchmark: Any, root: Path, tmp_path: Path) -> None:
    n_bytes = benchmark.pedantic(build, args=(root, tmp_path / "report.html"), rounds=1)
    benchmark.extra_info["bytes"] = n_bytes
    print(f"\n{benchmark.stats.stats.mean:.1f} s, {n_bytes / MEGABYTE:.2f} MB")
    assert n_bytes < 10 * MEGABYTE
