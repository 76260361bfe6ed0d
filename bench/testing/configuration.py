"""What an algorithm must say about itself, and how cheaply."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from bench.errors import UsageError
from bench.search import Choice, FloatRange, IntRange, SearchRange
from bench.testing.case import AlgorithmCase, evaluation_batch, scores_of
from bench.testing.data import tiny_fold

HEAVY = ("torch", "pytorch_lightning", "mlflow", "pandas", "sklearn", "optuna")
"""Modules too slow to import for `bench list` to answer at once."""


def assert_described(case: AlgorithmCase) -> None:
    """The class has a docstring, whose first line describes it, and so has its configuration."""
    for cls in (case.cls, case.cls.Config):
        first = (cls.__dict__.get("__doc__") or "").strip().partition("\n")[0]
        case.require(bool(first), f"have a docstring on {cls.__name__} that says what it is")


def assert_configuration_documented(case: AlgorithmCase) -> None:
    """The defaults are valid, and every hyperparameter has its documentation."""
    case.cls.Config.parse(case.name, {})
    bare = [field.name for field in case.cls.Config.fields() if not field.description]
    case.require(not bare, "document every hyperparameter by a docstring under it", f"Not so: {', '.join(bare)}.")


def assert_search_space_valid(case: AlgorithmCase) -> None:
    """Every value of a search range is a valid one, and the default is within the range."""
    config = case.cls.Config
    default = config.parse(case.name, {})
    for name, search in config.search_space().items():
        value = getattr(default, name)
        case.require(_contains(search, value), f"search '{name}' in a range with its default", f"{value} or {search}.")
        for extreme in _extremes(search):
            try:
                config.parse(case.name, {name: extreme})
            except UsageError as error:
                case.require(False, f"search '{name}' in a range of valid values", str(error))


def _contains(search: SearchRange, value: Any) -> bool:
    if isinstance(search, Choice):
        return value in search.options
    return not isinstance(search, IntRange | FloatRange) or search.low <= value <= search.high


def _extremes(search: SearchRange) -> tuple[Any, ...]:
    if isinstance(search, Choice):
        return search.options
    return (search.low, search.high) if isinstance(search, IntRange | FloatRange) else ()


def assert_configuration_survives_json(case: AlgorithmCase) -> None:
    """The configuration, as passed and as fitted, is the same after a round trip through a record's JSON."""
    for config in (case.new().config, case.fitted.fitted_config):
        case.require(
            type(config) is case.cls.Config, f"have a {case.cls.Config.__name__}", f"Got a {type(config).__name__}."
        )
        again = case.cls.Config.parse(case.name, json.loads(json.dumps(config.model_dump(mode="json"))))
        case.require(again == config, "have a configuration that survives JSON", f"{config!r} became {again!r}.")


def assert_final_fit_ignores_validation(case: AlgorithmCase) -> None:
    """A model made with `fitted_config`, as for the final fit, does not look at validation and can be fitted."""
    model = case.cls(case.fitted.fitted_config)
    case.require(not model.uses_validation, "not use validation with its `fitted_config`")
    fold = tiny_fold()
    case.fit_on(fold.train_and_validation, None, fold.item_features, fold.user_features, model=model)
    scores_of(model, evaluation_batch(fold))


def assert_imports_light(case: AlgorithmCase) -> None:
    """Importing its module imports nothing heavy: that waits until `fit` or `score`."""
    program = (
        "import json, sys; sys.path[:] = json.loads(sys.argv[1]); __import__(sys.argv[2]);"
        "print(json.dumps([name for name in json.loads(sys.argv[3]) if name in sys.modules]))"
    )
    arguments = [json.dumps(sys.path), case.cls.__module__, json.dumps(HEAVY)]
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)
    case.require(done.returncode == 0, "have a module that can be imported by itself", done.stderr)
    heavy = json.loads(done.stdout)
    case.require(not heavy, f"import {', '.join(HEAVY)} only where it uses them", f"Its module imports {heavy}.")
