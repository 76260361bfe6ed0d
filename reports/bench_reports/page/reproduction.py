"""What it takes to get the same numbers again: code, data, machines, packages, commands and parameters."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.invocation import without_passwords
from bench.records import Environment, RunRecord
from bench.store import Stored
from bench_reports.rendering import seconds, size


@dataclass(frozen=True)
class Fact:
    """A label and its values: one where all runs agree."""

    label: str
    values: tuple[str, ...]
    is_code: bool = False


@dataclass(frozen=True)
class Configuration:
    """How one run was made. where: its folder from the results folder on."""

    row: str
    algorithm: str
    seed: int
    fold: int
    parameters: str
    started: str
    took: str
    key: str
    where: str


@dataclass(frozen=True)
class Reproduction:
    """facts: what the runs have in common. packages: name and versions. again: a command that runs one job again."""

    facts: tuple[Fact, ...]
    packages: tuple[tuple[str, str], ...]
    configurations: tuple[Configuration, ...]
    again: str


def reproduction_of(runs: Sequence[Stored], root: Path) -> Reproduction:
    """root: the results folder, which is left out of what is shown."""
    records = [run.record for run in runs]
    environments = [record.environment for record in records]
    versions: dict[str, set[str]] = {}
    for environment in environments:
        for name, version in environment.packages.items():
            versions.setdefault(name, set()).add(version)
    return Reproduction(
        facts=(*_protocol(records), *_machines(environments), *_code(records)),
        packages=tuple((name, ", ".join(sorted(versions[name]))) for name in sorted(versions, key=str.lower)),
        configurations=tuple(_configuration(run, root) for run in runs),
        again=f"bench reproduce {records[0].key[:12]}",
    )


def _fact(label: str, values: Iterable[object], is_code: bool = False) -> Fact:
    return Fact(label, tuple(dict.fromkeys(str(value) for value in values if value not in ("", None))), is_code)


def _protocol(records: Sequence[RunRecord]) -> list[Fact]:
    return [
        _fact("Command", (without_passwords(record.command) for record in records), is_code=True),
        _fact("Suite", (f"{r.suite.name}, version {r.suite.version} ({r.suite.fingerprint[:12]})" for r in records)),
        _fact("Data set", (f"{r.dataset.name}, version {r.dataset.version}" for r in records)),
        _fact("Data from", (record.dataset.source for record in records)),
        _fact("Fingerprint of the data", (record.dataset.fingerprint for record in records), is_code=True),
        _fact("Fingerprint of the split", (record.fold.split for record in records), is_code=True),
        _fact("Seeds", sorted({record.seed for record in records})),
        _fact("Trained on", (record.final_fit for record in records)),
        _fact("Length of the lists", (record.cutoff for record in records if record.kind == "ranking")),
    ]


def _machines(environments: Sequence[Environment]) -> list[Fact]:
    hardware = (f"{e.processor}, {e.cores} cores, {size(e.memory_bytes)} of memory" for e in environments)
    return [
        _fact("Hardware", hardware),
        _fact("Device", (f"{e.device} ({e.device_name}), precision {e.precision}" for e in environments)),
        _fact("Threads a job", (e.threads for e in environments)),
        _fact("System", (f"{e.platform}, Python {e.python}" for e in environments)),
    ]


def _code(records: Sequence[RunRecord]) -> list[Fact]:
    changed = {True: ", with uncommitted changes", False: "", None: ""}
    commits = (f"{r.code.commit}{changed[r.code.dirty]}" for r in records if r.code.commit)
    return [
        _fact("Version of recsys-bench", (record.code.version for record in records)),
        _fact("Commit", commits, is_code=True),
        _fact("Fingerprint of the code", (record.code.content for record in records), is_code=True),
    ]


def _configuration(run: Stored, root: Path) -> Configuration:
    record = run.record
    where = run.path.relative_to(root) if run.path.is_relative_to(root) else Path(run.path.name)
    parameters = ", ".join(f"{name} = {_value(value)}" for name, value in record.config_effective.items())
    return Configuration(
        row=record.row,
        algorithm=record.algorithm,
        seed=record.seed,
        fold=record.fold.index + 1,
        parameters=parameters or "—",
        started=record.started_at[:16].replace("T", " "),
        took=seconds(record.timings.total_seconds),
        key=record.key[:12],
        where=where.as_posix(),
    )


def _value(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else json.dumps(value, ensure_ascii=False, default=str)
