"""`bench champion`: the model of each leaderboard's best row, in MLflow, ready to be served."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bench.cli import options

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from bench.protocol.fold import Fold
    from bench.running.process import Limits
    from bench.store import Stored
    from bench.tracking.champion import Requests
    from bench.tracking.places import Place
    from bench_reports.board import BoardRow, TaskBoard

Suite = Annotated[str, typer.Option("--suite", help="A suite that was run, such as movielens or movielens-v1.")]
Tasks = Annotated[list[str] | None, typer.Option("--task", help="The best of just this task; repeatable.")]


@dataclass(frozen=True)
class Best:
    """The best row of a task. run: that of the first fold and seed, whose model stands for the row."""

    board: TaskBoard
    row: BoardRow
    run: Stored
    tied: tuple[str, ...]

    @property
    def name(self) -> str:
        """What its model is called in MLflow: "movielens.holdout"."""
        from bench.tracking.naming import model_name

        return model_name(self.run.record.suite.name, self.board.task)

    @property
    def value(self) -> float:
        found = self.row.metrics[self.board.sort]
        assert found is not None, "the row is ranked"
        return found

    @property
    def standing(self) -> str:
        """In words, how certain it is that it is the best."""
        tied = f", not separable from {', '.join(self.tied)}" if self.tied else ""
        return f"{self.row.algorithm}, {self.board.sort} {self.value:.4f}{tied}"

    @property
    def tags(self) -> dict[str, str]:
        record = self.run.record
        return {
            "bench.key": record.key,
            "bench.attempt": record.attempt,
            "bench.suite": self.board.suite,
            "bench.task": self.board.task,
            "bench.row": record.row,
            "bench.algorithm": record.algorithm,
            "bench.seed": str(record.seed),
            "bench.metric": self.board.sort,
            "bench.value": f"{self.value:.6g}",
            "bench.tied_with": ", ".join(self.tied) or "none",
        }

    @property
    def description(self) -> str:
        """What a reader of the registry must know, in Markdown."""
        runs = len(self.row.records)
        one_of = f" It is of one of {runs} runs of the row; the value is their mean." if runs > 1 else ""
        return (
            f"The best of {self.board.title}: {self.standing}. Trained again from its record; it recommends the very "
            f"lists that were ranked.{one_of}"
        )


def command(
    suite: Suite,
    task: Tasks = None,
    time_limit: options.TimeLimit = None,
    memory_limit: options.MemoryLimit = None,
    data_dir: options.DataDir = None,
    out: options.Out = options.DEFAULT_OUT,
    tracking_uri: options.TrackingUri = None,
    json: options.Json = False,
) -> None:
    """Register each task's best row in MLflow as a model with the alias "champion", which mlflow models serve takes.

    Records hold no models, so it is trained again, and refused unless its lists are the recorded ones bit for bit.
    A model that is the champion already stays. Ends with 1 if a task has none in the end.
    """
    from mlflow.exceptions import MlflowException

    from bench.cli.leaderboard import stored_runs
    from bench.cli.progress import interrupt_on_sigterm
    from bench.errors import BenchError
    from bench.running.process import Limits
    from bench.tracking.opening import open_client
    from bench.tracking.places import place

    limits = Limits(1, time_limit, options.parse_bytes(memory_limit))
    runs = _of_newest_version(stored_runs(out, suite, task or []))
    store = place(out, tracking_uri)
    interrupt_on_sigterm()
    found, problems = best_of(runs)
    _mirror([one.run for one in found], runs, store, tracking_uri)
    client = open_client(store, lambda: None)
    outcomes = []
    for best in found:
        try:
            outcomes.append(_crown(client, store, best, limits, data_dir))
        except BenchError as error:
            problems.append(f"{best.board.task}: {error}")
        except MlflowException as error:
            problems.append(f"{best.board.task}: MLflow ({store.shown}): {store.without_password(str(error))}")
    _print(outcomes, store, json)
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    raise typer.Exit(int(bool(problems)))


def _of_newest_version(runs: list[Stored]) -> list[Stored]:
    newest = max(run.record.suite.version for run in runs)
    return [run for run in runs if run.record.suite.version == newest]


def best_of(runs: list[Stored]) -> tuple[list[Best], list[str]]:
    """The best row of each task, and why others have none."""
    from bench_reports.leaderboard import leaderboard

    by_path = {run.path: run for run in runs}
    found, problems = [], []
    for board in leaderboard(runs).tasks:
        row = board.rows[0]
        run = min((by_path[path] for path in row.records), key=lambda one: (one.record.fold.index, one.record.seed))
        if row.rank is None:
            problems.append(f"{board.task}: no row has a rank, so none is the best.")
        elif run.record.kind == "rating":
            problems.append(f"{board.task}: ratings are predicted there, so there are no lists to serve.")
        else:
            tied = tuple(other.algorithm for other in board.rows[1:] if other.tied)
            found.append(Best(board, row, run, tied))
    return found, problems


def _mirror(best: list[Stored], runs: list[Stored], store: Place, uri: str | None) -> None:
    """See to it that MLflow has their runs. Raises BenchError if it can't be reached."""
    from bench.cli.sync import PATIENCE_SECONDS, leaderboard_notes
    from bench.errors import BenchError
    from bench.tracking import Mirror

    with Mirror(store.root, uri, command="bench champion", verify=True) as mirror:
        for run in best:
            mirror.submit(run)
        summary = mirror.finish(lambda: leaderboard_notes(runs), patience=PATIENCE_SECONDS, limit=None)
    if summary.warning:
        raise BenchError(summary.warning)


