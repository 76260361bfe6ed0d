"""`bench calibrate`, on jobs that really run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

TASK = ("--suite", "smoke", "--task", "holdout", "--jobs", "1")


def test_margins_and_seeds_are_proposed_from_seeds_of_one_algorithm(call: Any, tmp_path: Path) -> None:
    done = call("calibrate", *TASK, "--algorithm", "ials", "--seeds", "6", "--out", tmp_path)
    assert done.code == 0, done.err
    lines = [line.split() for line in done.out.splitlines()]
    assert [(line[1], line[3]) for line in lines if line[:1] == ["holdout"]] == [("ials", "2"), ("ials", "3")]
    assert "[gate]" in done.out or "no margin does for all of them" in done.out
    assert len(list(tmp_path.glob("smoke-v2/holdout/ials/seed-*"))) == 6


def test_what_does_not_depend_on_its_seed_needs_no_margin(call: Any, tmp_path: Path) -> None:
    done = call("calibrate", *TASK, "--algorithm", "popularity", "--out", tmp_path)
    said = "nothing here depends on its seed: what is unchanged gives the same values, and passes."
    assert (done.code, " ".join(done.out.split())) == (0, said)


@pytest.mark.parametrize("seeds", ["3", "0"])
def test_four_seeds_are_the_least(call: Any, tmp_path: Path, seeds: str) -> None:
    done = call("calibrate", *TASK, "--seeds", seeds, "--out", tmp_path)
    assert (done.code, "4" in done.err) == (2, True)
