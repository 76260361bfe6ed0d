"""`bench reproduce`: which run is meant, and how the command ends."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.cli.reproduce import find_run
from bench.errors import UsageError
from bench.records import Status
from bench.store import RECORD_FILE

HISTORIC = Path(__file__).parents[1] / "historic_records" / "schema-1"


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A folder of results from the first schema version."""
    shutil.copytree(HISTORIC, tmp_path / "old")
    return tmp_path / "old"


def change(out: Path, row: str, **values: Any) -> None:
    """Change the record of a row on next-item."""
    (path,) = out.glob(f"smoke-v1/next-item/{row}/*/{RECORD_FILE}")
    record = json.loads(path.read_text())
    for key, value in values.items():
        record[key] = {**record[key], **value} if isinstance(value, dict) else value
    path.write_text(json.dumps(record))


def test_a_run_of_the_first_version_still_comes_out_again(call: Any, old: Path) -> None:
    before = sorted((path, path.stat().st_mtime_ns) for path in old.rglob("*"))
    done = call("reproduce", "smoke/next-item/ease", "--out", old, "--json")
    verdict = json.loads(done.out)
    assert (done.code, done.err) == (0, "")
    assert verdict["run"] == "smoke-v1 · next-item · ease · seed 2026"
    assert verdict["outcome"] in ("identical", "within tolerance")
    assert ("hardware", "processor") in {(one["kind"], one["what"]) for one in verdict["differences"]}
    assert Path(verdict["record"], RECORD_FILE).is_file()
    assert sorted((path, path.stat().st_mtime_ns) for path in old.rglob("*")) == before


def test_the_verdict_as_text(call: Any, old: Path) -> None:
    change(old, "ease", metrics={"hit@10": {"value": 0.9, "version": 1, "n_users": 120}})
    done = call("reproduce", "smoke/next-item/ease", "--out", old)
    assert done.code == 1
    lines = done.out.splitlines()
    assert lines[0] == "smoke-v1 · next-item · ease · seed 2026: different"
    assert "  beyond what is tolerated: hit@10." in lines
    assert [line.split()[:3] for line in lines if line.startswith("hit@10")] == [["hit@10", "0.9000", "0.4667"]]
    assert any(line.startswith("  hardware: processor a processor → ") for line in lines)


def test_other_data_is_no_verdict(call: Any, old: Path) -> None:
    change(old, "ease", dataset={"fingerprint": "0" * 64})
    done = call("reproduce", "smoke/next-item/ease", "--out", old)
    assert (done.code, done.out, done.err.count("\n")) == (3, "", 1)
    assert done.err.startswith("error: the content of the data set 'smoke' is not what the run was made with: ")


def test_a_run_that_takes_too_long_is_no_verdict(call: Any, old: Path) -> None:
    done = call("reproduce", "smoke/next-item/ease", "--out", old, "--time-limit", "0.001")
    assert (done.code, done.out) == (3, "")
    assert "took longer than the limit" in done.err


def test_another_split_is_not_even_run(call: Any, old: Path) -> None:
    change(old, "ease", fold={"fingerprint": "0" * 64})
    done = call("reproduce", "smoke/next-item/ease", "--out", old, "--time-limit", "0.001")
    assert done.code == 1
    assert "  the same data is split in another way now" in done.out
    assert "  fold: fingerprint 000000000000 → " in done.out


def test_a_failed_run_is_a_usage_error(call: Any, make_run: Any, tmp_path: Path) -> None:
    make_run("ease", status=Status.DIVERGED, reason="nan")
    done = call("reproduce", "smoke/holdout/ease", "--out", tmp_path / "runs")
    assert (done.code, done.err) == (
        2,
        "error: only a finished run can be reproduced. This one ended as 'diverged': nan\n",
    )


def test_a_run_is_meant_by_its_folder(make_run: Any, tmp_path: Path) -> None:
    run, out = make_run("ease"), tmp_path / "runs"
    nowhere = tmp_path / "nowhere"
    assert find_run(nowhere, str(run.path)) == run
    assert find_run(nowhere, str(run.path / RECORD_FILE)).record == run.record
    assert find_run(out, str(run.path.relative_to(out))) == run


def test_a_run_is_meant_by_the_beginning_of_its_key(make_run: Any, tmp_path: Path) -> None:
    run = make_run("ease", key="abc1" * 16)
    make_run("vae", key="abc2" * 16)
    assert find_run(tmp_path / "runs", "abc1").record == run.record
    with pytest.raises(UsageError, match=r"must begin with 'abc'\. Those of 2 do: abc1abc1abc1abc1, abc2abc2abc2abc2"):
        find_run(tmp_path / "runs", "abc")


def test_the_newest_of_a_row_is_meant(make_run: Any, tmp_path: Path) -> None:
    make_run("ease", day=1)
    newest = make_run("ease", day=3, seed=7)
    make_run("ease", day=2)
    make_run("ease", day=9, task="next-item")
    for given in ("smoke/holdout/ease", "smoke-v1/holdout/ease"):
        assert find_run(tmp_path / "runs", given).record == newest.record


@pytest.mark.parametrize("given", ["smoke/holdout/eas", "smoke-v2/holdout/ease", "zzz", ""])
def test_an_unknown_run_is_answered_with_those_there_are(call: Any, make_run: Any, tmp_path: Path, given: str) -> None:
    make_run("ease")
    done = call("reproduce", given, "--out", tmp_path / "runs")
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert done.err.startswith(f"error: unknown run '{given}'.")
    assert done.err.endswith(" Known: smoke/holdout/ease.\n")


def test_without_results_it_says_what_to_do(call: Any, tmp_path: Path) -> None:
    done = call("reproduce", "smoke/holdout/ease", "--out", tmp_path / "none")
    assert done.code == 2
    assert "there are no results in" in done.err
