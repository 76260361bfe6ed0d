"""A registry is lazy, checks what it resolves, and shows both sides of a clash."""

import importlib.metadata
import sys

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
