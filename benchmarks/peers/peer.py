"""Tunes and tests another library's models on an exported fold; runs in that library's environment.

    python peer_LIBRARY.py FOLD TARGET --trials 15

imports nothing of this project. FOLD is what `bench export-fold` wrote. As `bench tune` does, it tries a model's
defaults, then what Optuna's TPE proposes, each trained on train and judged on validation by the fold's primary metric,
with early stopping where a model trains in steps and the same pruning. The best, trained on train and validation, has
its lists written to TARGET/MODEL/lists.csv (user,item,rank) for `bench evaluate`; TARGET/MODEL/tuning.json tells how it
came about. A model whose files are there, from as many trials, is left alone.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd

CUTOFF = 10
Lists = np.ndarray[Any, np.dtype[np.int64]]
"""[users, ≤ CUTOFF] item codes, the best first, nothing that the user has; −1 where there are no more."""
Recommend = Callable[[], Lists]
Space = Mapping[str, tuple[Any, optuna.distributions.BaseDistribution]]
"""Of each hyperparameter, its default and its range."""


@dataclass(frozen=True)
class Known:
    """What a model may learn from, and whom it is to recommend to.

    rows: user and item (codes), rating, timestamp, in the order of the files; users: codes.
    """

    rows: pd.DataFrame
    users: np.ndarray[Any, np.dtype[np.int64]]
    n_users: int
    n_items: int


@dataclass(frozen=True)
class Model:
    """A model of a library. steps: trains one; yields, after each step of training, what recommends at that point, in
    the order of `Known.users`. patience: steps without a better score after which training ends.
    """

    steps: Callable[[Known, dict[str, Any], int], Iterator[Recommend]]
    space: Space = field(default_factory=dict)
    patience: int = 10


@dataclass(frozen=True)
class Tuned:
    """The best trial. steps: of training, up to its best score; seconds: of all trials."""

    parameters: dict[str, Any]
    steps: int
    value: float
    trials: int
    seconds: float


def main(library: str, tasks: Mapping[str, Mapping[str, Model]]) -> None:
    """Tune and test what was asked for. tasks: the models by name, by the task they are for."""
    arguments = _arguments()
    fold = json.loads((arguments.fold / "fold.json").read_text(encoding="utf-8"))
    for name, model in tasks.get(fold["task"], {}).items():
        target = arguments.target / name
        if (arguments.only and name not in arguments.only) or _finished(target / "tuning.json", arguments.trials):
            continue
        print(f"{library} {name}", flush=True)
        tuned, seconds = compare(model, arguments.fold, fold["primary_metric"], target, arguments)
        content = vars(tuned) | {
            "budget": arguments.trials,
            "fit_seconds": seconds,
            "versions": {"Python": platform.python_version()} | {one: version(one) for one in (library, "numpy")},
        }
        (target / "tuning.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _finished(path: Path, trials: int) -> bool:
    return path.exists() and bool(json.loads(path.read_text(encoding="utf-8"))["budget"] == trials)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("fold", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--trials", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", action="append", metavar="MODEL")
    return parser.parse_args()


def compare(
    model: Model, folder: Path, metric: str, target: Path, arguments: argparse.Namespace
) -> tuple[Tuned, float]:
    """Tune on train and validation, train on both, write the lists for test. The float: seconds of that training."""
    parts = {name: pd.read_csv(folder / f"{name}.csv", dtype={"user": str, "item": str}) for name in _PARTS}
    known = pd.concat([parts["train"], parts["validation"]])
    users, items = (sorted(set(known[column])) for column in ("user", "item"))
    for part in parts.values():
        part["user"], part["item"] = (
            pd.Index(users).get_indexer(part["user"]),
            pd.Index(items).get_indexer(part["item"]),
        )
    before = Known(parts["train"], np.unique(parts["validation"]["user"]), len(users), len(items))
    both = pd.concat([parts["train"], parts["validation"]], ignore_index=True)
    after = replace(before, rows=both, users=np.unique(parts["test"]["user"]))
    judge = Judge(parts["validation"], before.users, len(items), metric)
    tuned = tune(model, before, judge, arguments.trials, arguments.seed)
    started = time.perf_counter()
    *_, recommend = islice(model.steps(after, tuned.parameters, arguments.seed), tuned.steps)
    seconds = time.perf_counter() - started
    target.mkdir(parents=True, exist_ok=True)
    rows = [
        (users[user], items[item], rank)
        for user, ranked in zip(after.users, recommend(), strict=True)
        for rank, item in enumerate(ranked[ranked >= 0], start=1)
    ]
    pd.DataFrame(rows, columns=["user", "item", "rank"]).to_csv(target / "lists.csv", index=False)
    return tuned, seconds


_PARTS = ("train", "validation", "test")


class Judge:
    """The mean of precision@10 or ndcg@10 over users, as this project defines them.

    truth: user and item of what the lists should have found; users: of the lists, in order.
    """

    def __init__(self, truth: pd.DataFrame, users: np.ndarray[Any, Any], n_items: int, metric: str) -> None:
        self.n_items, self.metric = n_items, metric
        self.keys = np.unique(users.searchsorted(truth["user"]) * n_items + truth["item"])
        self.sizes = np.bincount(self.keys // n_items, minlength=len(users))

    def __call__(self, lists: Lists) -> float:
        lists = lists[:, :CUTOFF]
        found = np.isin(np.arange(len(lists))[:, None] * self.n_items + lists, self.keys) & (lists >= 0)
        if self.metric == f"precision@{CUTOFF}":
            return float(found.sum(axis=1).mean() / CUTOFF)
        gains = 1 / np.log2(np.arange(CUTOFF) + 2)
        ideal = np.cumsum(gains)[np.minimum(self.sizes, CUTOFF) - 1]
        return float((found @ gains[: found.shape[1]] / ideal).mean())


def tune(model: Model, known: Known, judge: Callable[[Lists], float], trials: int, seed: int) -> Tuned:
    """The best of the trials; one for a model without hyperparameters."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=seed),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=5),
    )
    study.enqueue_trial({name: default for name, (default, _) in model.space.items()})
    started = time.perf_counter()
    for _ in range(trials if model.space else 1):
        trial = study.ask({name: values for name, (_, values) in model.space.items()})
        try:
            value, steps = _train(model, known, judge, trial, seed)
        except optuna.TrialPruned:
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            continue
        trial.set_user_attr("steps", steps)
        study.tell(trial, value)
    best = study.best_trial
    return Tuned(
        best.params, best.user_attrs["steps"], best.values[0], len(study.trials), time.perf_counter() - started
    )


