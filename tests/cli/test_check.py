"""`bench baseline save` and `bench check`, on jobs that really run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

SUITE = """
name = "own"
version = 1
description = "Two deterministic rows on generated data."
dataset = "smoke"
seed = 7
metrics = ["ndcg@10", "coverage@10"]
primary_metric = "ndcg@10"
[filters]
min_rating = 4.0
[tasks.holdout]
splitter = "holdout"
options = { validation = 0.1, test = 0.2 }
[algorithms.ease]
parameters = { l2 = 20.0 }
[algorithms.popularity]
"""


class World:
    """A folder with a suite, its results and a baseline, and `bench` called in it."""

    def __init__(self, folder: Path, call: Any) -> None:
        self.folder, self.call = folder, call
        self.suite, self.baseline, self.out = folder / "own.toml", folder / "base", folder / "runs"

    def check(self, *more: str) -> Any:
        return self.call(
            "check", "--suite", self.suite, "--baseline", self.baseline, "--out", self.out, "--jobs", 1, *more
        )

    def verdicts(self, *more: str) -> tuple[int, dict[str, dict[str, Any]]]:
        """By algorithm, of a check with --json."""
        done = self.check("--json", *more)
        found = json.loads(done.out)
        assert found["exit_code"] == done.code
        assert done.err.rstrip().endswith(found["summary"])
        return done.code, {one["algorithm"]: one for one in found["verdicts"]}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once; each test works on a copy."""
    from typer.testing import CliRunner

    from bench.cli import app

    folder = tmp_path_factory.mktemp("gate")
    (folder / "own.toml").write_text(SUITE)
    suite, out = str(folder / "own.toml"), str(folder / "runs")
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    runner = CliRunner()
    ran = runner.invoke(app, ["run", "--suite", suite, "--out", out, "--jobs", "1", "--tracking-uri", uri])
    assert ran.exit_code == 0, ran.output
    saved = runner.invoke(app, ["baseline", "save", "--suite", suite, "--results", out, "--out", str(folder / "base")])
    assert saved.exit_code == 0, saved.output
    assert "2 algorithms, 2 runs, ndcg@10" in saved.output
    return folder


@pytest.fixture
def world(made: Path, tmp_path: Path, call: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    shutil.copytree(made, tmp_path / "w")
    monkeypatch.chdir(tmp_path)
    return World(tmp_path / "w", call)


@pytest.mark.parametrize("tier", [(), ("--exact",)])
def test_what_did_not_change_passes(world: World, tier: tuple[str, ...]) -> None:
    code, found = world.verdicts(*tier)
    assert code == 0
    assert {name: one["verdict"] for name, one in found.items()} == {"ease": "pass", "popularity": "pass"}
    assert found["ease"]["reason"] == "the same for every user, bit for bit"


def test_a_worse_parameter_is_a_regression_under_its_own_name(world: World) -> None:
    code, found = world.verdicts("--set", "ease.l2=100000")
    assert code == 1
    assert {name: one["verdict"] for name, one in found.items()} == {"ease": "regressed", "popularity": "pass"}
    assert found["ease"]["high"] < -found["ease"]["margin"] < 0


def test_the_exact_tier_names_the_first_user_that_differs(world: World) -> None:
    code, found = world.verdicts("--exact", "--set", "ease.l2=25")
    assert (code, found["ease"]["verdict"], found["popularity"]["verdict"]) == (1, "changed", "pass")
    assert "users differ; the first is 'u" in found["ease"]["reason"]


def test_no_baseline_is_no_verdict_and_runs_nothing(world: World) -> None:
    shutil.rmtree(world.baseline)
    shutil.rmtree(world.out)
    code, found = world.verdicts()
    assert code == 3
    assert {one["verdict"] for one in found.values()} == {"no verdict"}
    assert "there is no baseline in" in found["ease"]["reason"]
    assert not world.out.exists()


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("min_rating = 4.0", "min_rating = 3.0", "the filters changed: min_rating = 4.0"),
        ("test = 0.2", "test = 0.3", "the splitter's options changed"),
        ("version = 1", "version = 2", "the baseline is of own-v1, and this is own-v2"),
        ("seed = 7", "seed = 8", "the split of the same data changed"),
    ],
)
def test_another_protocol_is_no_verdict(world: World, old: str, new: str, reason: str) -> None:
    world.suite.write_text(SUITE.replace(old, new))
    code, found = world.verdicts()
    assert code == 3
    assert {one["verdict"] for one in found.values()} == {"no verdict"}
    assert reason in found["ease"]["reason"]


