"""The wheel holds what it should, and what is installed from it is what runs."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PACKAGES = ("bench", "bench_algorithms", "bench_datasets", "bench_reports")
SOURCES = {"bench": ROOT, **{f"bench_{name}": ROOT / name for name in ("algorithms", "datasets", "reports")}}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The names in a wheel built from this checkout."""
    return _names(_build(ROOT, "wheel", tmp_path_factory.mktemp("wheel")))


def _build(source: Path, kind: str, target: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(target)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (path,) = target.iterdir()
    return path


def _names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


@pytest.mark.parametrize("package", PACKAGES)
def test_every_source_and_data_file_is_inside(wheel: list[str], package: str) -> None:
    folder = SOURCES[package] / package
    files = {
        f"{package}/{path.relative_to(folder).as_posix()}"
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert f"{package}/py.typed" in files
    assert files <= set(wheel)


def test_suites_and_cards_are_inside(wheel: list[str]) -> None:
    assert {"bench/suites/movielens.toml", "bench/suites/movielens-tuned.json", "bench/suites/smoke.toml"} <= set(wheel)
    assert "bench_datasets/cards/movielens-100k.toml" in wheel


def test_nothing_else_is_inside(wheel: list[str]) -> None:
    assert {name.partition("/")[0].partition("-")[0] for name in wheel} == {*PACKAGES, "recsys_bench"}


def test_a_wheel_built_from_the_source_distribution_is_the_same(wheel: list[str], tmp_path: Path) -> None:
    with tarfile.open(_build(ROOT, "sdist", tmp_path / "sdist")) as archive:
        archive.extractall(tmp_path / "source", filter="data")
    (source,) = (tmp_path / "source").iterdir()
    assert (source / "tests" / "packaging" / "test_wheel.py").is_file()
    assert (source / "constraints.txt").is_file()
    assert set(_names(_build(source, "wheel", tmp_path / "wheel"))) == set(wheel)


@pytest.mark.parametrize("folder", ["algorithms", "datasets", "reports"])
def test_source_roots_are_no_packages(folder: str) -> None:
    assert not (ROOT / folder / "__init__.py").exists()


@pytest.mark.parametrize("package", PACKAGES)
def test_the_installed_package_is_what_runs(package: str) -> None:
    origin = importlib.metadata.distribution("recsys-bench").read_text("direct_url.json") or ""
    if '"editable": true' in origin:
        pytest.skip("an editable install runs from the checkout")
    assert Path(str(importlib.import_module(package).__file__)).is_relative_to(sysconfig.get_path("purelib"))


def test_hugging_face_datasets_is_importable_beside_ours() -> None:
    """From the root of the checkout, where a folder of the same name lies."""
    script = "import datasets, bench_datasets; print(datasets.Dataset.from_dict({'x': [1, 2]}).num_rows)"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "2", done.stderr


def test_entry_points_are_found_and_load() -> None:
    points = importlib.metadata.entry_points(group="bench.plugins")
    modules = {point.value for point in points if point.dist and point.dist.name == "recsys-bench"}
    assert modules == {"bench.builtins", "bench_algorithms.plugin", "bench_datasets.plugin"}
    assert all(callable(importlib.import_module(module).register) for module in modules)


def test_the_command_answers() -> None:
    command = [str(Path(sysconfig.get_path("scripts"), "bench")), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "leaderboard" in done.stdout


def test_constraints_pin_everything_that_is_installed_for_this_project() -> None:
    """The package and its development tools, each with what it needs in turn on this Python and platform."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    installed = _installed_for("recsys-bench", {"dev"})
    assert {"torch", "pytest", "sqlalchemy"} <= set(installed)
    assert {name: pins.get(name) for name in installed} == installed


def _installed_for(root: str, extras: set[str]) -> dict[str, str]:
    """Names and versions (without a build's local label) of what is installed because `root` is; not `root`."""
    found: dict[str, str] = {}
    waiting, seen = [(root, "")] + [(root, extra) for extra in sorted(extras)], set()
    while waiting:
        name, extra = node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        distribution = importlib.metadata.distribution(name)
        found[name] = distribution.version.partition("+")[0]
        for requirement in map(Requirement, distribution.requires or []):
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                needed = canonicalize_name(requirement.name)
                waiting += [(needed, "")] + [(needed, of_needed) for of_needed in requirement.extras]
    return {name: version for name, version in found.items() if name != root}


def test_what_the_source_imports_is_declared() -> None:
    """By name, not through what happens to come with something else."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {canonicalize_name(Requirement(text).name) for text in project["dependencies"]}
    owners = importlib.metadata.packages_distributions()
    missing = {
        f"{path.relative_to(ROOT)}: {module}"
        for package in PACKAGES
        for path in (SOURCES[package] / package).rglob("*.py")
        for module in _imported(path) - {*PACKAGES, *sys.stdlib_module_names, "pydantic_core"}
        if not declared & {canonicalize_name(owner) for owner in owners.get(module, [])}
    }
    assert missing == {
        "bench/testing/contract.py: pytest",  # the kit is for pytest, and says so
        "bench/pytest_plugin.py: pytest",  # which loads it
        "algorithms/bench_algorithms/surprise_library.py: surprise",  # an extra, and a row that says so without it
    }


def _imported(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    members = {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level}
    return {name.partition(".")[0] for name in plain | members}
