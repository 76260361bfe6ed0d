"""One study on PostgreSQL: several machines open it for the first time at once, and share its budget."""

from __future__ import annotations

import subprocess
import sysconfig
from collections.abc import Callable
from pathlib import Path

import optuna

from bench.tuning.storage import open_storage

BENCH = Path(sysconfig.get_path("scripts"), "bench")
MACHINES, TRIALS = 3, 6


def test_machines_share_one_study_on_a_fresh_database(new_database: Callable[[], str], tmp_path: Path) -> None:
    uri = new_database()
    budget = ["--suite", "smoke", "--algorithm", "item-knn", "--task", "holdout", "--trials", str(TRIALS)]
    machines = []
    for number in range(MACHINES):
        own = [*budget, "--storage", uri, "--out", str(tmp_path / str(number))]
        machines.append(
            subprocess.Popen([BENCH, "tune", *own], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        )
    said = [machine.communicate(timeout=300) for machine in machines]
    assert [machine.returncode for machine in machines] == [0] * MACHINES, said

    storage = open_storage(tmp_path, uri)
    (study,) = optuna.get_all_study_summaries(storage)
    trials = optuna.load_study(study_name=study.study_name, storage=storage).trials
    complete = [trial for trial in trials if trial.state is optuna.trial.TrialState.COMPLETE]
    # two that ask at the same moment may both get the last one
    assert TRIALS <= len(complete) <= TRIALS + MACHINES - 1
    best = max(trial.value or 0.0 for trial in complete)
    for out, _ in said:
        assert f"validation ndcg@10 {best:.4f}" in " ".join(out.split())
