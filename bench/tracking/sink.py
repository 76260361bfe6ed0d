"""Writes records to an MLflow store. Every step may be repeated: a run that was begun is completed, one that is
there is left alone.
"""

from __future__ import annotations

import getpass
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import zip_longest
from pathlib import Path
from typing import Literal, TypeVar

from filelock import FileLock
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, Run, ViewType
from mlflow.exceptions import MlflowException

from bench.records import RunRecord
from bench.store import RECORD_FILE, read_record
from bench.tracking import content, markers
from bench.tracking.liveness import is_dead, this_process
from bench.tracking.naming import experiment_of
from bench.tracking.places import Place
from bench.tracking.plots import draw_budgets, draw_tuning
from bench.tracking.sample import SAMPLE_FILE, TABLE_TAG, write_sample
from bench.tracking.view import VIEW_TAG, link_to_view, saved_view

Outcome = Literal["mirrored", "present"]
PARAMS_PER_BATCH, METRICS_PER_BATCH = 100, 900
"""MLflow takes 1,000 entities at a time."""
T = TypeVar("T")


@dataclass(frozen=True)
class Invocation:
    """One call of a command; in MLflow, the parent run of the results it made."""

    command: str
    started_ms: int

    @property
    def run_name(self) -> str:
        """ "bench run · 2026-07-01 12:30:05" (UTC)."""
        moment = datetime.fromtimestamp(self.started_ms / 1000, UTC)
        return f"{' '.join(self.command.split()[:2])} · {moment:%Y-%m-%d %H:%M:%S}"


