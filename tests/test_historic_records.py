"""Records of every schema version that there was are read, ranked and reproduced."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from bench.dataset_source import Acquire
from bench.errors import DataError
from bench.plugins import load_registries
from bench.records import SCHEMA_VERSION, RunRecord, Status
from bench.running.folds import build_folds
from bench.running.reproduce import fold_of, job_of, suite_of
from bench.store import RECORD_FILE, TOPK_FILE, Store, read_examples, read_per_user, read_record
from bench_reports.leaderboard import leaderboard

ROOT = Path(__file__).parent / "historic_records"
VERSIONS = range(1, SCHEMA_VERSION + 1)
KEPT = [
    (version, path.parent) for version in VERSIONS for path in sorted(ROOT.glob(f"schema-{version}/**/record.json"))
]
each = pytest.mark.parametrize(
    ("version", "folder"), [pytest.param(*one, id="/".join(one[1].parts[-5:-1])) for one in KEPT]
)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_schema_version_has_its_fixture(version: int) -> None:
    written = [json.loads((folder / RECORD_FILE).read_text()) for kept, folder in KEPT if kept == version]
    assert {(record["schema_version"], record["row"]) for record in written} == {(version, "ease"), (version, "vae")}, (
        "see tests/historic_records/make.py"
    )


@each
def test_it_is_read_as_a_record_of_today(version: int, folder: Path) -> None:
    record = read_record(folder)
    written = json.loads((folder / RECORD_FILE).read_text())
    assert record.schema_version == SCHEMA_VERSION
    assert (record.status, record.kind) == (Status.OK, "ranking")
    assert RunRecord.model_validate_json(record.model_dump_json()) == record
    assert {label: metric.value for label, metric in record.metrics.items()} == {
        label: metric["value"] for label, metric in written["metrics"].items()
    }
    assert (record.fold.index, record.fold.count, record.fold.split) == (0, 1, record.fold.fingerprint)
    assert record.config_effective == written["config_effective"]


@each
def test_it_may_lack_what_later_ones_hold(version: int, folder: Path) -> None:
    record = read_record(folder)
    assert (record.fold.profile, record.by_cutoff, read_examples(folder)) == (None, {}, None)


@each
def test_its_tables_are_read(version: int, folder: Path) -> None:
    from pyarrow import parquet

    record = read_record(folder)
    found = read_per_user(folder, list(record.metrics))
    assert found is not None
    users, values = found
    assert len(users) == record.fold.users["test"]
    assert values["ndcg@10"].mean() == pytest.approx(record.metrics["ndcg@10"].value)
    assert parquet.read_table(folder / TOPK_FILE).num_rows == len(users) * record.cutoff


@each
def test_its_job_can_be_made_again(version: int, folder: Path, tmp_path: Path) -> None:
    record, registries = read_record(folder), load_registries()
    suite = suite_of(record, registries)
    fold = fold_of(record, build_folds(suite, registries, Acquire())[record.task])
    assert fold is not None, "the data is split in another way than it was"
    job = job_of(record, fold, registries, tmp_path)
    assert (job.seed, job.passed, job.metrics) == (record.seed, record.config_passed, tuple(record.metrics))


def test_all_versions_are_ranked_together(tmp_path: Path) -> None:
    for version, folder in KEPT:
        shutil.copytree(folder, tmp_path / Path(*folder.parts[-4:-1]) / f"seed-{version}")
    board = leaderboard(Store(tmp_path).all())
    assert {task.task for task in board.tasks} == {"holdout", "next-item"}
    for task in board.tasks:
        assert [(row.rank, row.algorithm) for row in task.rows] == [(1, "ease"), (2, "vae")]


def test_a_record_of_a_later_schema_is_refused_with_what_to_do(tmp_path: Path) -> None:
    values: dict[str, Any] = json.loads((KEPT[0][1] / RECORD_FILE).read_text())
    later = {**values, "schema_version": SCHEMA_VERSION + 1, "new": 1}
    (tmp_path / RECORD_FILE).write_text(json.dumps(later))
    with pytest.raises(DataError) as raised:
        read_record(tmp_path)
    assert (
        f"should be in [1, {SCHEMA_VERSION}]; later ones are read by a newer recsys-bench. Got {SCHEMA_VERSION + 1}."
    ) in str(raised.value)


def test_a_version_of_another_type_is_refused(tmp_path: Path) -> None:
    values: dict[str, Any] = json.loads((KEPT[0][1] / RECORD_FILE).read_text())
    (tmp_path / RECORD_FILE).write_text(json.dumps({**values, "schema_version": None}))
    with pytest.raises(DataError, match="Got None"):
        read_record(tmp_path)
