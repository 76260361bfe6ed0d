"""How a fitted model is judged: its lists or its predicted ratings, their metrics, and the tables that are kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.algorithm import Algorithm, RatingPredictor
from bench.batches import EvalSet, TopK
from bench.errors import ContractError
from bench.evaluation import measure
from bench.interactions import Features, Float64Array, IdArray, Int64Array, Interactions
from bench.metrics import Background, Evidence, Judged, Metric, Rated, RatingMetric
from bench.metrics.judged import training_counts
from bench.protocol.fold import Fold
from bench.ranking import Ranked, recommend
from bench.slices import Groups

if TYPE_CHECKING:
    import pyarrow as pa

DEFAULT_CUTOFF = 10
"""Length of the lists where no metric has a cut-off."""


@dataclass(frozen=True)
class Validator:
    """Scores a model on an evaluation set exactly as the harness scores it in the end.

    background: gives what was known before the set, for a metric that needs it.
    """

    name: str
    metric: Metric
    ties: Int64Array
    user_ids: IdArray
    background: Callable[[EvalSet], Background] | None = None

    def __call__(self, algorithm: Algorithm[Any], part: EvalSet) -> float:
        """The metric's value, negated where lower is better."""
        if isinstance(self.metric, RatingMetric):
            value = self.metric.overall(rate(algorithm, self.name, part))
        else:
            value = measure(self.metric, self._judged(algorithm, part))[0]
        return value if self.metric.higher_is_better else -value

    def _judged(self, algorithm: Algorithm[Any], part: EvalSet) -> Judged:
        truth = part.truth if Evidence.RANKS in self.metric.needs else None
        cutoff = self.metric.k or DEFAULT_CUTOFF
        ranked = recommend(algorithm, self.name, part.batch, cutoff, self.ties, self.user_ids, truth)
        known = self.background(part) if self.background and self.metric.needs else None
        return Judged(ranked.topk, part.truth, known, ranked.truth_ranks)


def judge_lists(
    algorithm: Algorithm[Any], name: str, fold: Fold, metrics: list[Metric], ties: Int64Array
) -> tuple[Ranked, Judged]:
    """The test users' lists, long enough for every metric, beside their truth."""
    test = fold.test
    cutoff = max(metric.k for metric in metrics) or DEFAULT_CUTOFF
    wanted = test.truth if any(Evidence.RANKS in metric.needs for metric in metrics) else None
    ranked = recommend(algorithm, name, test.batch, cutoff, ties, fold.train.user_ids, wanted)
    known = background(test, fold.train_and_validation, fold.item_features)
    return ranked, Judged(ranked.topk, test.truth, known, ranked.truth_ranks)


def background(part: EvalSet, trained: Interactions, item_features: Features | None) -> Background:
    """What was known before a part was judged: popularity is that of all that a model for it may be trained on."""
    counts, n_users = training_counts(trained)
    return Background(part.history, part.batch.candidates.counts, counts, n_users, item_features)


def rate(algorithm: Algorithm[Any], name: str, part: EvalSet) -> Rated:
    """Predicted ratings of all pairs to predict. Raises ContractError if one is not a finite number."""
    assert isinstance(algorithm, RatingPredictor) and part.ratings is not None
    users = part.users[part.truth.rows]
    predicted = np.asarray(algorithm.predict(users, part.truth.items), np.float64)
    if predicted.shape != users.shape:
        raise ContractError(f"'{name}' must predict a rating a pair, [{len(users)}]. Got {list(predicted.shape)}.")
    if not np.isfinite(predicted).all():
        raise ContractError(f"'{name}' must predict finite ratings. {int((~np.isfinite(predicted)).sum())} are not.")
    return Rated(part.truth.rows, part.ratings.astype(np.float64), predicted, len(part))


def per_user_table(ids: IdArray, per_user: Mapping[str, Float64Array], groups: Mapping[str, Groups]) -> pa.Table:
    """A row a user: user (string); float64 columns named like "ndcg@10", NaN where undefined; and the user's group
    in each family (string, null for none), in columns named like "user-activity".
    """
    import pyarrow as pa

    named = {family: pa.array(_names(own), pa.string()) for family, own in groups.items()}
    return pa.table({"user": pa.array(ids.tolist(), pa.string()), **per_user, **named})


def _names(groups: Groups) -> list[str | None]:
    return [None if code < 0 else groups.names[code] for code in groups.codes.tolist()]


def topk_table(ids: np.ndarray[Any, Any], fold: Fold, topk: TopK) -> pa.Table:
    """A row a recommended item: user, item (strings), rank (int32, from 1), score (float32)."""
    import pyarrow as pa

    rows, ranks = np.nonzero(topk.filled)
    items = fold.train.item_ids[topk.items[rows, ranks]]
    return pa.table(
        {
            "user": pa.array(ids[rows].tolist(), pa.string()),
            "item": pa.array(items.tolist(), pa.string()),
            "rank": pa.array((ranks + 1).astype(np.int32)),
            "score": pa.array(topk.scores[rows, ranks]),
        }
    )


def predictions_table(fold: Fold, rated: Rated) -> pa.Table:
    """A row a predicted rating: user, item (strings), rating and prediction (float64)."""
    import pyarrow as pa

    test = fold.test
    return pa.table(
        {
            "user": pa.array(fold.train.user_ids[test.users[rated.row]].tolist(), pa.string()),
            "item": pa.array(fold.train.item_ids[test.truth.items].tolist(), pa.string()),
            "rating": rated.actual,
            "prediction": rated.predicted,
        }
    )


def warnings_of(ranked: Ranked, part: EvalSet) -> list[str]:
    """What a reader of the result must know of how the lists came about."""
    found = []
    if ranked.n_tied_users:
        found.append(
            f"all scores were tied for {ranked.n_tied_users} of {len(part)} users; the seeded tie-break chose."
        )
    if ranked.n_masked:
        why = "not among the candidates" if part.restricted else "already in the history"
        found.append(f"{ranked.n_masked} recommended items were {why}; they were taken out.")
    return found