class Sink:
    """One MLflow store, on behalf of one invocation."""

    def __init__(self, client: MlflowClient, place: Place, invocation: Invocation) -> None:
        self.client, self.place, self.invocation = client, place, invocation
        self._process = this_process()
        self._experiments: dict[str, str] = {}
        self._parents: dict[str, str] = {}
        self._failed: set[str] = set()
        self._records: dict[str, list[RunRecord]] = {}

    def mirror(self, folder: Path) -> Outcome:
        """Make MLflow hold the record in `folder`, once."""
        record = read_record(folder)
        with FileLock(self.place.mirror_lock):
            experiment = self._experiment(record)
            self._records.setdefault(experiment, []).append(record)
            run = self._find(experiment, record)
            present = run is not None and run.info.status != "RUNNING"
            if run is None:
                run = self._create(experiment, record)
            if not present:
                self._fill(run, record, folder)
        markers.mark(folder, self.place.shown, record.attempt, run.info.run_id)
        return "present" if present else "mirrored"

    def finish(self, notes: Mapping[str, str]) -> int:
        """Write the leaderboards (Markdown, by experiment name), end this invocation's runs, and close those
        that dead processes left open; returns how many these were.
        """
        for name, markdown in notes.items():
            self._write_note(name, markdown)
        for experiment, records in self._records.items():
            if view := saved_view(records, now_ms()):
                self._tag_experiment(experiment, VIEW_TAG, view)
        for experiment, parent in self._parents.items():
            self._log_budgets(parent, self._records.get(experiment, []))
            self.client.set_terminated(parent, "FAILED" if experiment in self._failed else "FINISHED")
        return sum(self._close_dead(experiment) for experiment in self._experiments.values())

    def abandon(self) -> None:
        """End this invocation's runs as KILLED."""
        for parent in self._parents.values():
            self.client.set_terminated(parent, "KILLED")

    def _experiment(self, record: RunRecord) -> str:
        name = experiment_of(record)
        if name not in self._experiments:
            self._experiments[name] = self._existing(name) or self._new_experiment(name, record)
        return self._experiments[name]

    def _existing(self, name: str) -> str | None:
        found = self.client.get_experiment_by_name(name)
        if found is None:
            return None
        if found.lifecycle_stage == "deleted":
            self.client.restore_experiment(found.experiment_id)  # its name is taken as long as it exists
        return str(found.experiment_id)

    def _new_experiment(self, name: str, record: RunRecord) -> str:
        kind = {"mlflow.experimentKind": "custom_model_development"}  # else the UI asks
        about = {"bench.suite": record.suite.name, "bench.task": record.task}
        try:
            return self.client.create_experiment(name, self.place.artifact_location, {**kind, **about})
        except MlflowException as error:
            made_by_another = error.error_code == "RESOURCE_ALREADY_EXISTS"
            existing = self._existing(name) if made_by_another else None
            if existing is None:
                raise
            return existing

    def _find(self, experiment: str, record: RunRecord) -> Run | None:
        """The run of this execution, also one that somebody deleted: it is not to come back."""
        wanted = f"tags.`{content.KEY}` = '{record.key}' and tags.`{content.ATTEMPT}` = '{record.attempt}'"
        found = self.client.search_runs([experiment], wanted, ViewType.ALL, max_results=1)
        return found[0] if found else None

    def _create(self, experiment: str, record: RunRecord) -> Run:
        tags = {**content.tags(record), **self._origin(), "mlflow.parentRunId": self._parent(experiment)}
        started = content.milliseconds(record.started_at)
        return self.client.create_run(experiment, started, tags, content.run_name(record))

    def _parent(self, experiment: str) -> str:
        if experiment not in self._parents:
            tags = {
                content.KIND: "invocation",
                "bench.command": self.invocation.command,
                "mlflow.source.name": self.invocation.command,
                **self._origin(),
            }
            run = self.client.create_run(experiment, self.invocation.started_ms, tags, self.invocation.run_name)
            self._parents[experiment] = run.info.run_id
        return self._parents[experiment]

    def _origin(self) -> dict[str, str]:
        return {content.PROCESS: self._process, "mlflow.user": _user(), "mlflow.source.type": "LOCAL"}

    def _fill(self, run: Run, record: RunRecord, folder: Path) -> None:
        run_id, ended = run.info.run_id, content.milliseconds(record.finished_at)
        params = [Param(name, value) for name, value in content.params(record).items()]
        metrics = [Metric(key, value, ended, step) for key, value, step in content.points(record)]
        chunks = zip_longest(_chunks(params, PARAMS_PER_BATCH), _chunks(metrics, METRICS_PER_BATCH), fillvalue=())
        for some_params, some_metrics in chunks:
            self.client.log_batch(run_id, list(some_metrics), list(some_params))
        self.client.log_inputs(run_id, [_dataset(record)])
        self._log_files(run_id, record, folder)
        status = content.run_status(record)
        self.client.set_terminated(run_id, status, ended)
        if status != "FINISHED":
            self._failed.add(run.info.experiment_id)

    def _log_files(self, run_id: str, record: RunRecord, folder: Path) -> None:
        with tempfile.TemporaryDirectory(prefix="bench-mirror-") as name:
            staging = Path(name)
            shutil.copyfile(folder / RECORD_FILE, staging / RECORD_FILE)
            has_sample = write_sample(folder, staging / SAMPLE_FILE, record)
            draw_tuning(record, staging)
            self.client.log_artifacts(run_id, str(staging))
        if has_sample:
            for tag, value in TABLE_TAG.items():
                self.client.set_tag(run_id, tag, value)

    def _write_note(self, name: str, markdown: str) -> None:
        experiment = self._experiments.get(name) or self._existing(name)
        if experiment is None:
            return
        self._experiments[name] = experiment
        note = content.fitting_note(f"{link_to_view(experiment)}\n\n{markdown}", content.MAX_EXPERIMENT_NOTE)
        self._tag_experiment(experiment, content.NOTE, note)
        if experiment in self._parents:
            note = content.fitting_note(markdown, content.MAX_TAG)
            self.client.set_tag(self._parents[experiment], content.NOTE, note)

    def _tag_experiment(self, experiment: str, key: str, value: str) -> None:
        """Two invocations that write a tag for the first time at once both insert it, and one is refused: then it is
        there, and can be changed.
        """
        try:
            self.client.set_experiment_tag(experiment, key, value)
        except MlflowException as error:
            if error.error_code != "BAD_REQUEST":
                raise
            self.client.set_experiment_tag(experiment, key, value)

    def _log_budgets(self, parent: str, records: list[RunRecord]) -> None:
        with tempfile.TemporaryDirectory(prefix="bench-mirror-") as name:
            if draw_budgets(records, Path(name)):
                self.client.log_artifacts(parent, name)

    def _close_dead(self, experiment: str) -> int:
        running = self.client.search_runs([experiment], "attributes.status = 'RUNNING'")
        dead = [run for run in running if _is_orphan(run)]
        for run in dead:
            self.client.set_terminated(run.info.run_id, "KILLED")
        return len(dead)


def _is_orphan(run: Run) -> bool:
    process = run.data.tags.get(content.PROCESS)
    return process is not None and is_dead(process, run.info.start_time)


def _dataset(record: RunRecord) -> DatasetInput:
    data = Dataset(
        name=record.dataset.name,
        digest=content.dataset_digest(record),
        source_type="code",
        source=content.dataset_source(record),
        profile=content.dataset_profile(record),
    )
    return DatasetInput(data, [InputTag("mlflow.data.context", record.final_fit)])


def _chunks(values: list[T], size: int) -> list[list[T]]:
    return [values[start : start + size] for start in range(0, len(values), size)]


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "unknown"


def now_ms() -> int:
    """The time as MLflow counts it."""
    return time.time_ns() // 1_000_000
