"""What a result depends on beside data and parameters: code, packages, machine."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil

import bench
from bench.algorithm import Algorithm
from bench.records import Code, Environment
from bench.running.settings import Settings

NUMERIC_PACKAGES = ("numpy", "scipy", "scikit-learn", "torch", "pytorch-lightning")
"""Their versions are part of a job's key."""
HARNESS_SOURCES = (
    "interactions.py",
    "seeds.py",
    "batches.py",
    "algorithm.py",
    "topk.py",
    "ranking.py",
    "evaluation.py",
    "lightning.py",
    "lightning_runner.py",
    "metrics",
    "slices.py",
    "running/job.py",
    "running/assess.py",
)
"""The files of the harness that can change a result; the fold's fingerprint stands for the protocol."""


@cache
def package_versions() -> dict[str, str]:
    """Installed versions of the packages that compute, and of the harness."""
    return {name: metadata.version(name) for name in (*NUMERIC_PACKAGES, "recsys-bench")}


@cache
def versions_of(modules: tuple[str, ...]) -> dict[str, str]:
    """Installed versions of the packages that modules come from; none for what is in no package."""
    owners = metadata.packages_distributions()
    found = {name for module in modules for name in owners.get(module.partition(".")[0], ())}
    return {name: metadata.version(name) for name in sorted(found) if name != "recsys-bench"}


@cache
def code_of(algorithm: type[Algorithm[Any]]) -> Code:
    """The harness's version, and a hash of the harness's and the algorithm's own source.

    The whole top-level package of the algorithm counts: what it imports from there, lazily or by name, is
    then included.
    """
    harness = Path(bench.__file__).parent
    files = [file for source in HARNESS_SOURCES for file in _python_files(harness / source)]
    files += _package_files(algorithm.__module__.partition(".")[0])
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    commit, dirty = _git_state(harness)
    return Code(version=metadata.version("recsys-bench"), content=digest.hexdigest(), commit=commit, dirty=dirty)


def _package_files(package: str) -> list[Path]:
    spec = find_spec(package)
    if spec is None:
        return []
    origins = [*(spec.submodule_search_locations or ()), *([] if spec.submodule_search_locations else [spec.origin])]
    return [file for origin in origins if origin for file in _python_files(Path(origin))]


def _python_files(path: Path) -> list[Path]:
    return [path] if path.is_file() else sorted(path.rglob("*.py"))


@cache
def _git_state(folder: Path) -> tuple[str | None, bool | None]:
    """The commit of the checkout the code runs from, and whether it was changed; None if it is installed."""
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        if _git(folder, "ls-files", "--error-unmatch", str(folder / "__init__.py")) is None or commit is None:
            return None, None
        return commit, bool(_git(folder, "status", "--porcelain"))
    except OSError:
        return None, None


def _git(folder: Path, *arguments: str) -> str | None:
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=20, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else None


def environment(settings: Settings, imports: tuple[str, ...] = ()) -> Environment:
    """The machine as it is now. Imports torch where the device is not the CPU.

    imports: modules of the algorithm, whose packages are listed too.
    """
    return Environment(
        python=platform.python_version(),
        platform=f"{sys.platform}-{platform.machine()}",
        processor=_processor(),
        cores=os.cpu_count() or 1,
        memory_bytes=psutil.virtual_memory().total,
        device=settings.device,
        device_name=_device_name(settings.device),
        precision=settings.precision,
        threads=settings.threads,
        packages=package_versions() | versions_of(imports),
    )


@cache
def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def _device_name(device: str) -> str:
    if not device.startswith("cuda"):
        return _processor()
    import torch

    return str(torch.cuda.get_device_name(torch.device(device)))