def test_another_version_of_a_metric_is_no_verdict(world: World) -> None:
    path = world.baseline / "baseline.json"
    content = json.loads(path.read_text())
    for run in content["contents"]["runs"]:
        run["metrics"]["ndcg@10"]["version"] += 1
    path.write_text(json.dumps(content))
    for tier in ((), ("--exact",)):
        code, found = world.verdicts(*tier)
        assert (code, found["ease"]["verdict"]) == (3, "no verdict")
        assert found["ease"]["reason"] == "ndcg@10 is defined otherwise: version 2 in the baseline, 1 now"


def test_a_damaged_baseline_is_no_verdict(world: World) -> None:
    values = world.baseline / "per_user.parquet"
    values.write_bytes(values.read_bytes()[:-1] + b"?")
    code, found = world.verdicts()
    assert code == 3
    assert "is not the file that baseline.json was saved with" in found["ease"]["reason"]


def test_a_row_without_a_counterpart_does_not_pass_by_silence(world: World) -> None:
    world.suite.write_text(SUITE.replace("[algorithms.popularity]", "[algorithms.random]"))
    code, found = world.verdicts()
    assert (code, found["ease"]["verdict"]) == (3, "pass")
    assert "not in the baseline" in found["random"]["reason"]
    assert found["popularity"]["reason"] == "the suite has it no more"
    assert world.verdicts("--only", "ease")[0] == 0


def test_a_job_that_failed_fails_the_check(world: World) -> None:
    code, found = world.verdicts("--only", "ease", "--set", "ease.l2=21", "--time-limit", "0.001")
    assert (code, found["ease"]["verdict"]) == (1, "no verdict")
    assert "the job ended as 'timeout'" in found["ease"]["reason"]


def test_the_policy_is_the_suite_s_then_the_folder_s_then_the_command_s(world: World) -> None:
    world.suite.write_text(SUITE.replace("[filters]", '[gate]\nmargin = "90%"\n[filters]'))
    change = ("--set", "ease.l2=100000")
    assert world.verdicts(*change)[1]["ease"]["verdict"] == "pass"
    Path("bench.toml").write_text('[gate]\nmargin = "1%"\n')
    assert world.verdicts(*change)[1]["ease"]["verdict"] == "regressed"
    assert world.verdicts(*change, "--margin", "80%")[1]["ease"]["verdict"] == "pass"


def test_files_for_ci(world: World) -> None:
    junit, summary = world.folder / "junit.xml", world.folder / "summary.md"
    summary.write_text("before\n")
    done = world.check("--set", "ease.l2=100000", "--junit", str(junit), "--markdown", str(summary))
    assert done.code == 1
    assert done.out.rstrip().endswith("failed: 1 regressed, 1 pass")
    root = ET.parse(junit).getroot()
    assert (root.get("tests"), root.get("failures")) == ("2", "1")
    (failure,) = root.iter("failure")
    assert (failure.get("type"), (failure.text or "").startswith("verdict: ✗ regressed")) == ("regressed", True)
    text = summary.read_text()
    assert text.startswith("before\n### bench check: failed: 1 regressed, 1 pass\n")
    assert "| ✗ regressed | holdout | ease | ndcg@10 |" in text


def test_the_same_records_give_the_same_bytes_and_nothing_foreign_is_overwritten(world: World) -> None:
    before = {path.name: path.read_bytes() for path in world.baseline.iterdir()}
    save = ("baseline", "save", "--suite", world.suite, "--results", world.out, "--out", world.baseline)
    assert world.call(*save).code == 0
    assert {path.name: path.read_bytes() for path in world.baseline.iterdir()} == before
    (world.baseline / "notes.txt").write_text("mine")
    done = world.call(*save)
    assert (done.code, "a baseline needs a folder of its own" in done.err) == (2, True)
    assert (world.baseline / "notes.txt").read_text() == "mine"


def test_only_metrics_with_values_per_user_are_gated(world: World) -> None:
    done = world.call(
        *("baseline", "save", "--suite", world.suite, "--results", world.out, "--out", world.baseline),
        *("--metrics", "ndcg@10,coverage@10"),
    )
    assert (done.code, "coverage@10" in done.err) == (2, True)


def test_a_metric_that_the_suite_has_not_is_an_error(world: World) -> None:
    done = world.check("--metrics", "ndgc@10")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: unknown gated metric of own-v1 'ndgc@10'. Did you mean 'ndcg@10'?")


def test_a_baseline_of_other_code_than_is_installed_is_noted(world: World) -> None:
    save = ("baseline", "save", "--suite", world.suite, "--results", world.out, "--out", world.baseline)
    assert "not made by the code" not in world.call(*save).err
    (record,) = Path(world.out).glob("*/*/popularity/*/record.json")
    values = json.loads(record.read_text())
    record.write_text(json.dumps(values | {"code": values["code"] | {"content": "0" * 64}}))
    assert (
        "note: not made by the code as it is now: popularity. --rerun of bench run makes them anew"
        in world.call(*save).err
    )
