"""The first users' scores and recommended items, as a table that the MLflow UI can show and compare between runs.

It is what MLflow's `log_table` would write, which itself appends to what is there: a run that was begun and is
completed later would have every user twice.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.records import RunRecord
from bench.store import TOPK_FILE, read_per_user

SAMPLE_FILE = "per_user_sample.json"
SAMPLE_USERS = 200
SAMPLE_ITEMS = 10
DIGITS = 4
TABLE_TAG = {"mlflow.loggedArtifacts": json.dumps([{"path": SAMPLE_FILE, "type": "table"}])}


def write_sample(record_folder: Path, target: Path, record: RunRecord) -> bool:
    """Write the first users to `target`, a line each: user, what they were recommended, and their value of every
    metric that has one a user. False where the record has neither.
    """
    scores, lists = _scores(record_folder, record), _lists(record_folder, record.cutoff)
    users = list(scores or lists)[:SAMPLE_USERS]
    labels = list(scores[users[0]]) if scores else []
    columns = ["user", *(["recommended"] if lists else []), *labels]
    data = [
        [user, *([lists.get(user, "")] if lists else []), *(scores[user].values() if scores else [])] for user in users
    ]
    if users:
        target.write_text(json.dumps({"columns": columns, "data": data}, ensure_ascii=False), encoding="utf-8")
    return bool(users)


def _scores(folder: Path, record: RunRecord) -> dict[str, dict[str, float | None]]:
    """By user the value of each metric; None, which is valid JSON, where it is undefined."""
    found = read_per_user(folder, list(record.metrics))
    if found is None:
        return {}
    users, values = found
    return {
        str(user): {label: _rounded(own[row]) for label, own in values.items()}
        for row, user in enumerate(users.slice(0, SAMPLE_USERS).to_pylist())
    }


def _rounded(value: Any) -> float | None:
    return round(float(value), DIGITS) if math.isfinite(value) else None


def _lists(folder: Path, cutoff: int) -> dict[str, str]:
    """By user the recommended items, best first: "50, 181, …"."""
    path = folder / TOPK_FILE
    if not path.exists():
        return {}
    lists: dict[str, list[tuple[int, str]]] = {}
    for row in _first_rows(path, SAMPLE_USERS * cutoff):
        lists.setdefault(str(row["user"]), []).append((row["rank"], str(row["item"])))
    return {user: ", ".join(item for _, item in sorted(items)[:SAMPLE_ITEMS]) for user, items in lists.items()}


def _first_rows(path: Path, n: int) -> Iterator[dict[str, Any]]:
    """A user has at most `cutoff` rows, one below the other: these hold all that is needed of the first users."""
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        batch = next(file.iter_batches(n, columns=["user", "item", "rank"]), None)
    yield from batch.to_pylist() if batch is not None else []
