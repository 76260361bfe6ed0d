"""The README says what is so: its tables are generated, and its example is a working plugin."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from bench.algorithm import Context, UserBatch
from bench.dataset_source import Acquire
from bench.plugins import load_registries, new_registries
from bench.suite import load_suite

ROOT = Path(__file__).parents[1]


def load(path: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def test_its_tables_are_fresh() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert load(ROOT / "docs" / "tables.py", "tables").fresh(text) == text, "run: python docs/tables.py"


@pytest.mark.parametrize(("page", "suite"), [("README.md", "movielens"), ("docs/leaderboard.md", "movielens-full")])
def test_leaderboards_have_every_row_of_their_suite(page: str, suite: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    board = text.partition("<!-- leaderboard -->")[2].partition("<!-- /leaderboard -->")[0]
    installed = load_suite(suite, load_registries())
    assert f"### {installed.label} · holdout" in board
    assert [row for row in installed.algorithms if f"| {row} |" not in board] == []


def test_its_example_is_a_plugin_that_works(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (source,) = re.findall(r"```python\n(# my_recommender.*?)```", text, re.DOTALL)
    (tmp_path / "my_recommender.py").write_text(source)
    registries = new_registries()
    load(tmp_path / "my_recommender.py", "my_recommender").register(registries)
    data = load_registries().datasets.get("smoke").load(Acquire()).interactions
    model = registries.algorithms.get("damped-popularity")(power=1.0).fit(data, None, Context())
    scores = model.score(UserBatch(data.user[:2], data.histories(data.user[:2])))
    assert scores.argmax(1).tolist() == [pytest.approx(int(scores[0].argmax()))] * 2
