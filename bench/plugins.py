"""Where names come from: entry points in the group "bench.plugins", built-in packages included.

An entry point names a module whose `register(registries)` adds algorithms, datasets, metrics, splitters or
suites. It may say `BENCH_API = 1`: the version of this interface that it was made for. A module that fails, or was
made for another version, is skipped with its reason and leaves nothing behind; the others work. Nothing heavy is
imported here.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from bench.errors import BenchError, UsageError
from bench.registry import Registry

GROUP = "bench.plugins"
API_VERSION = 1
"""Of what `register` is given and what it may add; one that breaks plugins raises it."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plugin:
    """One entry point: its distribution with its version, what it added by kind, and why it was skipped, if it was."""

    name: str
    module: str
    distribution: str
    problem: str = ""
    added: Mapping[str, list[str]] = field(default_factory=dict)


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

    def names(self) -> dict[str, list[str]]:
        """All that is registered, by kind, in the order in which it came."""
        return {registry.kind: list(registry) for registry in self._all()}

    def remove(self, names: Mapping[str, list[str]]) -> None:
        """Forget what a plugin added before it failed."""
        for registry in self._all():
            for name in names.get(registry.kind, []):
                registry.remove(name)

    def _all(self) -> tuple[Registry[Any], ...]:
        return (self.algorithms, self.datasets, self.metrics, self.splitters, self.suites, self.readers)


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
    for point in sorted(entry_points(group=GROUP), key=_order):
        registries.plugins.append(_register(point, registries))
    return registries


def _order(point: EntryPoint) -> tuple[bool, bool, str]:
    """The built-in packages first: who takes one of their names must not push them out."""
    built_in = point.dist is not None and point.dist.name == "recsys-bench"
    return not built_in, point.name != "bench", point.name


def _register(point: EntryPoint, registries: Registries) -> Plugin:
    distribution = f"{point.dist.name} {point.dist.version}" if point.dist else "unknown"
    before, problem = registries.names(), ""
    try:
        module = importlib.import_module(point.value)
        _require_version(getattr(module, "BENCH_API", API_VERSION))
        module.register(registries)
    except (Exception, SystemExit) as error:  # a plugin may fail in any way; the rest must go on
        problem = str(error) if isinstance(error, BenchError) else f"{type(error).__name__}: {error}"
    added = {kind: new for kind, names in registries.names().items() if (new := names[len(before[kind]) :])}
    if problem:
        registries.remove(added)
        logger.warning("plugin '%s' (%s) was skipped: %s", point.name, distribution, problem)
        return Plugin(point.name, point.value, distribution, problem)
    return Plugin(point.name, point.value, distribution, added=added)


def _require_version(stated: object) -> None:
    if stated != API_VERSION:
        raise UsageError(
            f"made for version {stated} of the plugin interface, and this bench has {API_VERSION}. Install a release "
            f"of the plugin that says BENCH_API = {API_VERSION}, or another release of recsys-bench."
        )
