"""A plugin whose algorithms each misbehave in one way. The tests put it on the path of `bench run`."""

from __future__ import annotations

import ctypes
import importlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

import numpy as np

from bench.algorithm import Algorithm, Context, EvalSet, TopK, UserBatch
from bench.config import Config
from bench.errors import DivergedError
from bench.interactions import Float32Array, Int64Array, Interactions


class Good(Algorithm[Config]):
    """Scores by item code."""

    def fit(self, train: Interactions, validation: EvalSet | None, context: Context) -> Self:
        self.n_items = train.n_items
        return self

    def score(self, batch: UserBatch) -> Float32Array:
        return np.tile(np.arange(self.n_items, dtype=np.float32), (len(batch), 1))


class Raises(Good):
    """Raises."""

    def fit(self, *_: Any) -> Self:
        raise RuntimeError("my own mistake")


class Segfaults(Good):
    """Reads address 0."""

    def fit(self, *_: Any) -> Self:
        ctypes.string_at(0)
        return self


class Exits(Good):
    """Starts a process and leaves with exit code 0."""

    def fit(self, *_: Any) -> Self:
        child = subprocess.Popen(["sleep", "600"])
        Path(os.environ["FAULTY_PIDS"], str(child.pid)).touch()
        os._exit(0)


class Hoards(Good):
    """Fills the file system of the results, but for a little."""

    def fit(self, *_: Any) -> Self:
        folder = Path(os.environ["FAULTY_OUT"])
        (folder / "filler").write_bytes(b"\0" * (shutil.disk_usage(folder).free - 2 * 4096))
        return super().fit(*_)


class Quits(Good):
    """Calls sys.exit."""

    def fit(self, *_: Any) -> Self:
        sys.exit(3)


class NeedsMoon(Good):
    """Asks for a module that fails on import; its message looks like markup."""

    imports = ("faulty_moon",)

    def fit(self, *_: Any) -> Self:
        importlib.import_module("faulty_moon")
        return self


class Unwritable(Good):
    """Puts something in the record that is not JSON."""

    def fit(self, train: Interactions, validation: EvalSet | None, context: Context) -> Self:
        context.details["model"] = object()
        return super().fit(train, validation, context)


class Slow(Good):
    """Takes a second."""

    def fit(self, train: Interactions, validation: EvalSet | None, context: Context) -> Self:
        time.sleep(1)
        return super().fit(train, validation, context)


class Hangs(Good):
    """Says where it is, and sleeps."""

    def fit(self, *_: Any) -> Self:
        Path(os.environ["FAULTY_PIDS"], str(os.getpid())).touch()
        time.sleep(600)
        return self


class Hogs(Good):
    """Takes 2 GiB and holds it."""

    def fit(self, *_: Any) -> Self:
        self.block = np.ones(2**28)
        time.sleep(600)
        return self


class Diverges(Good):
    """Reports a loss that is not finite."""

    def fit(self, *_: Any) -> Self:
        raise DivergedError("the loss was NaN in epoch 3")


class NaNScores(Good):
    """Gives NaN to one item."""

    def score(self, batch: UserBatch) -> Float32Array:
        scores = super().score(batch)
        scores[1, 2] = np.nan
        return scores


class Tied(Good):
    """Gives every item the same score."""

    def score(self, batch: UserBatch) -> Float32Array:
        return np.zeros((len(batch), self.n_items), np.float32)


class Repeats(Good):
    """Recommends one item k times."""

    def recommend(self, batch: UserBatch, k: int, ties: Int64Array) -> TopK:
        return TopK(np.zeros((len(batch), k), np.int32), np.zeros((len(batch), k), np.float32))


class Recalls(Good):
    """Recommends the first item of the history, then what is good."""

    def recommend(self, batch: UserBatch, k: int, ties: Int64Array) -> TopK:
        topk = super().recommend(batch, k, ties)
        items = topk.items.copy()
        items[:, 0] = [batch.history.row(r)[0] for r in range(len(batch))]
        return TopK(items, topk.scores)


def register(registries: Any) -> None:
    """Add them all."""
    for kind in (Good, *Good.__subclasses__()):
        registries.algorithms.add(kind.__name__.lower(), kind, origin="faulty")
