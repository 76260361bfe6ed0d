"""The contract kit over every algorithm that is registered."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any, ClassVar

import pytest

from bench.plugins import load_registries
from bench.testing import AlgorithmCase, AlgorithmContract

QUICK: dict[str, dict[str, Any]] = {
    "lstm": {"epochs": 2, "embedding_units": 4, "hidden_units": 4},
    "vae": {"epochs": 2},
    "gan-augmented": {"epochs": 2},
}
"""Parameters that make the slow ones fast."""


class TestEveryAlgorithm(AlgorithmContract):
    cases: ClassVar[list[AlgorithmCase]] = [
        AlgorithmCase(name, QUICK.get(name, {})) for name in load_registries().algorithms
    ]


def test_no_plugin_was_skipped() -> None:
    assert not [plugin for plugin in load_registries().plugins if plugin.problem]


def test_quick_parameters_are_those_of_registered_algorithms() -> None:
    assert set(QUICK) <= set(load_registries().algorithms)


OURS = [name for name in load_registries().algorithms if load_registries().algorithms.origin(name) == "recsys-bench"]


@pytest.mark.parametrize("name", OURS)
def test_every_algorithm_has_unit_tests_of_its_own(name: str) -> None:
    algorithm = load_registries().algorithms.get(name)
    module = Path(inspect.getfile(algorithm)).stem
    tests = Path(__file__).parents[1] / "algorithms" / f"test_{module}.py"
    assert tests.is_file(), f"'{name}' needs tests in {tests.name}"
    assert algorithm.__name__ in tests.read_text(encoding="utf-8")
