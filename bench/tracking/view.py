"""A saved view of an experiment in the MLflow UI: the results sorted by the primary metric, with the first metrics
as columns. Without it the UI shows the invocations alone, folded up, and no metric.

The UI keeps its saved views in experiment tags; an older one ignores them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from bench.records import RunRecord
from bench.tracking.content import KIND
from bench.tracking.naming import cost_key, metric_key

VIEW_ID, VIEW_NAME = "leaderboard", "Leaderboard"
VIEW_TAG = f"mlflow.sharedViewState.{VIEW_ID}"
MAX_METRICS = 4
"""The primary one and the suite's first ones. The UI orders columns by name: with more, it is out of sight."""
RUNS_IN_CHARTS = "FIRST_20_RUNS"


def saved_view(records: Iterable[RunRecord], now_ms: int) -> str | None:
    """The tag's value, sorted by the last record's primary metric; None if no record has metrics."""
    shown = [record for record in records if record.metrics]
    if not shown:
        return None
    primary = shown[-1].primary_metric
    keys = dict.fromkeys(metric_key(label) for record in shown for label in record.metrics)
    first = dict.fromkeys([metric_key(primary), *keys])
    columns = [f"metrics.`{key}`" for key in (*list(first)[:MAX_METRICS], cost_key("fit_seconds"))]
    state = {
        "searchFilter": f"tags.`{KIND}` = 'result'",
        "orderByKey": f"metrics.`{metric_key(primary)}`",
        "orderByAsc": _is_lower_better(primary),
        "selectedColumns": [*columns, "tags.`bench.status`"],
        "runsHiddenMode": RUNS_IN_CHARTS,
    }
    return json.dumps({"name": VIEW_NAME, "createdAt": now_ms, "updatedAt": now_ms, "state": json.dumps(state)})


def _is_lower_better(label: str) -> bool:
    from bench.plugins import load_registries

    metrics, name = load_registries().metrics, label.partition("@")[0]
    return name in metrics and not metrics.get(name).higher_is_better


def link_to_view(experiment_id: str) -> str:
    """Markdown for an experiment's note. The last part is for the UI, which otherwise shows what it has for
    language models.
    """
    path = f"#/experiments/{experiment_id}/runs?viewStateShareKey={VIEW_ID}&workflowType=machine_learning"
    return (
        f"[Open as a sortable table]({path}), choose {VIEW_NAME} under Views, or unfold this note for the leaderboard."
    )
