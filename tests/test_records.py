"""Records are written whole or not at all, and old or foreign ones are refused with a reason."""

import json
import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from bench.errors import DataError
from bench.records import Status
from bench.store import RECORD_FILE, Store, place_of, read_record, write_text


def test_a_record_survives_the_round_trip(make_run: Any) -> None:
    stored = make_run("ease", metrics={"ndcg@10": 0.5, "mrr@10": None})
    assert read_record(stored.path) == stored.record


def test_a_curve_that_diverged_can_be_read_back(make_run: Any) -> None:
    stored = make_run("vae", curves={"train_loss": [(1, 0.5), (2, float("nan")), (3, float("inf"))]})
    points = read_record(stored.path).curves["train_loss"]
    assert [step for step, _ in points] == [1, 2, 3]
    assert math.isnan(points[1][1])
    assert math.isinf(points[2][1])


def test_the_folder_appears_whole(tmp_path: Path, make_run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = make_run("ease", metrics={"ndcg@10": 0.5})
    monkeypatch.setattr(parquet, "write_table", lambda *_, **__: (_ for _ in ()).throw(OSError(28, "No space left")))
    changed = stored.record.model_copy(update={"reason": "new"})
    with pytest.raises(OSError, match="No space"):
        Store(tmp_path / "runs").write(changed, {"topk.parquet": pa.table({"user": ["a"]})})
    assert read_record(stored.path) == stored.record
    assert [path.name for path in stored.path.parent.iterdir()] == [stored.path.name]


def test_a_rerun_replaces_the_old_result(tmp_path: Path, make_run: Any) -> None:
    stored = make_run("ease", metrics={"ndcg@10": 0.5})
    changed = stored.record.model_copy(update={"attempt": "second"})
    assert Store(tmp_path / "runs").write(changed, {"topk.parquet": pa.table({"user": ["a"]})}) == stored.path
    found = Store(tmp_path / "runs").find(place_of(stored.record))
    assert found is not None
    assert found.record.attempt == "second"
    assert sorted(path.name for path in stored.path.iterdir()) == ["record.json", "topk.parquet"]
    assert [path.name for path in stored.path.parent.iterdir()] == [stored.path.name]


def test_a_failure_never_replaces_a_finished_result(tmp_path: Path, make_run: Any) -> None:
    store, stored = Store(tmp_path / "runs"), make_run("ease", metrics={"ndcg@10": 0.5})
    failed = stored.record.model_copy(update={"status": Status.TIMEOUT})
    assert not store.accepts(failed)
    assert store.accepts(stored.record)
    store.write(failed)
    assert store.accepts(failed)


def test_one_unreadable_record_hides_no_other(tmp_path: Path, make_run: Any, caplog: pytest.LogCaptureFixture) -> None:
    bad, good = make_run("ease"), make_run("vae")
    (bad.path / RECORD_FILE).write_text("{" * 10_000)
    store = Store(tmp_path / "runs")
    assert [stored.path for stored in store.all()] == [good.path]
    assert store.find(place_of(bad.record)) is None
    assert str(bad.path) in caplog.text
    assert all(len(message) < 1000 for message in caplog.messages)


def test_a_result_moved_aside_by_a_killed_process_comes_back(tmp_path: Path, make_run: Any) -> None:
    store, stored = Store(tmp_path / "runs"), make_run("ease")
    stored.path.rename(stored.path.with_name(f".replaced-{stored.path.name}"))
    (stored.path.parent / ".writing-1").mkdir()
    store.sweep()
    assert [path.name for path in stored.path.parent.iterdir()] == [stored.path.name]
    assert read_record(stored.path) == stored.record


def test_all_finds_every_suite_or_one(tmp_path: Path, make_run: Any) -> None:
    make_run("ease", suite="one")
    make_run("ease", suite="two")
    store = Store(tmp_path / "runs")
    assert {stored.record.suite.name for stored in store.all()} == {"one", "two"}
    assert {stored.record.suite.name for stored in store.all("two-v1")} == {"two"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema_version": 99}, "schema_version"),
        ({"surprise": 1}, "no field 'surprise'"),
        ({"status": "great"}, "status"),
    ],
)
def test_what_is_not_a_record_is_refused(make_run: Any, change: dict[str, Any], message: str) -> None:
    path = make_run("ease").path / RECORD_FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(DataError, match=message):
        read_record(path.parent)


def test_write_text_leaves_no_temporary_file(tmp_path: Path) -> None:
    write_text(tmp_path / "a.json", "1")
    write_text(tmp_path / "a.json", "2")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.json", "2")]
