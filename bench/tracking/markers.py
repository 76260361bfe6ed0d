"""A note beside a record that MLflow has it, so that nobody has to import MLflow to learn that.

Only a shortcut: what counts is what MLflow holds, and `bench sync` looks there.
"""

from __future__ import annotations

import json
from pathlib import Path

from bench.store import write_text

MARKER_FILE = "mlflow.json"


def is_marked(folder: Path, uri: str, attempt: str) -> bool:
    """Whether the store at `uri` is said to have this execution."""
    return marked_run(folder, uri, attempt) is not None


def marked_run(folder: Path, uri: str, attempt: str) -> str | None:
    """The MLflow run that the store at `uri` is said to have of this execution."""
    mark = _read(folder).get(uri)
    return str(mark.get("run_id")) if isinstance(mark, dict) and mark.get("attempt") == attempt else None


def mark(folder: Path, uri: str, attempt: str, run_id: str) -> None:
    """Note that the store at `uri` has this execution as run `run_id`."""
    marks = _read(folder) | {uri: {"attempt": attempt, "run_id": run_id}}
    write_text(folder / MARKER_FILE, json.dumps(marks, indent=2))


def run_of(folder: Path, uri: str) -> str:
    """The id of the run in the store at `uri`. Raises KeyError if there is no such note."""
    mark = _read(folder)[uri]
    assert isinstance(mark, dict)
    return str(mark["run_id"])


def _read(folder: Path) -> dict[str, object]:
    """Nothing where there is no readable note: it will be made again."""
    try:
        marks = json.loads((folder / MARKER_FILE).read_bytes())
    except (OSError, ValueError):
        return {}
    return marks if isinstance(marks, dict) else {}
