"""The first users' recommended items, as a table that the MLflow UI can show and compare."""

from __future__ import annotations

import json
from pathlib import Path

from bench.store import TOPK_FILE

SAMPLE_FILE = "topk_sample.json"
SAMPLE_USERS = 20
SAMPLE_ITEMS = 10
TABLE_TAG = {"mlflow.loggedArtifacts": json.dumps([{"path": SAMPLE_FILE, "type": "table"}])}


def write_sample(record_folder: Path, target: Path, cutoff: int) -> bool:
    """Write the lists of the first users to `target`, a line each; False where the record has no lists."""
    from pyarrow import parquet

    path = record_folder / TOPK_FILE
    if not path.exists():
        return False
    lists: dict[str, list[tuple[int, str]]] = {}
    with parquet.ParquetFile(path) as file:
        # A user has at most `cutoff` rows, one below the other: the first batch holds all that is needed.
        batch = next(file.iter_batches(SAMPLE_USERS * cutoff, columns=["user", "item", "rank"]), None)
    for row in batch.to_pylist() if batch is not None else []:
        lists.setdefault(str(row["user"]), []).append((row["rank"], str(row["item"])))
    data = [[user, _joined(items)] for user, items in list(lists.items())[:SAMPLE_USERS]]
    target.write_text(json.dumps({"columns": ["user", "recommended"], "data": data}, ensure_ascii=False))
    return True


def _joined(items: list[tuple[int, str]]) -> str:
    return ", ".join(item for _, item in sorted(items)[:SAMPLE_ITEMS])
