"""The model behind a record: trained again, stored, loaded, and held against what is on record."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from bench.errors import BenchError, NoVerdictError
from bench.plugins import load_registries
from bench.running.folds import PreparedFold
from bench.running.local import LocalExecutor
from bench.running.plan import Job
from bench.running.process import Limits
from bench.running.refit import first_difference, refit, require_same_lists
from bench.running.reproduce import job_of
from bench.serving import Recommender
from bench.store import TOPK_FILE, Store, Stored

MakeJobs = Callable[..., list[Job]]


class Silent:
    def started(self, job: Job) -> None: ...
    def progress(self, job: Job, stage: str, done: int, total: int, note: str) -> None: ...
    def finished(self, job: Job, record: object) -> None: ...


@pytest.fixture
def ease(make_jobs: MakeJobs, tmp_path: Path) -> Stored:
    """A result of a row on the holdout task."""
    job = next(job for job in make_jobs() if job.label.startswith("holdout · ease"))
    (stored,) = LocalExecutor(Store(tmp_path / "runs"), tmp_path, Limits(), Silent()).run([job])
    return stored


def again(stored: Stored, folds: dict[str, list[PreparedFold]], work: Path, limits: Limits) -> tuple[Path, Path]:
    """`refit` as the command does it: from the record alone."""
    job = job_of(stored.record, folds["holdout"][0], load_registries(), work)
    heard: list[str] = []
    found = refit(job, work, limits, lambda stage, done, total, note: heard.append(stage))
    assert "recommend" in heard
    return found


def test_the_model_recommends_what_is_on_record(
    ease: Stored, folds: dict[str, list[PreparedFold]], tmp_path: Path
) -> None:
    folder, lists = again(ease, folds, tmp_path, Limits())
    require_same_lists(ease, lists)
    table, fold = pd.read_parquet(ease.path / TOPK_FILE), folds["holdout"][0].fold
    history = fold.train.item_ids[fold.test.history.row(0)].tolist()
    user = str(fold.train.user_ids[fold.test.users[0]])
    (served,) = Recommender.load(folder).recommend([user], [history], 10)
    assert served.items == table[table["user"] == user]["item"].tolist()

    altered = Path(shutil.copytree(ease.path, tmp_path / "altered"))
    table.loc[table.index[-1], "score"] += 1
    table.to_parquet(altered / TOPK_FILE)
    with pytest.raises(
        NoVerdictError, match=r"^the model trained again does not recommend what is on record: for user"
    ):
        require_same_lists(Stored(altered, ease.record), lists)


def test_what_does_not_get_to_its_end_says_why(
    ease: Stored, folds: dict[str, list[PreparedFold]], tmp_path: Path
) -> None:
    job = job_of(ease.record, folds["holdout"][0], load_registries(), tmp_path)
    with pytest.raises(BenchError, match=r"ended as 'timeout': took longer than the limit of 0\.001 seconds"):
        refit(job, tmp_path, Limits(1, 0.001), lambda *_: None)


def test_what_is_raised_is_told(make_jobs: MakeJobs, tmp_path: Path) -> None:
    job = replace(make_jobs()[0], fold_path=tmp_path / "gone")
    with pytest.raises(BenchError, match=r"^training it again ended as 'failed': FileNotFoundError: .*gone'\.$"):
        refit(job, tmp_path, Limits(), lambda *_: None)


RECORDED = [("u1", 1, "a", 0.5), ("u1", 2, "b", 0.25), ("u2", 1, "a", 0.5), ("u2", 2, "c", 0.1)]


def table(rows: list[tuple[str, int, str, float]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["user", "rank", "item", "score"]).astype({"score": "float32"})


@pytest.mark.parametrize(
    ("now", "found"),
    [
        (RECORDED, ""),
        (RECORDED[::-1], ""),
        (
            [*RECORDED[:3], ("u2", 2, "d", 0.1)],
            "for user 'u2' rank 2 is item 'd' with a score of 0.100000001, recorded is 'c' with a score of 0.100000001 "
            "(1 of 2 users differ).",
        ),
        (
            [RECORDED[0], ("u1", 2, "b", 0.2500001), *RECORDED[2:]],
            "for user 'u1' rank 2 is item 'b' with a score of 0.250000089, recorded is 'b' with a score of 0.25 "
            "(1 of 2 users differ).",
        ),
        (
            RECORDED[1:],
            "for user 'u1' rank 1 is item none, recorded is 'a' with a score of 0.5 (1 of 2 users differ).",
        ),
    ],
)
def test_the_first_difference_is_named(now: list[tuple[str, int, str, float]], found: str) -> None:
    assert first_difference(table(RECORDED), table(now), cutoff=2) == found


def test_only_ranks_that_both_have_are_compared() -> None:
    """A metric that is gone may have asked for the longest lists."""
    shorter = [row for row in RECORDED if row[1] == 1]
    assert first_difference(table(RECORDED), table(shorter), cutoff=1) == ""
