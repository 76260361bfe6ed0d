"""The model behind a record: the job is done once more, the model kept, and its lists held against the recorded ones.

Records hold no models. What is kept here is what a run would have tested, as long as it recommends the very same.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from multiprocessing import connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import seeds
from bench.errors import BenchError, NoVerdictError
from bench.interactions import mask
from bench.metrics import parse_metrics
from bench.plugins import load_registries
from bench.running.assess import judge_lists, topk_table
from bench.running.job import Progress, Stopwatch, fit, make_context, new_algorithm
from bench.running.plan import Job
from bench.running.process import Child, Limits, end_all, start_server, wait_for
from bench.running.worker import describe_failure, isolate
from bench.serving import Recommender
from bench.store import TOPK_FILE, Stored

if TYPE_CHECKING:
    import pandas as pd

    from bench.protocol.fold import Fold

COLUMNS = ["user", "rank", "item", "score"]
Heard = Callable[[str, int, int, str], None]


def refit(job: Job, work: Path, limits: Limits, heard: Heard) -> tuple[Path, Path]:
    """Fit the job's model once more in a process of its own; returns the folder of the `Recommender`, and the table of
    the lists that it gives after it was saved and loaded.

    heard: is told of the progress. Raises BenchError if the process does not get to its end.
    """
    target, lists = work / "recommender", work / TOPK_FILE
    context = start_server(job.imports, job.settings.threads)
    child = Child.start(context, _main, (job, target, lists), work / "refit.log", limits)
    try:
        while child.alive:
            wait_for([child])
            _tell(child, heard)
            child.enforce_limits()
        _tell(child, heard)
        if not lists.exists():
            status, reason, _ = child.death()
            raise BenchError(f"training it again ended as '{status}': {reason}.")
    finally:
        end_all([child], "interrupted") if child.alive else None
        child.close()
    return target, lists


def _tell(child: Child, heard: Heard) -> None:
    for kind, *content in child.messages():
        if kind == "progress":
            heard(*content)


def _main(job: Job, target: Path, lists: Path, log: Path, pipe: connection.Connection) -> None:
    """Entry point of the child."""
    from pyarrow import parquet

    isolate(job.settings.threads, log)

    def progress(stage: str, done: int, total: int, note: str = "") -> None:
        pipe.send(("progress", stage, done, total, note))

    try:
        table = _refit(job, target, log.with_suffix(""), progress)
    except BaseException as error:
        found = describe_failure(error)
        pipe.send(("failed", found["status"], found["reason"]))
        return
    unfinished = lists.with_suffix(".unfinished")
    parquet.write_table(table, unfinished)
    unfinished.rename(lists)


def _refit(job: Job, target: Path, work_dir: Path, progress: Progress) -> Any:
    """As `bench.running.job.execute` does it, up to the lists; but these are of the model as it was saved."""
    work_dir.mkdir()
    registries = load_registries()
    fold: Fold = pickle.loads(job.fold_path.read_bytes())
    context = make_context(job, fold, registries, work_dir, progress)
    fitted = fit(new_algorithm(job, fold, registries), fold, job.final_fit, context, Stopwatch())
    known = fold.train if job.final_fit == "train" else fold.train_and_validation
    Recommender(
        algorithm=fitted,
        name=job.algorithm,
        row=job.row,
        user_ids=fold.train.user_ids,
        trained=mask(known.user, known.n_users),
        item_ids=fold.train.item_ids,
        tie_seed=job.fold.seed,
        repeats=bool(job.fold.rules.get("repeats")),
        has_user_features=fold.user_features is not None,
    ).save(target)
    progress("recommend", 0, len(fold.test), "")
    loaded = Recommender.load(target)
    metrics = parse_metrics(job.metrics, registries.metrics)
    ranked, _ = judge_lists(
        loaded.algorithm, job.row, fold, metrics, seeds.tie_order(job.fold.seed, fold.train.item_ids)
    )
    return topk_table(fold.train.user_ids[fold.test.users], fold, ranked.topk)


def require_same_lists(stored: Stored, lists: Path) -> None:
    """Raises NoVerdictError, naming the first difference, unless the lists are those of the record bit for bit."""
    import pandas as pd

    recorded, now = (pd.read_parquet(path, columns=COLUMNS) for path in (stored.path / TOPK_FILE, lists))
    found = first_difference(recorded, now, min(stored.record.cutoff, int(now["rank"].max())))
    if found:
        raise NoVerdictError(
            f"the model trained again does not recommend what is on record: {found} So it is not the model that was "
            "ranked, and is not kept. What differs around it: bench reproduce."
        )


def first_difference(recorded: pd.DataFrame, now: pd.DataFrame, cutoff: int) -> str:
    """In words, where two tables of lists (user, rank, item, score) first differ, up to a rank; "" if nowhere.

    cutoff: the shorter length of the two; a metric that is gone may have asked for longer lists.
    """
    lists = [table[table["rank"] <= cutoff] for table in (recorded, now)]
    both = lists[0].merge(lists[1], on=["user", "rank"], how="outer", suffixes=("_then", "_now"))
    differs = ~((both["item_then"] == both["item_now"]) & (both["score_then"] == both["score_now"]))
    if not differs.any():
        return ""
    first = both[differs].iloc[0]
    n_users = both.loc[differs, "user"].nunique()
    return (
        f"for user '{first['user']}' rank {first['rank']} is item {_entry(first, 'now')}, recorded is "
        f"{_entry(first, 'then')} ({n_users} of {both['user'].nunique()} users differ)."
    )


def _entry(row: pd.Series[Any], when: str) -> str:
    """ "'50' with a score of 0.25"; the score with all digits of a float32."""
    if row[f"item_{when}"] != row[f"item_{when}"]:  # NaN: there is none
        return "none"
    return f"'{row[f'item_{when}']}' with a score of {row[f'score_{when}']:.9g}"
