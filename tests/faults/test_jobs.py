"""Rows of the fault matrix that one job can cause. Each fault is real; the others' results must survive."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest


def wait_for_pid(bench: Any) -> int:
    """The process that is in the fit of `hangs`."""
    give_up = time.monotonic() + 60
    while time.monotonic() < give_up:
        for path in bench.pids.iterdir():
            return int(path.name)
        time.sleep(0.1)
    raise AssertionError("no job reached its fit")


def is_alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def wait_until_gone(pid: int, seconds: float) -> None:
    give_up = time.monotonic() + seconds
    while is_alive(pid):
        assert time.monotonic() < give_up, f"process {pid} outlived its run by {seconds} s"
        time.sleep(0.1)


def records(bench: Any) -> dict[str, str]:
    """Contents of all records by path."""
    return {str(path): path.read_text() for path in sorted(bench.out.glob("faulty-v1/*/*/seed-*/record.json"))}


BAD = {
    "raises": ("failed", "RuntimeError: my own mistake"),
    "segfaults": ("failed", "SIGSEGV"),
    "exits": ("failed", "exit code 0 before it stored a result"),
    "quits": ("failed", "SystemExit: 3"),
    "needsmoon": ("failed", "the moon is not there [/b]"),
    "unwritable": ("failed", "the result could not be written"),
    "diverges": ("diverged", "the loss was NaN in epoch 3"),
    "nanscores": ("failed", "'nanscores' must give finite scores. Got NaN or inf for user"),
    "repeats": ("failed", "'repeats' must recommend no item twice"),
}


def test_each_bad_job_costs_its_own_row_only(bench: Any) -> None:
    code, board, _ = bench.run(*BAD, "good", "tied", "recalls")
    assert code == 1
    assert board["good"]["status"] == board["tied"]["status"] == board["recalls"]["status"] == "ok"
    (child,) = bench.pids.iterdir()  # of the process that `exits` started and left
    wait_until_gone(int(child.name), 2)
    for row, (status, reason) in BAD.items():
        assert board[row]["status"] == status
        assert reason in board[row]["reason"]
        assert set(board[row]["metrics"].values()) == {None}
    by_row = {Path(path).parent.parent.name: text for path, text in records(bench).items()}
    assert "in fit" in by_row["raises"]
    assert "Segmentation fault" in by_row["segfaults"]
    assert "recommended items were already in the history" in by_row["recalls"]
    assert "all scores were tied" in by_row["tied"]


def test_a_job_over_its_time_limit(bench: Any) -> None:
    code, board, _ = bench.run("good", "hangs", options=("--time-limit", "6"))
    assert code == 1
    assert board["hangs"]["status"] == "timeout"
    assert "limit of 6 seconds" in board["hangs"]["reason"]
    assert board["good"]["status"] == "ok"
    wait_until_gone(wait_for_pid(bench), 2)


def test_a_failing_rerun_keeps_the_older_result(bench: Any) -> None:
    assert bench.run("slow")[0] == 0
    before = records(bench)
    code, board, _ = bench.run("slow", options=("--rerun", "--time-limit", "0.5"))
    assert code == 1
    assert board["slow"]["status"] == "timeout"
    assert records(bench) == before
    assert bench.run("slow")[1]["slow"]["status"] == "ok"


def test_a_job_over_its_memory_limit(bench: Any) -> None:
    code, board, _ = bench.run("hogs", "good", options=("--memory-limit", "1500MiB"))
    assert code == 1
    assert board["hogs"]["status"] == "out of memory"
    assert "limit of 1,500 MiB" in board["hogs"]["reason"]
    assert board["good"]["status"] == "ok"


def test_ctrl_c_ends_the_children_and_keeps_what_is_finished(bench: Any) -> None:
    process = bench.start("run", "--suite", bench.suite("good", "hangs"), "--out", str(bench.out), "--jobs", "1")
    child = wait_for_pid(bench)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert process.returncode == 130
    assert "Traceback" not in err
    wait_until_gone(child, 2)
    statuses = {Path(path).parent.parent.name: text for path, text in records(bench).items()}
    assert '"status": "ok"' in statuses["good"]
    assert '"status": "interrupted"' in statuses["hangs"]


def test_sigterm_is_not_a_result(bench: Any) -> None:
    process = bench.start("run", "--suite", bench.suite("hangs"), "--out", str(bench.out))
    wait_for_pid(bench)
    process.terminate()
    process.communicate(timeout=10)
    assert process.returncode != 0
    (text,) = records(bench).values()
    assert '"status": "interrupted"' in text


def test_sigterm_to_one_job(bench: Any) -> None:
    process = bench.start("run", "--suite", bench.suite("good", "hangs"), "--out", str(bench.out), "--json")
    os.kill(wait_for_pid(bench), signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 1
    assert sum('"status": "interrupted"' in text for text in records(bench).values()) == 1


def test_kill_9_of_the_run_keeps_finished_jobs_and_only_the_missing_run_again(bench: Any) -> None:
    process = bench.start("run", "--suite", bench.suite("good", "hangs"), "--out", str(bench.out), "--jobs", "1")
    child = wait_for_pid(bench)
    process.kill()
    process.communicate(timeout=10)
    wait_until_gone(child, 10)
    before = records(bench)
    assert len(before) == 1
    code, board, _ = bench.run("good", "tied")
    assert code == 0
    assert board["good"]["status"] == board["tied"]["status"] == "ok"
    after = records(bench)
    assert {path: after[path] for path in before} == before


def test_a_second_run_on_the_same_folder_is_told_who_holds_it(bench: Any) -> None:
    process = bench.start("run", "--suite", bench.suite("hangs"), "--out", str(bench.out))
    wait_for_pid(bench)
    code, _, err = bench.run("good")
    process.terminate()
    process.communicate(timeout=10)
    assert code == 2
    assert f"is in use by process {process.pid}" in err


def test_a_plugin_that_fails_is_skipped_and_the_others_work(bench: Any) -> None:
    from importlib import util

    assert util.find_spec("broken_plugin") is None
    info = bench.plugins / "broken_plugin-1.0.dist-info"
    info.mkdir()
    (bench.plugins / "broken_plugin.py").write_text("raise ImportError('needs the moon')\n")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken_plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[bench.plugins]\nbroken_plugin = broken_plugin\n")
    code, board, err = bench.run("good")
    assert code == 0
    assert board["good"]["status"] == "ok"
    assert "needs the moon" in err


def test_a_full_disk_costs_the_job_and_not_the_older_results(bench: Any) -> None:
    """A real full file system: a tmpfs that a job fills before its result is written."""
    bench.out.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64M", "tmpfs", str(bench.out)], check=False)
    if mounted.returncode:
        pytest.skip("mounting a file system needs root")
    try:
        assert bench.run("good")[0] == 0
        before = records(bench)
        code, board, _ = bench.run("good", "hoards")
        assert code == 1
        assert board["hoards"]["status"] == "failed"
        assert "No space left" in board["hoards"]["reason"]
        assert board["good"]["status"] == "ok"
        assert {path: text for path, text in records(bench).items() if path in before} == before
        code, _, err = bench.run("good", "tied")
        assert code == 2
        assert "error: disk: " in err, "what cannot be stored is not begun"
    finally:
        subprocess.run(["umount", str(bench.out)], check=True)
