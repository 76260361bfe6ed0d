"""The pages for people's own projects say what works: their commands are read out of them and run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from bench.suite import OWN_OF_EXTENSION

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "your-own-algorithm.md").read_text(encoding="utf-8")
CI = {"github-actions.yml": "$GITHUB_STEP_SUMMARY", "gitlab-ci.yml": "exact.md"}
"""The files, and where the exact tier writes its Markdown."""


@pytest.fixture
def alone(installed: Any) -> Iterator[Any]:
    """The environment, without the page's package when the test has ended."""
    yield installed
    installed.run("python", "-m", "pip", "uninstall", "--yes", "--quiet", "late-bloomer", cwd=DOCS)


def test_five_commands_lead_to_a_row_and_a_passing_gate(alone: Any, tmp_path: Path) -> None:
    (block,) = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    commands = block.splitlines()
    assert len(commands) == 5
    said = [alone.shell(command, cwd=tmp_path).stdout for command in commands]
    assert re.search(r"^\W*\d\W+late-bloomer\b", said[2], re.MULTILINE)
    assert "3 pass" in said[4]
    (toml,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    written = (tmp_path / "late-bloomer" / "src" / "late_bloomer" / "suite.toml").read_text()
    assert set(toml.split()) <= set(written.split())
    assert {line.partition(" =")[0] for line in toml.splitlines() if " = " in line} < {"extends", *OWN_OF_EXTENSION}


def test_the_pages_test_of_quality_passes(alone: Any, tmp_path: Path) -> None:
    """After the five commands; and fails once the model is worse, saying so."""
    for command in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)[0].splitlines()[:4]:
        alone.shell(command, cwd=tmp_path)
    (test,) = re.findall(r"```python\n(def test_quality.*?)```", PAGE, re.DOTALL)
    (tmp_path / "test_quality.py").write_text(test)
    assert "1 passed" in alone.run("pytest", "-q", "test_quality.py", cwd=tmp_path).stdout
    model = tmp_path / "late-bloomer" / "src" / "late_bloomer" / "model.py"
    good = "np.asarray(batch.history.csr() @ self.similarity, dtype=np.float32)"
    assert good in model.read_text()
    model.write_text(model.read_text().replace(good, f"-{good}"))
    out = alone.run("pytest", "-q", "test_quality.py", cwd=tmp_path, expect=1).stdout
    assert "regressed: holdout · late-bloomer · ndcg@10: worse by" in out
    assert "What to do: undo the change" in out


def _commands(name: str) -> list[str]:
    """What the exact tier runs, after the installation."""
    job = yaml.safe_load((DOCS / "ci" / name).read_text(encoding="utf-8"))
    if "jobs" in job:
        return [step["run"] for step in job["jobs"]["exact"]["steps"] if "bench" in step.get("run", "")]
    return list(job["exact"]["script"])


@pytest.mark.parametrize("name", CI)
def test_the_exact_tier_of_a_ci_file_runs(installed: Any, tmp_path: Path, name: str) -> None:
    save = ("bench", "baseline", "save", "--suite", "corner-shop", "--out", "reports/baselines/exact")
    installed.run("bench", "run", "--suite", "corner-shop", cwd=tmp_path)
    installed.run(*save, cwd=tmp_path)
    summary = tmp_path / "exact.md"
    env = {"EXACT_SUITE": "corner-shop", "GITHUB_STEP_SUMMARY": str(summary)}
    for command in _commands(name):
        assert command.startswith("bench check ")
        assert CI[name] in command
        installed.shell(command, cwd=tmp_path, env=env)
    assert summary.read_text().startswith("### bench check: passed: 3 pass")
    assert len(ElementTree.parse(tmp_path / "exact.xml").findall(".//testcase")) == 3
    gone = tmp_path / "reports" / "baselines" / "exact" / "baseline.json"
    gone.unlink()
    for command in _commands(name):
        installed.shell(command, cwd=tmp_path, env=env, expect=3)


@pytest.mark.parametrize("name", CI)
def test_the_nightly_tier_of_a_ci_file_is_a_command_that_exists(installed: Any, tmp_path: Path, name: str) -> None:
    """It needs real data and seeds, so only its options are tried."""
    text = (DOCS / "ci" / name).read_text(encoding="utf-8")
    options = set(re.findall(r"(--[a-z]+)", text))
    known = installed.run("bench", "check", "--help", cwd=tmp_path).stdout
    assert {"--baseline", "--markdown", "--junit", "--exact"} <= options
    assert [option for option in sorted(options) if option not in known] == []


def test_the_pages_benchmark_runs(installed: Any, tmp_path: Path) -> None:
    (test,) = re.findall(r"```python\n(from bench.testing.*?)```", PAGE, re.DOTALL)
    (tmp_path / "test_speed.py").write_text(test.replace("late-bloomer", "co-visits"))
    installed.run("pytest", "-q", "test_speed.py", "--benchmark-json=speed.json", cwd=tmp_path)
    (timed,) = json.loads((tmp_path / "speed.json").read_text())["benchmarks"]
    assert timed["name"] == "test_fit_is_fast"
