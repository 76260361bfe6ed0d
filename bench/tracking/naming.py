"""The names that things have in MLflow. '@' is illegal in its metric names, so "ndcg@10" needs another one."""

from __future__ import annotations

import posixpath
import re

from bench.records import RunRecord

MAX_KEY = 250
TEST, CURVE, COST = "test", "curve", "cost"


def experiment_name(suite: str, task: str) -> str:
    """One experiment a suite version and task: "movielens-v1/holdout" from the label "movielens-v1"."""
    return f"{suite}/{task}"


def experiment_of(record: RunRecord) -> str:
    """The experiment that a record belongs to."""
    return experiment_name(f"{record.suite.name}-v{record.suite.version}", record.task)


def model_name(suite: str, task: str) -> str:
    """The registered model of a task, whatever the suite's version: "movielens.holdout". "/" and ":" are illegal."""
    return re.sub(r"[/:]", "-", f"{suite}.{task}")


def metric_key(label: str) -> str:
    """ "ndcg@10" → "test/ndcg_at_10"."""
    return _legal(f"{TEST}/{label.replace('@', '_at_')}")


def metric_label(key: str) -> str:
    """ "test/ndcg_at_10" → "ndcg@10": the reverse of `metric_key`."""
    return re.sub(r"_at_(\d+)$", r"@\1", key.removeprefix(f"{TEST}/"))


def curve_key(name: str) -> str:
    """ "train_loss" → "curve/train_loss"."""
    return _legal(f"{CURVE}/{name.replace('@', '_at_')}")


def cost_key(name: str) -> str:
    """ "fit_seconds" → "cost/fit_seconds"."""
    return f"{COST}/{name}"


def param_key(name: str) -> str:
    """A parameter's name, with what MLflow forbids replaced."""
    return _legal(name)


def _legal(name: str) -> str:
    """MLflow uses names as paths: no "..", no "//", and few punctuation marks."""
    return posixpath.normpath(re.sub(r"[^\w./: -]", "_", name)).lstrip("/.")[:MAX_KEY] or "_"
