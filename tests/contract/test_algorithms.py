"""The contract kit over every algorithm that is registered."""

from __future__ import annotations

import inspect
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import pytest

from bench.plugins import load_registries
from bench.testing import CHECKS, AlgorithmCase, AlgorithmContract

QUICK: dict[str, dict[str, Any]] = {
    "lstm": {"epochs": 2, "embedding_units": 4, "hidden_units": 4},
    "gru": {"epochs": 2, "embedding_units": 4, "hidden_units": 4},
    "sasrec": {"epochs": 2, "embedding_units": 4},
    "caser": {"epochs": 2, "embedding_units": 4},
    "lightgcn": {"epochs": 2},
    "mult-dae": {"epochs": 2},
    "vae": {"epochs": 2},
    "recvae": {"epochs": 2, "hidden_units": 16, "latent_units": 8},
    "cfgan": {"epochs": 2},
    "gan-augmented": {"epochs": 2},
    "bpr-mf": {"epochs": 2},
    "hybrid-factorisation": {"epochs": 2, "validate_every": 2},
    "two-tower": {"epochs": 2, "validate_every": 2},
    "biased-mf": {"epochs": 2},
    "hybrid-cascade": {"candidates": 5},
    "bagging": {"n_estimators": 2},
    "surprise": {"parameters": {"n_epochs": 2, "n_factors": 4}},
}
"""Parameters that make the slow ones fast."""
EXEMPT: dict[str, dict[str, str]] = {
    "hybrid-weighted": {
        "fits_on_train_only": "normalises each member's scores over a user's candidates, cold ones too, as it scores"
    },
}
"""Checks that need not pass, with the reason."""
if find_spec("surprise") is None:
    EXEMPT["surprise"] = dict.fromkeys(CHECKS, "the library Surprise is not installed")
if find_spec("wordllama") is None:
    EXEMPT["content-embeddings"] = dict.fromkeys(CHECKS, "the library wordllama is not installed")


class TestEveryAlgorithm(AlgorithmContract):
    cases: ClassVar[list[AlgorithmCase]] = [
        AlgorithmCase(name, QUICK.get(name, {}), EXEMPT.get(name, {})) for name in load_registries().algorithms
    ]


def test_no_plugin_was_skipped() -> None:
    assert not [plugin for plugin in load_registries().plugins if plugin.problem]


def test_quick_parameters_and_exemptions_are_those_of_registered_algorithms() -> None:
    assert set(QUICK) | set(EXEMPT) <= set(load_registries().algorithms)


OURS = [name for name in load_registries().algorithms if load_registries().algorithms.origin(name) == "recsys-bench"]


@pytest.mark.parametrize("name", OURS)
def test_every_algorithm_has_unit_tests_of_its_own(name: str) -> None:
    algorithm = load_registries().algorithms.get(name)
    module = Path(inspect.getfile(algorithm)).stem
    tests = Path(__file__).parents[1] / "algorithms" / f"test_{module}.py"
    assert tests.is_file(), f"'{name}' needs tests in {tests.name}"
    assert algorithm.__name__ in tests.read_text(encoding="utf-8")
