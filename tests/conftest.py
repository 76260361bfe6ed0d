"""Fixtures that several packages' tests share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import settings

from bench.ledger import TuningLedger
from bench.records import (
    Code,
    DatasetRef,
    Environment,
    FoldRef,
    MetricValue,
    RunRecord,
    Status,
    SuiteRef,
    Timings,
)
from bench.store import PER_USER_FILE, Store, Stored

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

MakeRun = Callable[..., Stored]


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """Writes a hand-made record to the store `tmp_path / "runs"`; keywords are `make_record`'s.

    per_user: by label a value a user, NaN for undefined, of "u0", "u1", … or of `users`. They are written beside the
    record, whose metrics have their means.
    """

    def make(
        row: str, *, per_user: Mapping[str, Any] | None = None, users: Sequence[str] | None = None, **fields: Any
    ) -> Stored:
        if per_user is None:
            record = make_record(row, **fields)
            return Stored(Store(tmp_path / "runs").write(record), record)
        values = {label: np.asarray(own, np.float64) for label, own in per_user.items()}
        names = users or [f"u{index}" for index in range(len(next(iter(values.values()))))]
        means = {label: float(np.nanmean(own)) for label, own in values.items()}
        record = make_record(row, means | fields.pop("metrics", {}), **fields)
        table = pa.table({"user": pa.array(names, pa.string()), **values})
        return Stored(Store(tmp_path / "runs").write(record, {PER_USER_FILE: table}), record)

    return make


def make_record(
    row: str,
    metrics: dict[str, float | None] | None = None,
    *,
    task: str = "holdout",
    suite: str = "smoke",
    seed: int = 1,
    status: Status = Status.OK,
    fold: str = "f" * 64,
    fold_fields: dict[str, Any] | None = None,
    day: int = 1,
    trials: int = 0,
    versions: dict[str, int] | None = None,
    higher_is_better: bool = True,
    parameters: dict[str, Any] | None = None,
    **fields: Any,
) -> RunRecord:
    """A record with plain values everywhere that a test does not care about.

    day: of January, when it started. fold: fingerprint of the split; fold_fields: others of a FoldRef.
    """
    own_fold = _fold(fold).model_copy(update=fold_fields or {})
    started = f"2026-01-{day:02d}T00:00:00.000+00:00"
    values = {
        label: MetricValue(
            value=value, version=(versions or {}).get(label, 1), n_users=20, higher_is_better=higher_is_better
        )
        for label, value in (metrics or {}).items()
    }
    return RunRecord.model_validate(
        {
            "key": f"{row}-{seed}-{day}-{own_fold.index or ''}{fold}",
            "attempt": f"{row}-{day}",
            "status": status,
            "suite": SuiteRef(name=suite, version=1, fingerprint="s"),
            "task": task,
            "row": row,
            "algorithm": row,
            "origin": "tests",
            "config_passed": parameters or {},
            "config_effective": parameters or {},
            "seed": seed,
            "seeded": False,
            "dataset": DatasetRef(name="smoke", version=1, fingerprint="d", source="generated"),
            "fold": own_fold,
            "final_fit": "train+validation",
            "primary_metric": "ndcg@10",
            "cutoff": 10,
            "metrics": values,
            "timings": Timings(fit_seconds=2.0, final_fit_seconds=1.0, recommend_seconds=0.5, total_seconds=4.0),
            "peak_bytes": 300 * 2**20,
            "environment": _environment(),
            "code": Code(version="0", content="c"),
            "tuning": _ledger(trials) if trials else None,
            "started_at": started,
            "finished_at": started,
            **fields,
        }
    )


def _fold(fingerprint: str) -> FoldRef:
    return FoldRef(
        fingerprint=fingerprint,
        split=fingerprint,
        filters={},
        splitter="holdout",
        options={},
        seed=1,
        dropped=[],
        interactions={"train": 100, "validation": 10, "test": 20},
        users={"all": 25, "train": 25, "validation": 10, "test": 20},
        items={"all": 30, "train": 28, "test": 15},
        excluded={},
    )


def _environment() -> Environment:
    return Environment(
        python="3.11",
        platform="linux-x86_64",
        processor="p",
        cores=2,
        memory_bytes=2**33,
        device="cpu",
        device_name="p",
        threads=1,
        packages={},
    )


def _ledger(trials: int) -> TuningLedger:
    return TuningLedger(
        trials=trials,
        completed=trials,
        pruned=0,
        failed=0,
        seconds=10.0,
        sampler="tpe",
        seed=1,
        metric="ndcg@10",
        best_value=0.5,
        best_trial=3,
        command="bench tune",
        fold="f",
    )
