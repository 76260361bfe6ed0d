"""Runs the installed `bench` on a suite of misbehaving algorithms, as a user would."""

from __future__ import annotations

import json
import os
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest

BENCH = Path(sysconfig.get_path("scripts"), "bench")
SUITE = """
name = "faulty"
version = 1
description = "Algorithms that misbehave."
dataset = "smoke"
seed = 1
metrics = ["ndcg@10"]
primary_metric = "ndcg@10"
[tasks.holdout]
splitter = "holdout"
"""


def install(folder: Path, name: str, source: str) -> None:
    """Lay a module and the entry point that names it into a folder, as an installed package would lie."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / f"{name}.py").write_text(source)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[bench.plugins]\n{name} = {name}\n")


class Bench:
    """The command line in a folder of its own, with the faulty plugin installed."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.out, self.plugins, self.pids = folder, folder / "runs", folder / "plugins", folder / "pids"
        self.pids.mkdir()
        install(self.plugins, "faulty_plugin", (Path(__file__).parent / "faulty_plugin.py").read_text())
        (self.plugins / "faulty_moon.py").write_text("raise RuntimeError('the moon is not there [/b]')\n")
        told = {"PYTHONPATH": self.plugins, "FAULTY_PIDS": self.pids, "FAULTY_OUT": self.out}
        self.env = {**os.environ, **{name: str(path) for name, path in told.items()}}

    def suite(self, *rows: str) -> str:
        """A suite of these algorithms; its path."""
        path = self.folder / "faulty.toml"
        path.write_text(SUITE + "".join(f"[algorithms.{row}]\n" for row in rows))
        return str(path)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """A run in the background."""
        command = [str(BENCH), *arguments]
        return subprocess.Popen(
            command, env=self.env, cwd=self.folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def run(self, *rows: str, options: tuple[str, ...] = ()) -> tuple[int, dict[str, dict[str, Any]], str]:
        """Run a suite of these algorithms: exit code, leaderboard rows by algorithm, stderr."""
        process = self.start("run", "--suite", self.suite(*rows), "--out", str(self.out), "--json", *options)
        out, err = process.communicate(timeout=120)
        board = {row["algorithm"]: row for row in json.loads(out)} if out else {}
        return process.returncode, board, err


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)
