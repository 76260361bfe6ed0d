"""What the mirroring process answers; here in this process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.store import Stored
from bench.tracking.places import Place, place
from bench.tracking.worker import Worker


def opening(found: Place) -> dict[str, Any]:
    return {"do": "open", "root": str(found.root), "uri": found.uri, "command": "bench run", "started_ms": 0}


@pytest.fixture
def worker(store: Place) -> Worker:
    """One that has opened the store."""
    worker = Worker(lambda reply: None)
    assert worker.answer(opening(store)) == {"ok": True}
    return worker


def test_an_unreadable_record_is_the_records_fault(worker: Worker, make_result: Callable[..., Stored]) -> None:
    stored = make_result("ease")
    (stored.path / "record.json").write_text("{")
    reply = worker.answer({"do": "mirror", "path": str(stored.path)})
    assert (reply["ok"], reply["down"]) == (False, False)
    assert "record.json" in reply["message"]


def test_a_full_disk_is_not(
    worker: Worker, make_result: Callable[..., Stored], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("bench.tracking.sink.Sink._log_files", full)
    reply = worker.answer({"do": "mirror", "path": str(make_result("ease").path)})
    assert reply == {"ok": False, "down": True, "message": "[Errno 28] No space left on device"}


def test_a_file_that_is_no_database_is_told_at_once(root: Path) -> None:
    (root / "mlflow.db").write_bytes(b"not a database" * 100)
    reply = Worker(lambda reply: None).answer(opening(place(root)))
    assert reply == {"ok": False, "down": True, "message": "file is not a database"}


def test_messages_show_no_password(root: Path) -> None:
    found = place(root, "postgresql+nodriver://user:s3cret@localhost/db")
    reply = Worker(lambda reply: None).answer(opening(found))
    assert not reply["ok"]
    assert "s3cret" not in json.dumps(reply)


def test_importing_the_mirror_does_not_import_mlflow() -> None:
    modules = "bench.tracking, bench.cli.sync, bench.cli.ui"
    code = f"import sys, {modules}; assert not {{'mlflow', 'pandas', 'sqlalchemy'}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
