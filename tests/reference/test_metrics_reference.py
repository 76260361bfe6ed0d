"""The harness's metrics beside ir-measures (trec_eval), scikit-learn, scipy and plain Python, on 1,000 random cases.

Nothing here shares code with the metrics: the plain versions are written from the definitions, one user at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from math import log2
from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import cosine, pdist
from scipy.stats import entropy
from sklearn.metrics import mean_absolute_error, roc_auc_score, root_mean_squared_error

from bench.batches import Candidates, TopK
from bench.interactions import FeatureColumn, Features, ItemLists
from bench.metrics import Background, Judged, Rated, parse_metrics
from bench.plugins import load_registries
from bench.seeds import tie_order
from bench.topk import top_k

ir_measures = pytest.importorskip("ir_measures")

CUTOFFS = (1, 3, 10, 50)
N_CASES, N_ITEMS, N_USERS = 1000, 40, 200
"""The catalogue is smaller than the largest cut-off, so that no list can fill it."""
GENRES = "abcde"
PRECISION = 1e-9
REGISTRY = load_registries().metrics
IR_MEASURES = {
    **{"precision": "P", "recall": "R", "ndcg": "nDCG", "map": "AP", "mrr": "RR", "hit": "Success"},
    "ndcg_full": "nDCG",
    "r_precision": "Rprec",
}
"""`ndcg_full` is trec_eval's ndcg without a cut-off, of lists that end at k."""


class Case:
    """One user, in plain Python: what is shown, of a ranking of all that may be, and what is relevant."""

    def __init__(self, drawn: Drawn, user: int) -> None:
        self.data = drawn
        self.ranking = [int(item) for item in drawn.topk.items[user] if item >= 0]
        self.relevant = [int(item) for item in drawn.truth.row(user)]
        self.history = {int(item) for item in drawn.history.row(user)}

    def hits(self, k: int) -> int:
        return len(set(self.ranking[:k]) & set(self.relevant))

    def vectors(self, items: Any) -> list[list[float]]:
        """Of the items that have any genre."""
        found = [self.data.genres[item] for item in items if self.data.genres[item]]
        return [[float(genre in genres) for genre in GENRES] for genres in found]


