"""`bench evaluate`: the harness's metrics for ranked lists and predicted ratings made elsewhere."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli import options

if TYPE_CHECKING:
    from bench.judging import Setting
    from bench.metrics.base import Evidence, Metric, TaskKind
    from bench.records import MetricValue

DEFAULT_CUTOFF = 10

Recommendations = Annotated[
    Path | None,
    typer.Option(
        "--recommendations",
        help="CSV or Parquet: user, item, and rank (from 1) or score; complete rankings, for auc. Needs --truth.",
    ),
]
Truth = Annotated[
    Path | None, typer.Option("--truth", help="CSV or Parquet: user, item; what the recommendations should have found.")
]
Predictions = Annotated[
    Path | None,
    typer.Option(
        "--predictions",
        help="CSV or Parquet: user, item, rating, prediction. Instead of the recommendations, or beside them.",
    ),
]
Train = Annotated[
    list[Path] | None,
    typer.Option(
        "--train",
        help="CSV or Parquet: user, item; gives popularity, histories and candidates (all but a user's own), extends "
        "the catalogue, finds items seen; repeatable.",
    ),
]
History = Annotated[
    list[Path] | None,
    typer.Option(
        "--history",
        help="CSV or Parquet: user, item; what is known of users and not trained on: like --train, but not in "
        "popularity; repeatable.",
    ),
]
Candidates = Annotated[
    Path | None,
    typer.Option(
        "--candidates",
        help="CSV or Parquet: user, item; all that could be recommended to each, where that was a sample: every "
        "metric is called sampled-….",
    ),
]
Repeats = Annotated[
    bool, typer.Option("--repeats", help="A user's own items could be recommended again: they are candidates too.")
]
Metrics = Annotated[
    str | None,
    typer.Option("--metrics", help="Such as ndcg@10,auc,rmse.", show_default="all that the files allow, @10"),
]
CatalogueSize = Annotated[
    int | None,
    typer.Option("--n-items", min=1, help="Size of the catalogue.", show_default="the items of all files"),
]


def command(
    recommendations: Recommendations = None,
    truth: Truth = None,
    predictions: Predictions = None,
    train: Train = None,
    history: History = None,
    candidates: Candidates = None,
    repeats: Repeats = False,
    metrics: Metrics = None,
    n_items: CatalogueSize = None,
    as_json: options.Json = False,
) -> None:
    """Compute the metrics of ranked lists or predicted ratings that another tool made, by the code that judges the
    harness's own.
    """
    from bench.metrics.base import Evidence

    known = {"--history": history, "--repeats": repeats}
    beside_lists = {"--train": train, **known, "--candidates": candidates, "--n-items": n_items}
    kinds = given_kinds(recommendations, truth, predictions, beside_lists)
    check_trained(train, known)
    have = {Evidence.RANKS, Evidence.TRAINING} if train else set()
    sampled = candidates is not None
    chosen, left_out = (
        default_metrics(kinds, have, sampled) if metrics is None else (named_metrics(metrics, kinds, have, sampled), [])
    )
    ranking, rating = ([metric for metric in chosen if metric.judges == kind] for kind in ("ranking", "rating"))
    values: dict[str, MetricValue] = {}
    notes: list[str] = []
    catalogue = None
    if ranking and recommendations and truth:
        setting = _setting(train or [], history or [], candidates, repeats)
        values, notes, catalogue = _of_lists(ranking, recommendations, truth, setting, n_items)
    if rating and predictions:
        of_ratings, rating_notes = _of_ratings(rating, predictions)
        values, notes = values | of_ratings, notes + rating_notes
    values = {metric.label: values[metric.label] for metric in chosen}
    if as_json:
        print(_as_json(values, catalogue, notes + left_out))
    else:
        _print_table(values, notes + left_out)


def given_kinds(
    recommendations: Path | None, truth: Path | None, predictions: Path | None, beside_lists: Mapping[str, object]
) -> set[TaskKind]:
    """What can be judged: ranked lists, predicted ratings or both. beside_lists: options that go with lists only.

    Raises UsageError where a file is missing, or an option has nothing to say something about.
    """
    from bench.errors import UsageError

    if (recommendations is None) != (truth is None):
        given, missing = ("--truth", "--recommendations") if truth else ("--recommendations", "--truth")
        raise UsageError(f"--recommendations and --truth are judged together. Got {given} without {missing}.")
    if truth is None and predictions is None:
        raise UsageError("there must be --recommendations with --truth, or --predictions, or all three. Got none.")
    for option, value in beside_lists.items():
        if truth is None and value:
            raise UsageError(f"{option} goes with --recommendations and --truth. Got it with --predictions alone.")
    lists: set[TaskKind] = {"ranking"} if truth else set()
    return lists | ({"rating"} if predictions else set())


def check_trained(train: list[Path] | None, known: Mapping[str, object]) -> None:
    """Raises UsageError where an option that adds to the training data comes without. known: those options."""
    from bench.errors import UsageError

    for option, value in known.items():
        if value and not train:
            raise UsageError(f"{option} goes with --train. Got it without.")


def named_metrics(
    labels: str, kinds: Collection[TaskKind], have: Collection[Evidence], sampled: bool = False
) -> list[Metric]:
    """The metrics of a comma-separated list. sampled: whether candidates are given, which those of lists then are of.

    Raises UsageError on an empty list, a bad label, or a metric that the given files do not allow;
    UnknownNameError on a bad name.
    """
    from bench.errors import UsageError
    from bench.metrics.selection import parse_metrics
    from bench.plugins import load_registries

    given = [label.strip() for label in labels.split(",") if label.strip()]
    if not given:
        raise UsageError(f"--metrics must name a metric, such as 'ndcg@10'. Got '{labels}'.")
    parsed = parse_metrics(given, load_registries().metrics)
    labelled = [_labelled(metric, sampled) for metric in parsed]
    chosen = list({metric.label: metric for metric in labelled}.values())
    for metric in parsed:
        if metric.sampled and not (sampled and metric.judges == "ranking"):
            raise UsageError(f"'{metric.label}' is of sampled candidates of ranked lists: give --candidates FILE.")
    for metric in chosen:
        if metric.judges not in kinds:
            lists = metric.judges == "ranking"
            files = "ranked lists: give --recommendations and --truth" if lists else "ratings: give --predictions"
            raise UsageError(f"'{metric.label}' judges {files}.")
        if missing := sorted(metric.needs - {*have}):
            raise UsageError(f"'{metric.label}' needs {' and '.join(missing)}{_remedy(missing)}")
    return chosen


def _labelled(metric: Metric, sampled: bool) -> Metric:
    """The metric as of sampled candidates, if it is of lists and these are."""
    return type(metric)(metric.k, sampled=sampled and metric.judges == "ranking")


def default_metrics(
    kinds: Collection[TaskKind], have: Collection[Evidence], sampled: bool = False
) -> tuple[list[Metric], list[str]]:
    """Every registered metric that the given files allow, at the default cut-off, and a note on which they do not."""
    from bench.metrics.base import Evidence
    from bench.plugins import load_registries

    registry = load_registries().metrics
    found = [registry.get(name) for name in registry]
    plain = [one(DEFAULT_CUTOFF if one.takes_cutoff else 0) for one in found if one.judges in kinds]
    metrics = [_labelled(metric, sampled) for metric in plain]
    chosen = [metric for metric in metrics if metric.needs <= {*have}]
    featured = [metric.label for metric in metrics if Evidence.ITEM_FEATURES in metric.needs]
    trained = [metric.label for metric in metrics if metric not in chosen and metric.label not in featured]
    reasons = {"without --train": trained, "without item features": featured}
    parts = [f"{reason}: {', '.join(labels)}" for reason, labels in reasons.items() if labels]
    return chosen, [f"left out {'; '.join(parts)}."] if parts else []


def _remedy(missing: Collection[Evidence]) -> str:
    from bench.metrics.base import Evidence

    if Evidence.ITEM_FEATURES in missing:
        return ", which cannot be given here; `bench run` has them."
    return f"{' among the candidates' if Evidence.RANKS in missing else ''}: give --train FILE."


def _setting(train: list[Path], history: list[Path], candidates: Path | None, repeats: bool) -> Setting:
    from bench.judging import Setting
    from bench.lists import read_pairs

    known, more = ([read_pairs(path) for path in paths] for paths in (train, history))
    return Setting(known, more, None if candidates is None else read_pairs(candidates), repeats)


def _of_lists(
    metrics: list[Metric], recommendations: Path, truth: Path, setting: Setting, n_items: int | None
) -> tuple[dict[str, MetricValue], list[str], int]:
    """The values, notes, and the size of the catalogue."""
    from bench.judging import judge, measure_lists
    from bench.lists import read_pairs, read_ranked
    from bench.metrics.base import Evidence

    outside = judge(
        read_ranked(recommendations),
        read_pairs(truth),
        setting,
        max(metric.k for metric in metrics) or DEFAULT_CUTOFF,
        n_items,
        ranked=any(Evidence.RANKS in metric.needs for metric in metrics),
    )
    values, notes = measure_lists(metrics, outside)
    return values, outside.notes + notes, outside.judged.truth.n_items


def _of_ratings(metrics: list[Metric], predictions: Path) -> tuple[dict[str, MetricValue], list[str]]:
    from bench.evaluation import evaluate_ratings
    from bench.judging import judge_ratings
    from bench.lists import read_predictions

    rated = judge_ratings(read_predictions(predictions))
    values, _ = evaluate_ratings(metrics, rated)
    return values, [f"predicted ratings: {len(rated.row)}, of users: {rated.n_users}."]


def _as_json(values: dict[str, MetricValue], n_items: int | None, notes: list[str]) -> str:
    content = {
        "metrics": {label: value.value for label, value in values.items()},
        "n_users": {label: value.n_users for label, value in values.items()},
        "n_undefined": {label: value.n_undefined for label, value in values.items()},
        "versions": {label: value.version for label, value in values.items()},
        "n_items": n_items,
        "notes": notes,
    }
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)


def _print_table(values: dict[str, MetricValue], notes: list[str]) -> None:
    from rich.console import Console
    from rich.table import Table

    from bench_reports.rendering import number

    table = Table(box=None, pad_edge=False)
    table.add_column("metric")
    table.add_column("value", justify="right")
    table.add_column("users", justify="right")
    for label, value in values.items():
        table.add_row(label, number(value.value), str(value.n_users))
    console = Console(highlight=False)
    console.print(table)
    for note in notes:
        console.print(f"  {note}", style="dim", markup=False)
