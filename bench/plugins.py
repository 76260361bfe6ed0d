"""Where names come from: entry points in the group "bench.plugins", built-in packages included.

An entry point names a module whose `register(registries)` adds algorithms, datasets, metrics, splitters or
suites. A module that fails is skipped with its reason; the others work. Nothing heavy is imported here.
"""

from __future__ import annotations

import importlib
import logging
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from bench.registry import Registry

GROUP = "bench.plugins"
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plugin:
    """One entry point: its distribution, and why it was skipped, if it was."""

    name: str
    module: str
    distribution: str
    problem: str = ""


@dataclass(frozen=True)
class Registries:
    """All that can be named. A plugin's `register` gets this and adds to it under `origin`."""

    algorithms: Registry[Any]
    datasets: Registry[Any]
    metrics: Registry[Any]
    splitters: Registry[Any]
    suites: Registry[Path]
    readers: Registry[Any]
    """Data sets in files that the user names by a path: loaders that take it."""
    plugins: list[Plugin] = field(default_factory=list)


def new_registries() -> Registries:
    """Empty registries."""
    from bench.algorithm import Algorithm
    from bench.dataset_source import DatasetLoader
    from bench.metrics.base import Metric
    from bench.protocol.splitters import Splitter

    return Registries(
        Registry("algorithm", Algorithm),
        Registry("dataset", DatasetLoader),
        Registry("metric", Metric),
        Registry("splitter", Splitter),
        Registry("suite", Path),
        Registry("reader", DatasetLoader),
    )


@cache
def load_registries() -> Registries:
    """Everything that is installed, discovered once a process."""
    registries = new_registries()
    for point in sorted(entry_points(group=GROUP), key=lambda point: (point.name != "bench", point.name)):
        registries.plugins.append(_register(point, registries))
    return registries


def _register(point: EntryPoint, registries: Registries) -> Plugin:
    distribution = f"{point.dist.name} {point.dist.version}" if point.dist else "unknown"
    try:
        importlib.import_module(point.value).register(registries)
    except Exception as error:  # a plugin may fail in any way; the rest must go on
        problem = f"{type(error).__name__}: {error}"
        logger.warning("plugin '%s' (%s) was skipped: %s", point.name, distribution, problem)
        return Plugin(point.name, point.value, distribution, problem)
    return Plugin(point.name, point.value, distribution)
