"""`bench export-fold` on the smoke suite."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest


def test_it_writes_the_fold_and_says_how_to_go_on(call: Any, tmp_path: Path) -> None:
    folder = tmp_path / "fold"
    done = call("export-fold", "--suite", "smoke", "--task", "next-item", "--to", folder)
    assert (done.code, done.out) == (0, f"{folder}\n")
    found = json.loads((folder / "fold.json").read_text())
    assert (found["suite"]["name"], found["task"]) == ("smoke", "next-item")
    assert f"{found['fold']['users']['test']} users are evaluated." in done.err
    assert f"--n-items {found['n_items']}" in done.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--suite", "smok", "--task", "holdout"], "unknown suite 'smok'. Did you mean 'smoke'? Known: "),
        (["--suite", "smoke", "--task", "holdot"], "unknown task in suite 'smoke' 'holdot'. Did you mean 'holdout'?"),
    ],
)
def test_unknown_names_are_one_line_with_the_nearest(
    call: Any, tmp_path: Path, options: list[str], message: str
) -> None:
    done = call("export-fold", *options, "--to", tmp_path / "fold")
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert done.err.startswith(f"error: {message}")
    assert not (tmp_path / "fold").exists()


def test_a_folder_with_something_in_it_is_refused_before_any_work(call: Any, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    done = call("export-fold", "--suite", "no-such-suite", "--task", "holdout", "--to", tmp_path)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "exists and is not empty" in done.err
