"""What others build on this package, installed as they would: a plugin, what `bench new` writes, a project's tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest


def test_the_example_is_found_with_all_it_brings(installed: Any, tmp_path: Path) -> None:
    found = json.loads(installed.run("bench", "list", "plugins", "--json", cwd=tmp_path).stdout)
    (example,) = [plugin for plugin in found if plugin["name"] == "example"]
    assert (example["distribution"], example["problem"]) == ("bench-plugin-example 0.3.0", "")
    assert example["added"] == {
        "algorithm": ["co-visits"],
        "dataset": ["corner-shop"],
        "metric": ["first_hit"],
        "suite": ["corner-shop"],
    }


@pytest.fixture(scope="module")
def shop(installed: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with results of the example's suite, and a baseline of them."""
    folder = tmp_path_factory.mktemp("shop")
    installed.run("bench", "run", "--suite", "corner-shop", cwd=folder)
    installed.run("bench", "baseline", "save", "--suite", "corner-shop", "--metrics", "ndcg@5,first_hit@5", cwd=folder)
    return folder


def test_its_suite_runs(installed: Any, shop: Path) -> None:
    board = json.loads(installed.run("bench", "leaderboard", "--format", "json", cwd=shop).stdout)
    rows = {row["algorithm"]: row for row in board}
    assert set(rows) == {"popularity", "co-visits", "ease"}
    assert 0 < rows["co-visits"]["metrics"]["first_hit@5"] <= 1


def test_its_suite_passes_its_gate(installed: Any, shop: Path) -> None:
    check = ("bench", "check", "--suite", "corner-shop", "--baseline", "reports/baselines/corner-shop")
    assert "6 pass" in installed.run(*check, "--metrics", "ndcg@5,first_hit@5", cwd=shop).stdout


TESTS = """
import pytest

@pytest.mark.parametrize("algorithm", ["ease", "co-visits", "popularity"])
def test_quality(bench_check, algorithm):
    report = bench_check(algorithm, suite="corner-shop", baseline="reports/baselines/corner-shop")
    assert [one.algorithm for one in report.verdicts] == [algorithm]

def test_other():
    pass
"""


def test_the_fixture_takes_turns_between_workers(installed: Any, shop: Path) -> None:
    (shop / "test_quality.py").write_text(TESTS)
    done = installed.run("pytest", "-q", "-n", "2", "-p", "no:cacheprovider", "test_quality.py", cwd=shop)
    assert "4 passed" in done.stdout


def test_the_fixture_marks_its_tests(installed: Any, shop: Path) -> None:
    (shop / "test_quality.py").write_text(TESTS)
    done = installed.run("pytest", "-q", "--strict-markers", "-m", "not bench", "test_quality.py", cwd=shop)
    assert "1 passed, 3 deselected" in done.stdout


def test_the_fixture_says_why_and_what_to_do(installed: Any, shop: Path) -> None:
    (shop / "test_missing.py").write_text(
        "def test_quality(bench_check):\n    bench_check('ease', suite='corner-shop', baseline='nowhere')\n"
    )
    out = installed.run("pytest", "-q", "test_missing.py", cwd=shop, expect=1).stdout
    assert "no verdict: holdout · ease · ndcg@5: there is no baseline in" in out
    assert "What to do: save a baseline" in out
    assert "Traceback" not in out
    assert "pytest_plugin.py" not in out


def test_the_plugin_leaves_other_tests_alone(installed: Any, tmp_path: Path) -> None:
    (tmp_path / "test_other.py").write_text(
        "import sys\n\ndef test_nothing_heavy():\n"
        "    loaded = {name.partition('.')[0] for name in sys.modules}\n"
        "    assert 'bench.pytest_plugin' in sys.modules\n"
        "    assert not loaded & {'torch', 'pandas', 'pydantic', 'mlflow', 'numpy', 'filelock'}\n"
        "    assert [name for name in sys.modules if name.startswith('bench.')] == ['bench.pytest_plugin']\n"
    )
    # without the other plugins of this environment, some of which import numpy
    env = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    installed.run("pytest", "-q", "-p", "bench.pytest_plugin", "test_other.py", cwd=tmp_path, env=env)
    assert "recsys-bench" in installed.run("pytest", "--version", "--version", cwd=tmp_path).stdout


def test_a_new_algorithm_passes_its_own_tests(installed: Any, tmp_path: Path) -> None:
    installed.run("bench", "new", "algorithm", "early-riser", "--suite", "smoke", cwd=tmp_path)
    installed.run("pip", "install", "--target", "site", "./early-riser", cwd=tmp_path)
    env = {"PYTHONPATH": str(tmp_path / "site")}
    done = installed.run("pytest", "-q", "early-riser", cwd=tmp_path, env=env)
    assert " passed" in done.stdout
    assert "failed" not in done.stdout
    described = installed.run("bench", "list", "algorithms", "early-riser", "--json", cwd=tmp_path, env=env).stdout
    fields = json.loads(described)["fields"]
    assert [field["field"] for field in fields] == ["shrinkage", "damping"]
    assert all(field["search"] for field in fields)
