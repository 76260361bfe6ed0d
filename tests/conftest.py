"""Fixtures that several packages' tests share."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy
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
NewDatabase = Callable[[], str]


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


def _program(name: str) -> Path | None:
    """Debian keeps the server's programs apart from those in the path."""
    installed = [*Path("/usr/lib/postgresql").glob(f"*/bin/{name}")]
    found = shutil.which(name)
    return max(installed) if installed else Path(found) if found else None


def _unprivileged() -> dict[str, str]:
    """The server refuses to run as root; the tests of a container often do."""
    return {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URI of a server, without a database. Skips where PostgreSQL or psycopg is not installed."""
    initdb, server = _program("initdb"), _program("postgres")
    if initdb is None or server is None or find_spec("psycopg") is None:
        pytest.skip("PostgreSQL's server (Debian: postgresql) and psycopg are needed")
    with tempfile.TemporaryDirectory(prefix="bench-postgres-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        settings = {**_unprivileged(), "cwd": folder}
        make = [initdb, "--pgdata", folder / "data", "--auth", "trust", "--username", "bench", "--no-sync"]
        subprocess.run(make, check=True, capture_output=True, **settings)  # type: ignore[call-overload]
        port = _free_port()
        serve = [server, "-D", folder / "data", "-p", str(port), "-k", folder, "-c", "fsync=off", "-h", "127.0.0.1"]
        process = subprocess.Popen(serve, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **settings)  # type: ignore[call-overload]
        try:
            uri = f"postgresql+psycopg://bench@127.0.0.1:{port}"
            _wait_until_ready(uri, process)
            yield uri
        finally:
            process.send_signal(signal.SIGINT)  # SIGTERM would wait for its clients
            process.wait(20)


@pytest.fixture
def new_database(postgres: str) -> NewDatabase:
    """Makes an empty database, and gives its URI."""

    def make() -> str:
        name = f"test_{uuid.uuid4().hex}"
        engine = sqlalchemy.create_engine(f"{postgres}/postgres", isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(sqlalchemy.text(f"CREATE DATABASE {name}"))
        engine.dispose()
        return f"{postgres}/{name}"

    return make


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _wait_until_ready(uri: str, process: subprocess.Popen[bytes]) -> None:
    engine = sqlalchemy.create_engine(f"{uri}/postgres")
    for _ in range(100):
        try:
            with engine.connect():
                engine.dispose()
                return
        except sqlalchemy.exc.OperationalError:
            assert process.poll() is None, "the server ended"
            time.sleep(0.1)
    raise AssertionError("the server did not get ready")