def _train(
    model: Model, known: Known, judge: Callable[[Lists], float], trial: optuna.Trial, seed: int
) -> tuple[float, int]:
    """The best score of a training, and after how many steps it had it."""
    best, best_step = -1.0, 0
    for step, recommend in enumerate(model.steps(known, trial.params, seed), start=1):
        value = judge(recommend())
        trial.report(value, step)
        if value > best:
            best, best_step = value, step
        elif step - best_step >= model.patience:
            break
        if trial.should_prune():
            raise optuna.TrialPruned
    return best, best_step


def matrix(known: Known) -> Any:
    """float32 [n_users, n_items], scipy CSR: 1 where a user has an item."""
    from scipy import sparse

    ones = np.ones(len(known.rows), np.float32)
    return sparse.csr_matrix((ones, (known.rows["user"], known.rows["item"])), (known.n_users, known.n_items))


def best(scores: np.ndarray[Any, Any], known: Known) -> Lists:
    """The lists of scores [len(known.users), n_items], without what is known of the users. −inf: never."""
    scores = np.array(scores, np.float64)
    scores[matrix(known)[known.users].nonzero()] = -np.inf
    order = np.argsort(-scores, axis=1, kind="stable")[:, :CUTOFF]
    return np.where(np.isneginf(np.take_along_axis(scores, order, axis=1)), -1, order)


def table(frame: pd.DataFrame, known: Known, user: str, item: str) -> Lists:
    """The lists of a table of recommendations, each user's in order, with codes."""
    lists = np.full((len(known.users), CUTOFF), -1)
    rows = known.users.searchsorted(frame[user])
    lists[rows, frame.groupby(user).cumcount()] = frame[item]
    return lists
