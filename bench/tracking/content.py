"""What MLflow is told of a record. Pure functions; MLflow is not imported."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from bench.records import RunRecord, Status
from bench.tracking.naming import cost_key, curve_key, metric_key, param_key

MAX_PARAM, MAX_TAG, MAX_EXPERIMENT_NOTE = 6000, 8000, 20_000
DIGEST_LENGTH = 12
"""As much of a fingerprint as the leaderboards show; MLflow takes up to 36 characters."""
KEY, ATTEMPT, KIND, PROCESS = "bench.key", "bench.attempt", "bench.kind", "bench.process"
NOTE = "mlflow.note.content"

_RUN_STATUS = {
    Status.OK: "FINISHED",
    Status.UNMET_NEED: "FINISHED",
    Status.FAILED: "FAILED",
    Status.DIVERGED: "FAILED",
    Status.TIMEOUT: "KILLED",
    Status.OUT_OF_MEMORY: "KILLED",
    Status.INTERRUPTED: "KILLED",
}


class Point(NamedTuple):
    """One value of a metric. step: an epoch where it is a curve, else 0."""

    key: str
    value: float
    step: int


def run_name(record: RunRecord) -> str:
    """ "ease · seed 2026", with the fold where there are several."""
    fold = f" · fold {record.fold.index + 1} of {record.fold.count}" if record.fold.count > 1 else ""
    return f"{record.row}{fold} · seed {record.seed}"


def run_status(record: RunRecord) -> str:
    """MLflow knows FINISHED, FAILED and KILLED; the exact status is in the tag bench.status."""
    return _RUN_STATUS[record.status]


def milliseconds(moment: str) -> int:
    """An ISO time of a record as MLflow counts it."""
    parsed = datetime.fromisoformat(moment)
    return round((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp() * 1000)


def params(record: RunRecord) -> dict[str, str]:
    """The effective configuration, nested fields as "outer.inner"."""
    flat = _flat(record.config_effective or record.config_passed)
    return {param_key(name): shortened(_text(value), MAX_PARAM) for name, value in flat}


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else str(value)


def shortened(text: str, limit: int) -> str:
    """`text`, or its beginning and a remark that there was more; MLflow would cut it without a word."""
    if len(text) <= limit:
        return text
    remark = f"… (cut from {len(text)} characters; all of it is in record.json)"
    return text[: limit - len(remark)] + remark


def points(record: RunRecord) -> list[Point]:
    """Test metrics, costs, and curves by step. A metric that is undefined for every user has no point."""
    tested = [Point(metric_key(name), m.value, 0) for name, m in record.metrics.items() if m.value is not None]
    costs = {**record.timings.model_dump(), "peak_bytes": record.peak_bytes}
    spent = [Point(cost_key(name), float(value), 0) for name, value in costs.items()]
    curves = [Point(curve_key(name), value, step) for name, curve in record.curves.items() for step, value in curve]
    return [Point(key, _storable(value), step) for key, value, step in (*tested, *spent, *curves)]


def _storable(value: float) -> float:
    """MLflow keeps NaN, but turns infinity into 1.8e308, which ruins every chart."""
    return value if math.isfinite(value) else math.nan


def tags(record: RunRecord) -> dict[str, str]:
    """What identifies the result and what it depends on, for search and for people."""
    versions = {label: metric.version for label, metric in record.metrics.items()}
    found = {
        KIND: "result",
        KEY: record.key,
        ATTEMPT: record.attempt,
        "bench.status": record.status.value,
        "bench.reason": record.reason,
        "bench.suite": f"{record.suite.name}-v{record.suite.version}",
        "bench.suite_fingerprint": record.suite.fingerprint,
        "bench.task": record.task,
        "bench.row": record.row,
        "bench.algorithm": record.algorithm,
        "bench.origin": record.origin,
        "bench.seed": str(record.seed),
        "bench.dataset": f"{record.dataset.name} v{record.dataset.version}",
        "bench.dataset_fingerprint": record.dataset.fingerprint,
        "bench.fold": f"{record.fold.index + 1} of {record.fold.count}" if record.fold.count > 1 else "",
        "bench.fold_fingerprint": record.fold.fingerprint,
        "bench.final_fit": record.final_fit,
        "bench.metric_versions": json.dumps(versions),
        "bench.code_version": record.code.version,
        "bench.code_content": record.code.content,
        "bench.code_commit": _commit(record),
        "bench.device": record.environment.device,
        "bench.tuning_trials": str(record.tuning.trials) if record.tuning else "",
        "bench.command": record.command,
        "mlflow.source.name": record.command,
        "mlflow.source.git.commit": record.code.commit or "",
        NOTE: note(record),
    }
    return {name: shortened(value, MAX_TAG) for name, value in found.items() if value}


def _commit(record: RunRecord) -> str:
    if record.code.commit is None:
        return ""
    return record.code.commit + (" (with uncommitted changes)" if record.code.dirty else "")


def note(record: RunRecord) -> str:
    """What a reader of the run must know, in Markdown; nothing where all is well."""
    lines = [f"- {text}" for text in record.warnings]
    if record.status is not Status.OK:
        lines.insert(0, f"**{record.status.value}**: {record.reason or 'no reason was recorded'}\n")
    if record.traceback:
        lines.append(f"\n```\n{record.traceback[-6000:]}\n```")
    return "\n".join(lines)


def dataset_digest(record: RunRecord) -> str:
    """The beginning of the data set's fingerprint; the whole of it is in a tag."""
    return record.dataset.fingerprint[:DIGEST_LENGTH]


def dataset_source(record: RunRecord) -> str:
    """Where the data came from, as MLflow's "code" source: that is the kind it shows without a link."""
    name = f"bench data fetch {record.dataset.name}"
    return json.dumps({"tags": {"mlflow.source.name": name, "bench.source": record.dataset.source}})


def dataset_profile(record: RunRecord) -> str:
    """How much data the fold has."""
    fold = record.fold
    return json.dumps({"interactions": fold.interactions, "users": fold.users, "items": fold.items})


def fitting_note(markdown: str, limit: int) -> str:
    """A note that MLflow takes whole: too long a one loses its last lines, and says so."""
    if len(markdown) <= limit:
        return markdown
    remark = "\n\n… more than MLflow takes in a note. All of it: `bench leaderboard`"
    return markdown[: limit - len(remark)].rpartition("\n")[0] + remark
