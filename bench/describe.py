"""Everything that can be named, described from its registry entry in JSON-ready values.

A `…_line` is one line of a list; the other functions give all there is to say of one thing.
"""

from __future__ import annotations

from typing import Any

from pydantic_core import PydanticUndefined

from bench.algorithm import Algorithm
from bench.card import Card
from bench.config import FieldInfo
from bench.metrics.base import Metric
from bench.plugins import load_registries
from bench.protocol.splitters import Splitter
from bench.suite import Row, Suite, Task, load_suite


def algorithm_line(name: str) -> dict[str, Any]:
    """Name, description, origin."""
    registry = load_registries().algorithms
    return {"name": name, "description": _first_line(registry.get(name)), "origin": registry.origin(name)}


def algorithm(name: str) -> dict[str, Any]:
    """Description, needs, paper and every hyperparameter. Raises UnknownNameError."""
    registry = load_registries().algorithms
    kind: type[Algorithm[Any]] = registry.get(name)
    return {
        "name": name,
        "description": _first_line(kind),
        "details": _after_first_line(kind),
        "paper": kind.paper,
        "needs": sorted(kind.needs),
        "serves_unseen_users": kind.serves_unseen_users,
        "depends_on_the_seed": kind.seeded,
        "origin": registry.origin(name),
        "fields": [_field(info) for info in kind.Config.fields()],
    }


def _field(info: FieldInfo) -> dict[str, Any]:
    return {
        "field": info.name,
        "type": info.type,
        "default": info.default,
        "allowed": info.allowed,
        "search": info.search,
        "description": info.description,
    }


def dataset_line(name: str) -> dict[str, Any]:
    """Name, title, version, origin."""
    card = _card(name)
    origin = load_registries().datasets.origin(name)
    return {"name": name, "version": card.version, "description": card.title, "origin": origin}


def dataset(name: str) -> dict[str, Any]:
    """The card; of its sources, what they are and where they come from. Raises UnknownNameError."""
    card = _card(name)
    return {
        **card.model_dump(mode="json", exclude={"sources"}),
        "origin": load_registries().datasets.origin(name),
        "sources": [
            {"title": source.title, "from": source.url or source.package or "a folder that you name"}
            for source in card.sources
        ],
    }


def _card(name: str) -> Card:
    card: Card = load_registries().datasets.get(name).card
    return card


def metric_line(name: str) -> dict[str, Any]:
    """Name, description, range, direction, version, origin."""
    registry = load_registries().metrics
    kind: type[Metric] = registry.get(name)
    return {
        "name": name,
        "description": _first_line(kind),
        "range": _range(kind),
        "better": _better(kind),
        "origin": registry.origin(name),
    }


def metric(name: str) -> dict[str, Any]:
    """Definition, range, direction, version, when it is undefined, reference. Raises UnknownNameError."""
    kind: type[Metric] = load_registries().metrics.get(name)
    return {
        **metric_line(name),
        "kind": {"user": "one value a user, then their mean", "catalogue": "one value over all lists"}[kind.kind],
        "judges": {"ranking": "ranked lists", "rating": "predicted ratings"}[kind.judges],
        "needs": sorted(kind.needs),
        "definition": kind.definition,
        "undefined_for": kind.undefined,
        "version": kind.version,
        "reference": kind.reference,
        "written": f"{name}@k, such as {name}@10" if kind.takes_cutoff else name,
    }


def _range(kind: type[Metric]) -> str:
    low, high = kind.range
    return f"{low:g} … {high:g}"


def _better(kind: type[Metric]) -> str:
    return "higher" if kind.higher_is_better else "lower"


def splitter_line(name: str) -> dict[str, Any]:
    """Name, description, origin."""
    registry = load_registries().splitters
    return {"name": name, "description": _first_line(registry.get(name)), "origin": registry.origin(name)}


def splitter(name: str) -> dict[str, Any]:
    """Description and every option. Raises UnknownNameError."""
    kind: type[Splitter] = load_registries().splitters.get(name)
    return {
        **splitter_line(name),
        "details": _after_first_line(kind),
        "options": [_option(info) for info in kind.fields()],
    }


def _option(info: FieldInfo) -> dict[str, Any]:
    return {
        "option": info.name,
        "type": info.type,
        "default": "required" if info.default is PydanticUndefined else info.default,
        "allowed": info.allowed,
        "description": info.description,
    }


def suite_line(name: str) -> dict[str, Any]:
    """Name, version, description, origin."""
    registries = load_registries()
    found = _suite(name)
    origin = registries.suites.origin(name)
    return {"name": name, "version": found.version, "description": found.description, "origin": origin}


def suite(name: str) -> dict[str, Any]:
    """Data set, filters, tasks, metrics and algorithms. Raises UnknownNameError."""
    found = _suite(name)
    return {
        **suite_line(name),
        "dataset": found.dataset,
        "seed": found.seed,
        "filters": found.filters.model_dump(mode="json", exclude_defaults=True),
        "metrics": found.metrics,
        "primary_metric": found.primary_metric,
        "final_fit": found.final_fit,
        "fingerprint": found.fingerprint,
        "tasks": [_task(task, spec) for task, spec in found.tasks.items()],
        "algorithms": [_row(found, row, spec) for row, spec in found.algorithms.items()],
    }


def _suite(name: str) -> Suite:
    """Only a registered one: a path would be a suite without an origin."""
    registries = load_registries()
    registries.suites.get(name)
    return load_suite(name, registries)


def _task(name: str, task: Task) -> dict[str, Any]:
    return {"name": name, "splitter": task.splitter, "options": task.options}


def _row(found: Suite, name: str, row: Row) -> dict[str, Any]:
    return {"name": name, "algorithm": row.algorithm or name, "parameters": row.parameters, "per_task": row.per_task}


def _first_line(kind: type) -> str:
    return (kind.__doc__ or "").strip().partition("\n")[0]


def _after_first_line(kind: type) -> str:
    """The rest of the docstring, each paragraph on one line."""
    rest = (kind.__doc__ or "").strip().partition("\n")[2]
    return "\n".join(" ".join(paragraph.split()) for paragraph in rest.split("\n\n") if paragraph.strip())
