"""A clean environment with this package's wheel in it, as a user has it, for the tests of what others build on it."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
Done = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Installed:
    """An environment whose own packages are the wheel and plugins; its dependencies are those of the tests' own."""

    bin: Path

    def run(self, *command: str, cwd: Path, expect: int = 0, env: dict[str, str] | None = None) -> Done:
        """A command of the environment, such as `bench`; fails with what it said if it ends otherwise."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHONPATH", "BENCH_"))}
        environment = {**kept, "PATH": f"{self.bin}{os.pathsep}{kept['PATH']}", "COLUMNS": "200", **(env or {})}
        done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == expect, f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done

    def shell(self, line: str, cwd: Path, expect: int = 0, env: dict[str, str] | None = None) -> Done:
        """A line of a page or of a CI file, as a shell runs it."""
        return self.run("bash", "-euo", "pipefail", "-c", line, cwd=cwd, expect=expect, env=env)


PIP = """#!/bin/sh
# pip without a package index: what is needed is there, and this package perhaps too, in another environment
exec "{python}" -m pip --disable-pip-version-check "$@" --quiet --no-index --no-build-isolation --no-deps -I
"""


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Made once: a wheel of this checkout in an environment that finds the dependencies of this one."""
    folder = tmp_path_factory.mktemp("environment")
    wheels = folder / "wheels"
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(wheels)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    venv.create(folder / "venv", symlinks=True)
    bin_ = folder / "venv" / "bin"
    paths = {"base": str(folder / "venv"), "platbase": str(folder / "venv")}
    packages = Path(sysconfig.get_path("purelib", "venv", paths))
    (packages / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n{sysconfig.get_path('platlib')}\n")
    _script(bin_ / "pip", PIP.format(python=bin_ / "python"))
    _script(bin_ / "pytest", f'#!/bin/sh\nexec "{bin_ / "python"}" -m pytest "$@"\n')
    found = Installed(bin_)
    (wheel,) = wheels.iterdir()
    for what in (wheel, ROOT / "tests" / "plugin_example"):
        found.run("pip", "install", str(what), cwd=folder)
    return found


def _script(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)
