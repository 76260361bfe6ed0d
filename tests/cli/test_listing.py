"""`bench list`: everything by name, in well under a second, without anything heavy."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from bench.plugins import Plugin, load_registries

KINDS = ["algorithms", "datasets", "metrics", "splitters", "suites"]


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that no cell is broken over lines."""
    monkeypatch.setenv("COLUMNS", "300")


@pytest.mark.parametrize("kind", KINDS)
def test_every_name_has_a_line(call: Any, kind: str) -> None:
    done = call("list", kind, "--json")
    lines = json.loads(done.out)
    assert done.code == 0
    assert [line["name"] for line in lines] == list(getattr(load_registries(), kind))
    assert all(line["description"] and line["origin"] for line in lines)
    printed = call("list", kind).out
    assert all(line["name"] in printed for line in lines)


@pytest.mark.parametrize("kind", KINDS)
def test_everything_can_be_shown_in_full(call: Any, kind: str) -> None:
    for name in getattr(load_registries(), kind):
        assert call("list", kind, name).code == 0
        assert json.loads(call("list", kind, name, "--json").out)["name"] == name


def test_an_algorithm_shows_its_fields(call: Any) -> None:
    shown = json.loads(call("list", "algorithms", "ease", "--json").out)
    assert "Steck" in shown["paper"]
    assert shown["fields"] == [
        {
            "field": "l2",
            "type": "float",
            "default": 500.0,
            "allowed": "(0, inf)",
            "search": "1 … 10000 (log)",
            "description": shown["fields"][0]["description"],
        }
    ]
    assert shown["fields"][0]["description"].startswith("Ridge penalty")
    printed = " ".join(call("list", "algorithms", "ease").out.split())
    assert "l2 float 500.0 (0, inf) 1 … 10000 (log) Ridge penalty" in printed


def test_a_metric_shows_its_definition(call: Any) -> None:
    shown = json.loads(call("list", "metrics", "recall", "--json").out)
    assert shown["definition"] == "Σ_{i≤k} r_i / n. The denominator is n, not min(k, n)."
    assert (shown["range"], shown["better"], shown["version"]) == ("0 … 1", "higher", 1)
    assert shown["undefined_for"] == "a user without relevant items"


def test_a_splitter_shows_its_options(call: Any) -> None:
    shown = json.loads(call("list", "splitters", "rolling", "--json").out)
    windows, days = shown["options"]
    assert (windows["option"], windows["type"], windows["default"], windows["allowed"]) == (
        "windows",
        "int",
        3,
        "[1, inf)",
    )
    assert (days["option"], days["default"], days["description"]) == ("days", "required", "Length of a window.")
    printed = " ".join(call("list", "splitters", "rolling").out.split())
    assert "days float required (0, inf) Length of a window." in printed


def test_a_suite_shows_its_tasks_and_algorithms(call: Any) -> None:
    shown = json.loads(call("list", "suites", "movielens", "--json").out)
    assert [task["name"] for task in shown["tasks"]] == ["holdout", "next-item", "temporal"]
    assert {"popularity", "ease", "vae"} <= {row["name"] for row in shown["algorithms"]}
    assert shown["filters"] == {"min_rating": 4.0, "min_user_interactions": 5}
    assert shown["primary_metric"] == "ndcg@10"


@pytest.mark.parametrize(
    ("kind", "given", "near"),
    [
        ("algorithms", "eas", "ease"),
        ("datasets", "movielens-10k", "movielens-100k"),
        ("metrics", "ndgc", "ndcg"),
        ("splitters", "tempral", "temporal"),
        ("suites", "movielen", "movielens"),
        ("suites", "./movielens", "movielens"),
    ],
)
def test_an_unknown_name_is_one_line_with_the_nearest(call: Any, kind: str, given: str, near: str) -> None:
    done = call("list", kind, given)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert done.err.startswith(f"error: unknown {kind.removesuffix('s')} '{given}'. Did you mean '{near}'? Known: ")


def test_an_algorithm_that_cannot_be_imported_is_a_line_that_says_why(
    call: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = load_registries().algorithms
    monkeypatch.setitem(registry._targets, "broken", "no_such_module:Broken")
    monkeypatch.setitem(registry._origins, "broken", "tests")
    done = call("list", "algorithms", "--json")
    line = next(line for line in json.loads(done.out) if line["name"] == "broken")
    assert done.code == 0
    assert line["description"] == (
        "the algorithm 'broken' of tests cannot be loaded: No module named 'no_such_module'."
    )
    assert line["description"] in call("list", "algorithms").out


def test_plugins_show_what_was_skipped_and_why(call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    skipped = Plugin("bad", "bad_plugin", "bad 1.0", "ImportError: [oops]")
    found = replace(load_registries(), plugins=[*load_registries().plugins, skipped])

    monkeypatch.setattr("bench.plugins.load_registries", lambda: found)
    printed = " ".join(call("list", "plugins").out.split())
    listed = json.loads(call("list", "plugins", "--json").out)
    assert "bad skipped: ImportError: [oops] bad 1.0 bad_plugin" in printed
    assert listed[-1] == {
        "name": "bad",
        "module": "bad_plugin",
        "distribution": "bad 1.0",
        "problem": "ImportError: [oops]",
        "added": {},
    }
    assert [plugin["module"] for plugin in listed if plugin["name"] == "bench"] == ["bench.builtins"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["list", "algorithms"],
        ["list", "algorithms", "vae"],
        ["list", "datasets"],
        ["list", "metrics"],
        ["list", "splitters", "given"],
        ["list", "suites"],
        ["list", "suites", "movielens"],
        ["list", "plugins"],
    ],
    ids=" ".join,
)
def test_looking_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom bench.cli import main\nsys.argv = ['bench', *sys.argv[1:]]\n"
        "try:\n    main()\nfinally:\n"
        "    print(sorted({'torch', 'mlflow', 'pandas', 'pyarrow', 'optuna'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1] == "[]"
