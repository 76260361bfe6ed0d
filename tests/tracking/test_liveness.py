"""Whether the process behind a run is still there."""

from __future__ import annotations

import subprocess
import sys
import time

from bench.tracking.liveness import GIVEN_UP_SECONDS, is_dead, this_process


def now_ms() -> int:
    return int(time.time() * 1000)


def test_this_process_is_alive() -> None:
    assert not is_dead(this_process(), now_ms())


def test_an_ended_process_is_dead() -> None:
    code = "from bench.tracking.liveness import this_process; print(this_process())"
    identity = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert is_dead(identity, now_ms())


def test_a_reused_number_is_not_the_same_process() -> None:
    host, pid, started = this_process().rsplit("/", 2)
    assert is_dead(f"{host}/{pid}/{int(started) - 1000}", now_ms())


def test_processes_elsewhere_are_given_a_day() -> None:
    elsewhere = "another-machine/1/1"
    assert not is_dead(elsewhere, now_ms())
    assert is_dead(elsewhere, now_ms() - (GIVEN_UP_SECONDS + 60) * 1000)