class Drawn:
    """A thousand users with histories of any length (one leaves a single item), and truths of 0 to 30 others.

    A third has distinct scores, a third few different ones, a third equal ones.
    """

    def __init__(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        scores = random.normal(size=(N_CASES, N_ITEMS))
        scores[1::3] = random.integers(0, 4, scores[1::3].shape)
        scores[2::3] = 0
        orders = [random.permutation(N_ITEMS).tolist() for _ in range(N_CASES)]
        sizes = [N_ITEMS - 1, *random.integers(0, N_ITEMS, N_CASES - 1)]
        numbers = random.integers(0, 30, N_CASES)
        self.history = ItemLists.from_lists([o[:s] for o, s in zip(orders, sizes, strict=True)], N_ITEMS)
        truths = [o[s : s + n] for o, s, n in zip(orders, sizes, numbers, strict=True)]
        self.truth = ItemLists.from_lists(truths, N_ITEMS)
        ties = tie_order(seed, np.array([str(item) for item in range(N_ITEMS)], object))
        self.topk: TopK = top_k(scores.astype(np.float32), Candidates(self.history), max(CUTOFFS), ties)
        self.item_users = [int(number) for number in random.integers(0, N_USERS, N_ITEMS)]
        self.item_users[3] = 0
        self.genres = [
            tuple(random.permutation(list(GENRES))[: random.integers(0, 4)].tolist()) for _ in range(N_ITEMS)
        ]

    @cached_property
    def cases(self) -> list[Case]:
        return [Case(self, user) for user in range(N_CASES)]

    @cached_property
    def judged(self) -> Judged:
        genres = np.empty(N_ITEMS, object)
        genres[:] = self.genres
        ids = np.array([str(item) for item in range(N_ITEMS)], object)
        background = Background(
            self.history,
            N_ITEMS - self.history.lengths,
            np.array(self.item_users),
            N_USERS,
            Features(ids, {"genres": FeatureColumn("tags", genres)}),
        )
        ranks = [case.ranking.index(item) + 1 for case in self.cases for item in case.relevant]
        return Judged(self.topk, self.truth, background, np.array(ranks, np.int64))


@pytest.fixture(scope="module")
def drawn() -> Drawn:
    return Drawn(1)


def labels(name: str) -> list[tuple[str, int]]:
    """A metric at every cut-off, or once where it has none."""
    return [(f"{name}@{k}", k) for k in CUTOFFS] if REGISTRY.get(name).takes_cutoff else [(name, 0)]


def ours(label: str) -> Any:
    return parse_metrics([label], REGISTRY)[0]


def by_trec(drawn: Drawn, measure: str, k: int) -> list[float]:
    """ir-measures' value of every user, NaN for one it leaves out. Its order is by score: each rank gets another."""
    relevant = [ir_measures.Qrel(str(user), str(i), 1) for user in range(N_CASES) for i in drawn.truth.row(user)]
    found = ir_measures.parse_measure(measure).iter_calc(relevant, list(_documents(drawn.topk, k)))
    values = {int(one.query_id): one.value for one in found}
    return [values.get(user, np.nan) for user in range(N_CASES)]


def _documents(topk: TopK, k: int) -> Iterator[Any]:
    for user, rank in zip(*np.nonzero(topk.items[:, :k] >= 0), strict=True):
        yield ir_measures.ScoredDoc(str(user), str(topk.items[user, rank]), float(topk.k - rank))


@pytest.mark.parametrize(("label", "k"), [found for name in IR_MEASURES for found in labels(name)])
def test_values_agree_with_ir_measures(label: str, k: int, drawn: Drawn) -> None:
    name = label.partition("@")[0]
    cut = k > 0 and name != "ndcg_full"
    theirs = by_trec(drawn, f"{IR_MEASURES[name]}@{k}" if cut else IR_MEASURES[name], k or N_ITEMS)
    np.testing.assert_allclose(ours(label).per_user(drawn.judged), theirs, rtol=0, atol=PRECISION)
    assert np.isnan(theirs).any() and not np.isnan(theirs).all()


def plain_average_precision(case: Case, k: int) -> float:
    return sum(case.hits(i) / i for i in range(1, k + 1) if item_at(case, i) in case.relevant)


def item_at(case: Case, rank: int) -> int | None:
    return case.ranking[rank - 1] if rank <= len(case.ranking) else None


def plain_dcg(case: Case, k: int) -> float:
    return sum(1 / log2(i + 1) for i in range(1, k + 1) if item_at(case, i) in case.relevant)


def plain_f1(case: Case, k: int) -> float:
    precision, recall = case.hits(k) / k, case.hits(k) / len(case.relevant)
    return 2 * precision * recall / (precision + recall) if precision else 0.0


def plain_auc(case: Case, k: int) -> float:
    relevant = [item in case.relevant for item in case.ranking]
    return float(roc_auc_score(relevant, -np.arange(len(relevant)))) if not all(relevant) else np.nan


def plain_recall_ips(case: Case, k: int) -> float:
    weights = {item: max(case.data.item_users[item], 1) ** -1.5 for item in case.relevant}
    return sum(weight for item, weight in weights.items() if item in case.ranking[:k]) / sum(weights.values())


def plain_novelty(case: Case, k: int) -> float:
    return float(np.mean([-log2(max(case.data.item_users[item], 1) / N_USERS) for item in case.ranking[:k]]))


def plain_average_popularity(case: Case, k: int) -> float:
    return float(np.mean([case.data.item_users[item] for item in case.ranking[:k]]))


def plain_popularity_lift(case: Case, k: int) -> float:
    known = [case.data.item_users[item] for item in case.history]
    return plain_average_popularity(case, k) / np.mean(known) - 1 if sum(known) else np.nan


def plain_diversity(case: Case, k: int) -> float:
    vectors = case.vectors(case.ranking[:k])
    return float(pdist(vectors, "cosine").mean()) if len(vectors) > 1 else np.nan


def plain_serendipity(case: Case, k: int) -> float:
    known = case.vectors(case.history)
    found = case.vectors(item for item in case.ranking[:k] if item in case.relevant)
    return sum(float(np.mean([cosine(one, other) for other in known])) for one in found) / k if known else np.nan


def plain_calibration(case: Case, k: int) -> float:
    known, shown = case.vectors(case.history), case.vectors(case.ranking[:k])
    if not known or not shown:
        return np.nan
    p, q = (np.mean([np.divide(vector, sum(vector)) for vector in found], axis=0) for found in (known, shown))
    return float(entropy(p, 0.99 * q + 0.01 * p, base=2))


PLAIN: dict[str, Callable[[Case, int], float]] = {
    "precision": lambda case, k: case.hits(k) / k,
    "recall": lambda case, k: case.hits(k) / len(case.relevant),
    "recall_capped": lambda case, k: case.hits(k) / min(k, len(case.relevant)),
    "f1": plain_f1,
    "ndcg": lambda case, k: plain_dcg(case, k) / sum(1 / log2(i + 1) for i in range(1, min(k, len(case.relevant)) + 1)),
    "ndcg_full": lambda case, k: plain_dcg(case, k) / sum(1 / log2(i + 1) for i in range(1, len(case.relevant) + 1)),
    "map": lambda case, k: plain_average_precision(case, k) / len(case.relevant),
    "map_capped": lambda case, k: plain_average_precision(case, k) / min(k, len(case.relevant)),
    "mrr": lambda case, k: next((1 / i for i in range(1, k + 1) if item_at(case, i) in case.relevant), 0.0),
    "hit": lambda case, k: float(case.hits(k) > 0),
    "auc": plain_auc,
    "r_precision": lambda case, k: case.hits(len(case.relevant)) / len(case.relevant),
    "recall_ips": plain_recall_ips,
    "novelty": plain_novelty,
    "average_popularity": plain_average_popularity,
    "popularity_lift": plain_popularity_lift,
    "intra_list_diversity": plain_diversity,
    "serendipity": plain_serendipity,
    "calibration": plain_calibration,
}
OF_LISTS = {"novelty", "average_popularity", "popularity_lift", "intra_list_diversity", "calibration"}
"""Those that ask nothing of the truth; the others are undefined without one."""


@pytest.mark.parametrize(("label", "k"), [found for name in PLAIN for found in labels(name)])
def test_values_agree_with_plain_python(label: str, k: int, drawn: Drawn) -> None:
    name = label.partition("@")[0]
    plain = [PLAIN[name](case, k) if case.relevant or name in OF_LISTS else np.nan for case in drawn.cases]
    np.testing.assert_allclose(ours(label).per_user(drawn.judged), plain, rtol=PRECISION, atol=PRECISION)


def plain_gini(counts: list[int]) -> float:
    """Half the mean absolute difference of all pairs, relative to the mean."""
    differences = [abs(one - other) for one in counts for other in counts]
    return float(np.mean(differences) / (2 * np.mean(counts)))


CATALOGUE: dict[str, Callable[[list[int]], float]] = {
    "coverage": lambda counts: sum(count > 0 for count in counts) / len(counts),
    "gini": plain_gini,
    "entropy": lambda counts: float(entropy(counts, base=2)),
}


@pytest.mark.parametrize("name", CATALOGUE)
def test_catalogue_values_agree_with_plain_python(name: str, drawn: Drawn) -> None:
    random = np.random.default_rng(0)
    metrics = [ours(f"{name}@{k}") for k in CUTOFFS]
    for number in range(N_CASES):
        users = random.choice(N_CASES, random.integers(1, 8))
        topk = TopK(drawn.topk.items[users], drawn.topk.scores[users])
        metric = metrics[number % len(metrics)]
        shown = [item for user in users for item in drawn.cases[user].ranking[: metric.k]]
        counts = [shown.count(item) for item in range(N_ITEMS)]
        assert metric.overall(topk, N_ITEMS) == pytest.approx(CATALOGUE[name](counts), abs=PRECISION)


def test_user_coverage_agrees_with_plain_python() -> None:
    random = np.random.default_rng(0)
    for _ in range(N_CASES):
        lengths = random.integers(0, 3, random.integers(1, 6))
        items = np.array([[rank if rank < length else -1 for rank in range(3)] for length in lengths], np.int32)
        value = ours("user_coverage").overall(TopK(items, np.zeros(items.shape, np.float32)), N_ITEMS)
        assert value == pytest.approx(sum(length > 0 for length in lengths) / len(lengths), abs=PRECISION)


RATING: dict[str, tuple[Callable[[list[float]], float], Callable[..., float]]] = {
    "rmse": (lambda errors: (sum(e * e for e in errors) / len(errors)) ** 0.5, root_mean_squared_error),
    "mae": (lambda errors: sum(abs(e) for e in errors) / len(errors), mean_absolute_error),
}
"""In plain Python, and scikit-learn's."""


def draw_ratings(random: np.random.Generator, n: int, n_users: int) -> Rated:
    actual, predicted = random.integers(1, 6, n).astype(float), random.uniform(1, 5, n)
    return Rated(random.integers(0, n_users, n), actual, predicted, n_users)


@pytest.mark.parametrize("name", RATING)
def test_rating_values_agree_with_plain_python(name: str) -> None:
    random, of = np.random.default_rng(0), RATING[name][0]
    for _ in range(N_CASES):
        rated = draw_ratings(random, int(random.integers(1, 12)), 4)
        errors = (rated.predicted - rated.actual).tolist()
        own = [[e for e, row in zip(errors, rated.row, strict=True) if row == user] for user in range(4)]
        users = [of(found) if found else np.nan for found in own]
        assert ours(name).overall(rated) == pytest.approx(of(errors), abs=PRECISION)
        assert ours(f"{name}_user").per_user(rated) == pytest.approx(users, abs=PRECISION, nan_ok=True)
        assert np.nanmean(ours(name).per_user(rated)) == pytest.approx(of(errors), abs=PRECISION)
        defined = [of(found) for found in own if found]
        assert ours(f"{name}_user").overall(rated) == pytest.approx(sum(defined) / len(defined), abs=PRECISION)


@pytest.mark.parametrize("name", RATING)
def test_rating_values_agree_with_scikit_learn(name: str) -> None:
    rated, theirs = draw_ratings(np.random.default_rng(1), 2_000, 50), RATING[name][1]
    users = [theirs(rated.actual[rated.row == user], rated.predicted[rated.row == user]) for user in range(50)]
    assert ours(name).overall(rated) == pytest.approx(theirs(rated.actual, rated.predicted), abs=PRECISION)
    assert ours(f"{name}_user").per_user(rated) == pytest.approx(users, abs=PRECISION)
    assert ours(f"{name}_user").overall(rated) == pytest.approx(np.mean(users), abs=PRECISION)


def test_every_metric_has_a_reference() -> None:
    own = {name for name in REGISTRY if REGISTRY.origin(name) == "recsys-bench"}
    rating = RATING.keys() | {f"{name}_user" for name in RATING}
    assert PLAIN.keys() | CATALOGUE.keys() | {"user_coverage"} | rating == own
    assert IR_MEASURES.keys() <= own


@pytest.mark.parametrize("name", RATING)
def test_a_contribution_is_what_the_value_changes_by(name: str) -> None:
    """A user's contribution is the value plus n_users times its derivative by the user's weight, taken numerically."""
    rated, step, n_users = draw_ratings(np.random.default_rng(2), 400, 20), 1e-6, 20
    found = ours(name).per_user(rated)
    errors = np.abs(rated.predicted - rated.actual) if name == "mae" else (rated.predicted - rated.actual) ** 2

    def value(weights: np.ndarray[Any, Any]) -> float:
        mean = np.average(errors, weights=weights[rated.row])
        return float(mean if name == "mae" else np.sqrt(mean))

    for user in range(n_users):
        more = np.ones(n_users)
        more[user] += step
        slope = (value(more) - value(np.ones(n_users))) / step
        assert found[user] == pytest.approx(value(np.ones(n_users)) + n_users * slope, abs=1e-4)
