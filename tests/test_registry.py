"""A registry is lazy, checks what it resolves, and shows both sides of a clash."""

import importlib.metadata
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bench import plugins
from bench.errors import UnknownNameError
from bench.registry import Registry, RegistryError


def test_a_target_is_imported_only_when_used() -> None:
    registry: Registry[type] = Registry("thing", Exception)
    sys.modules.pop("this", None)
    registry.add("lazy", "this:Nothing", origin="me")
    assert "this" not in sys.modules
    assert "lazy" in registry


def test_an_unknown_name_gets_the_nearest() -> None:
    registry: Registry[type] = Registry("algorithm", Exception)
    registry.add("item-knn", "builtins:ValueError", origin="me")
    with pytest.raises(UnknownNameError, match=r"unknown algorithm 'itemknn'. Did you mean 'item-knn'"):
        registry.get("itemknn")


def test_a_clash_names_both_sides() -> None:
    registry: Registry[type] = Registry("algorithm", Exception)
    registry.add("mine", "a:A", origin="first 1.0")
    with pytest.raises(RegistryError, match=r"already registered by first 1.0 \(a:A\); second 2.0 .*\(b:B\)"):
        registry.add("mine", "b:B", origin="second 2.0")


def test_what_it_resolves_must_be_of_its_kind() -> None:
    registry: Registry[type] = Registry("error", Exception)
    registry.add("good", "builtins:ValueError", origin="me")
    registry.add("bad", "builtins:int", origin="me")
    assert registry.get("good") is ValueError
    with pytest.raises(RegistryError, match="'bad' of me must be a Exception"):
        registry.get("bad")


def test_a_failing_plugin_is_skipped_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = importlib.metadata.EntryPoint("broken", "a_module_that_is_not_there", plugins.GROUP)
    good = importlib.metadata.EntryPoint("bench", "bench.builtins", plugins.GROUP)
    monkeypatch.setattr(plugins, "entry_points", lambda group: [broken, good])
    registries = plugins.load_registries.__wrapped__()
    assert "ndcg" in registries.metrics
    problems = {plugin.name: plugin.problem for plugin in registries.plugins}
    assert problems["bench"] == ""
    assert "a_module_that_is_not_there" in problems["broken"]


class MadePlugin:
    """A module in `sys.modules`, and its entry point."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, name: str, **content: Any) -> None:
        module = ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
        self.point = importlib.metadata.EntryPoint(name, name, plugins.GROUP)


def load_with(monkeypatch: pytest.MonkeyPatch, *made: MadePlugin) -> plugins.Registries:
    points = [importlib.metadata.EntryPoint("bench", "bench.builtins", plugins.GROUP), *(one.point for one in made)]
    monkeypatch.setattr(plugins, "entry_points", lambda group: points)
    return plugins.load_registries.__wrapped__()


def adds(*names: str) -> Callable[[plugins.Registries], None]:
    def register(registries: plugins.Registries) -> None:
        for name in names:
            registries.metrics.add(name, "nowhere:Nothing", origin="tests")

    return register


def test_a_plugin_that_takes_a_name_is_skipped_and_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    clash = MadePlugin(monkeypatch, "clash_plugin", register=adds("mine", "ndcg", "never"))
    after = MadePlugin(monkeypatch, "good_plugin", register=adds("mine"))
    registries = load_with(monkeypatch, clash, after)
    _, first, second = registries.plugins
    assert first.problem.startswith("the metric 'ndcg' is already registered by recsys-bench")
    assert first.added == {}
    assert second.added == {"metric": ["mine"]}
    assert second.problem == ""
    assert "never" not in registries.metrics


def test_a_plugin_made_for_another_version_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    old = MadePlugin(monkeypatch, "old_plugin", BENCH_API=plugins.API_VERSION + 1, register=adds("mine"))
    same = MadePlugin(monkeypatch, "same_plugin", BENCH_API=plugins.API_VERSION, register=adds("other"))
    registries = load_with(monkeypatch, old, same)
    assert registries.plugins[1].problem.startswith("made for version 2 of the plugin interface, and this bench has 1.")
    assert "mine" not in registries.metrics
    assert "other" in registries.metrics


def test_a_plugin_that_ends_the_process_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    def register(registries: plugins.Registries) -> None:
        raise SystemExit("no licence")

    registries = load_with(monkeypatch, MadePlugin(monkeypatch, "rude_plugin", register=register))
    assert registries.plugins[1].problem == "SystemExit: no licence"


def test_a_plugin_cannot_push_out_what_is_built_in(tmp_path: Path) -> None:
    """By a name that comes earlier in the alphabet."""
    distribution = tmp_path / "acme-1.dist-info"
    distribution.mkdir()
    (distribution / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1\n")
    (distribution / "entry_points.txt").write_text("[bench.plugins]\nacme = acme_of_bench\n")
    (tmp_path / "acme_of_bench.py").write_text(
        "def register(registries):\n    registries.algorithms.add('ease', 'acme_of_bench:Ease', origin='acme')\n"
    )
    code = (
        "from bench.plugins import load_registries as load\n"
        "print(load().algorithms.origin('ease'), [p.distribution for p in load().plugins if p.problem])"
    )
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "recsys-bench ['acme 1']\n"
