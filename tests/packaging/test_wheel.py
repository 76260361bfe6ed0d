"""The wheel holds what it should, and what is installed from it is what runs."""

from __future__ import annotations

import importlib
import importlib.metadata
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("bench", "bench_algorithms", "bench_datasets", "bench_reports")
SOURCES = {"bench": ROOT, **{f"bench_{name}": ROOT / name for name in ("algorithms", "datasets", "reports")}}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The names in a wheel built from this checkout."""
    target = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (path,) = target.glob("*.whl")
    return zipfile.ZipFile(path).namelist()


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
    assert {"bench/suites/movielens.toml", "bench/suites/smoke.toml"} <= set(wheel)
    assert "bench_datasets/cards/movielens-100k.toml" in wheel


def test_nothing_else_is_inside(wheel: list[str]) -> None:
    assert {name.partition("/")[0].partition("-")[0] for name in wheel} == {*PACKAGES, "recsys_bench"}


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


def test_constraints_pin_every_installed_dependency() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {line.partition("==")[0] for line in lines if line and not line.startswith("#")}
    needed, seen = ["recsys-bench"], set()
    while needed:
        name = needed.pop().lower().replace("_", "-")
        if name in seen:
            continue
        seen.add(name)
        try:
            requirements = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # an extra or a marker left it out
        needed += [_name(requirement) for requirement in requirements if "extra ==" not in requirement]
    installed = {d.metadata["Name"].lower().replace("_", "-") for d in importlib.metadata.distributions()}
    assert (seen & installed) - {"recsys-bench"} <= pinned


def _name(requirement: str) -> str:
    from packaging.requirements import Requirement

    return Requirement(requirement).name
