"""`bench list`: what is installed, and what each thing is. Imports no torch, mlflow or pandas."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bench.cli import options

if TYPE_CHECKING:
    from bench.registry import Registry

app = typer.Typer(no_args_is_help=True, help="Show what is installed; with a NAME, all about it.")
Name = Annotated[str | None, typer.Argument(help="Show all about this one.")]
Describe = Callable[[str], dict[str, Any]]


@app.command()
def algorithms(name: Name = None, as_json: options.Json = False) -> None:
    """Algorithms; with a name, its fields with defaults, allowed values and search ranges."""
    from bench.describe import algorithm, algorithm_line
    from bench.plugins import load_registries

    _show(load_registries().algorithms, name, algorithm, algorithm_line, as_json)


@app.command()
def datasets(name: Name = None, as_json: options.Json = False) -> None:
    """Data sets; with a name, its card."""
    from bench.describe import dataset, dataset_line
    from bench.plugins import load_registries

    _show(load_registries().datasets, name, dataset, dataset_line, as_json)


@app.command()
def metrics(name: Name = None, as_json: options.Json = False) -> None:
    """Metrics; with a name, its definition, range and reference."""
    from bench.describe import metric, metric_line
    from bench.plugins import load_registries

    _show(load_registries().metrics, name, metric, metric_line, as_json)


@app.command()
def splitters(name: Name = None, as_json: options.Json = False) -> None:
    """Splitters; with a name, its options with defaults and allowed values."""
    from bench.describe import splitter, splitter_line
    from bench.plugins import load_registries

    _show(load_registries().splitters, name, splitter, splitter_line, as_json)


@app.command()
def suites(name: Name = None, as_json: options.Json = False) -> None:
    """Suites; with a name, its tasks, metrics and algorithms."""
    from bench.describe import suite, suite_line
    from bench.plugins import load_registries

    _show(load_registries().suites, name, suite, suite_line, as_json)


@app.command()
def plugins(as_json: options.Json = False) -> None:
    """Plugins: which were loaded, from where, what they added, and which were skipped and why."""
    from dataclasses import asdict

    from bench.plugins import load_registries

    found = load_registries().plugins
    if as_json:
        print(_as_json([asdict(plugin) for plugin in found]))
        return
    _print_lines(
        [
            {
                "name": plugin.name,
                "state": f"skipped: {plugin.problem}" if plugin.problem else "loaded",
                "distribution": plugin.distribution,
                "module": plugin.module,
                "added": "; ".join(_counted(kind, names) for kind, names in plugin.added.items()),
            }
            for plugin in found
        ]
    )


def _counted(kind: str, names: Sequence[str], most: int = 4) -> str:
    """ "algorithm late-bloomer", "36 algorithms": `bench list` and --json have all names."""
    return f"{kind} {', '.join(names)}" if len(names) <= most else f"{len(names)} {kind}s"


def _show(registry: Registry[Any], name: str | None, full: Describe, line: Describe, as_json: bool) -> None:
    """One thing in full, or a line for each; a thing that cannot be loaded is a line that says why."""
    if name is not None:
        described = full(name)
        print(_as_json(described)) if as_json else _print_full(described)
        return
    lines = [_line_or_problem(registry, key, line) for key in registry]
    print(_as_json(lines)) if as_json else _print_lines(lines)


def _line_or_problem(registry: Registry[Any], name: str, line: Describe) -> dict[str, Any]:
    from bench.errors import BenchError

    try:
        return line(name)
    except BenchError as error:
        problem = str(error)
    except Exception as error:  # a plugin's module may raise anything
        problem = f"{type(error).__name__}: {error}"
    return {"name": name, "description": problem, "origin": registry.origin(name)}


def _as_json(content: object) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False, default=str)


def _print_lines(lines: Sequence[Mapping[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=bool(lines))
    names = list(dict.fromkeys(name for line in lines for name in line))
    for name in names:
        table.add_column(name, no_wrap=name == "name", overflow="fold")
    for line in lines:
        table.add_row(*(Text(_text(line.get(name, ""))) for name in names))
    Console(highlight=False).print(table)


def _print_full(described: Mapping[str, Any]) -> None:
    """Plain values first, one a line; then each list of objects as a table."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    plain = Table(box=None, pad_edge=False, show_header=False)
    plain.add_column(no_wrap=True)
    plain.add_column(overflow="fold")
    for name, value in described.items():
        if not _is_table(value) and value not in ("", None, [], {}):
            plain.add_row(name.replace("_", " "), Text(_text(value)))
    console.print(plain)
    for name, value in described.items():
        if _is_table(value):
            console.print(f"\n{name}", style="bold")
            _print_lines(value)


def _is_table(value: object) -> bool:
    return isinstance(value, list) and any(isinstance(entry, dict) for entry in value)


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value))
    if isinstance(value, dict):
        return ", ".join(f"{key}={_text(entry)}" for key, entry in value.items())
    return str(value)