def _crown(client: MlflowClient, store: Place, best: Best, limits: Limits, data_dir: Path | None) -> dict[str, Any]:
    from bench.tracking import champion, markers

    version = champion.current(client, best.name)
    stays = champion.is_of(version, best.run.record)
    if not stays:
        run_id = markers.run_of(best.run.path, store.shown)
        with tempfile.TemporaryDirectory(prefix="bench-champion-") as work:
            recommender, requests = _trained(best.run, Path(work), limits, data_dir)
            version = champion.register(client, store, best.name, run_id, best.run.record, recommender, requests)
    assert version is not None
    champion.describe(client, version, best.tags, best.description)
    outcome = "stays" if stays else "registered"
    return {"model": best.name, "version": int(version.version), "outcome": outcome, "standing": best.standing} | {
        name.removeprefix("bench."): value for name, value in best.tags.items()
    }


def _trained(run: Stored, work: Path, limits: Limits, data_dir: Path | None) -> tuple[Path, Requests]:
    """The folder of the model, whose lists are the recorded ones, and what MLflow's copy is to be asked.

    Raises NoVerdictError if data or split are not what they were, or the lists are others.
    """
    from bench.cli.folds import folds_of
    from bench.cli.progress import RunDisplay
    from bench.errors import NoVerdictError
    from bench.plugins import load_registries
    from bench.running.refit import refit, require_same_lists
    from bench.running.reproduce import fold_of, job_of, suite_of

    registries, record = load_registries(), run.record
    folds = folds_of(suite_of(record, registries), registries, data_dir)[record.task]
    fold = fold_of(record, folds)
    if fold is None:
        raise NoVerdictError("the same data is split in another way now, so the ranked model can't be trained again.")
    job = job_of(record, fold, registries, work)
    with RunDisplay(f"{record.suite.name} · {record.task}", 1, 0) as display:
        display.started(job)
        folder, lists = refit(job, work, limits, lambda *progress: display.progress(job, *progress))
    require_same_lists(run, lists)
    return folder, _requests(fold.fold, lists, record.cutoff)


def _requests(fold: Fold, lists: Path, cutoff: int) -> Requests:
    """The first test users, as many as are ranked together: in another batch, last bits may differ. Without items
    where only sampled candidates were ranked, for a model that is served ranks all.
    """
    from bench.ranking import blocks
    from bench.tracking.champion import Requests

    part = fold.test.slice(*next(blocks(len(fold.test), fold.train.n_items)))
    ids, restricted = fold.train.item_ids, fold.test.restricted
    users = fold.train.user_ids[part.users].tolist()
    histories = [ids[part.history.row(row)].tolist() for row in range(len(part))]
    return Requests(users, histories, None if restricted and restricted.only else _listed(lists, users, cutoff))


def _listed(lists: Path, users: list[str], cutoff: int) -> list[list[str]]:
    """The recommended items of each user, best first."""
    import pandas as pd

    table = pd.read_parquet(lists, columns=["user", "item", "rank"])
    items = table[table["rank"] <= cutoff].groupby("user")["item"].agg(list)
    return [items.get(user, []) for user in users]


def _print(outcomes: list[dict[str, Any]], store: Place, json: bool) -> None:
    if json:
        from json import dumps

        print(dumps(outcomes, indent=2, ensure_ascii=False))
        return
    for one in outcomes:
        print(f"{one['model']} version {one['version']} {one['outcome']}: {one['standing']}")
    if outcomes:
        print(f"\nServe one: MLFLOW_TRACKING_URI={store.shown} \\")
        print(f"  mlflow models serve --env-manager local --model-uri models:/{outcomes[0]['model']}@champion")
