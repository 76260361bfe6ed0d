"""Neighbourhood models against slow ones, by hand, and at their edges."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from bench.algorithm import Context, UserBatch
from bench.errors import UsageError
from bench.interactions import ItemLists
from bench.testing.case import histories_of, interactions_of
from bench_algorithms import similarity
from bench_algorithms.neighbourhood import ItemKNN, UserKNN
from bench_algorithms.similarity import NearestRows, SimilarityConfig
from bench_algorithms.weighting import TermWeights

MEASURES: list[dict[str, Any]] = [
    {"similarity": "cosine"},
    {"similarity": "asymmetric-cosine", "asymmetry": 0.2},
    {"similarity": "jaccard"},
    {"similarity": "tversky", "tversky_alpha": 0.9, "tversky_beta": 0.1},
]
SETTINGS = list(itertools.product(MEASURES, ("none", "tf-idf", "bm25"), (0.0, 3.0), (2, 5, 1000)))


def slow_weights(documents: np.ndarray, train: np.ndarray, weighting: str) -> np.ndarray:
    """The same as TermWeights, entry by entry, from the formulas."""
    weighted = np.zeros(documents.shape)
    n_documents, mean_length = len(train), train.sum() / len(train)
    for d, t in zip(*np.nonzero(documents), strict=True):
        n = train[:, t].sum()
        if weighting == "none":
            weighted[d, t] = 1
        elif weighting == "tf-idf":
            weighted[d, t] = math.log((1 + n_documents) / (1 + n)) + 1
        else:
            rarity = math.log(1 + (n_documents - n + 0.5) / (n + 0.5))
            weighted[d, t] = rarity * 2.2 / (1 + 1.2 * (0.25 + 0.75 * documents[d].sum() / mean_length))
    return weighted


def slow_similarity(x: np.ndarray, y: np.ndarray, measure: dict[str, Any], shrinkage: float) -> float:
    dot = float(x @ y)
    if dot == 0:
        return 0.0
    common, only_x, only_y = ((x > 0) & (y > 0)).sum(), x @ x - dot, y @ y - dot
    a, alpha, beta = (measure.get(name, 0) for name in ("asymmetry", "tversky_alpha", "tversky_beta"))
    scale = {
        "cosine": math.sqrt((x @ x) * (y @ y)),
        "asymmetric-cosine": math.sqrt(x @ x) ** (2 * a) * math.sqrt(y @ y) ** (2 - 2 * a),
        "jaccard": dot + only_x + only_y,
        "tversky": dot + alpha * only_x + beta * only_y,
    }
    return dot / scale[measure["similarity"]] * common / (common + shrinkage)


def slow_neighbours(x: np.ndarray, rows: np.ndarray, k: int, exclude: int, *how: Any) -> dict[int, float]:
    """The k most similar rows; equal ones by code."""
    found = {r: np.float32(slow_similarity(x, row, *how)) for r, row in enumerate(rows) if r != exclude}
    order = sorted(found, key=lambda r: (-found[r], r))[:k]
    return {r: float(found[r]) for r in order if found[r] > 0}


@pytest.mark.parametrize(("measure", "weighting", "shrinkage", "k"), SETTINGS)
def test_item_knn_agrees_with_a_slow_one(
    matrix: np.ndarray, measure: dict[str, Any], weighting: Any, shrinkage: float, k: int
) -> None:
    items = slow_weights(matrix.T, matrix.T, weighting)
    expected = np.zeros(matrix.shape)
    for item in range(matrix.shape[1]):
        for other, value in slow_neighbours(items[item], items, k, item, measure, shrinkage).items():
            expected[:, item] += matrix[:, other] * value
    model = ItemKNN(k=k, weighting=weighting, shrinkage=shrinkage, **measure)
    scores = model.fit(interactions_of(matrix), None, Context()).score(histories_of(matrix))
    np.testing.assert_allclose(scores, expected, rtol=1e-5)


@pytest.mark.parametrize(("measure", "weighting", "shrinkage", "k"), SETTINGS)
def test_user_knn_agrees_with_a_slow_one(
    matrix: np.ndarray, measure: dict[str, Any], weighting: Any, shrinkage: float, k: int
) -> None:
    users = slow_weights(matrix, matrix, weighting)
    expected = np.zeros(matrix.shape)
    for user in range(len(matrix)):
        for other, value in slow_neighbours(users[user], users, k, user, measure, shrinkage).items():
            expected[user] += matrix[other] * value
    model = UserKNN(k=k, weighting=weighting, shrinkage=shrinkage, **measure)
    scores = model.fit(interactions_of(matrix), None, Context()).score(histories_of(matrix))
    np.testing.assert_allclose(scores, expected, rtol=1e-5)


def similarities(rows: sparse.csr_matrix, **how: Any) -> np.ndarray:
    """Of each row with each."""
    nobody = np.full(rows.shape[0], -1, np.int32)
    return NearestRows(rows, SimilarityConfig(**how)).find(rows, rows.shape[0], nobody).toarray()


def test_similarities_by_hand() -> None:
    # Items a, b, c are had by users {1, 2, 3}, {2, 3}, {3}.
    rows = sparse.csr_matrix(np.array([[1.0, 1, 1], [0, 1, 1], [0, 0, 1]]))
    cosine = similarities(rows)
    np.testing.assert_allclose(cosine[0], [1, 2 / math.sqrt(6), 1 / math.sqrt(3)], rtol=1e-6)
    shrunk = similarities(rows, shrinkage=2)
    np.testing.assert_allclose(shrunk[0], [3 / 5, 2 / math.sqrt(6) * 2 / 4, 1 / math.sqrt(3) * 1 / 3], rtol=1e-6)
    jaccard = similarities(rows, similarity="jaccard")
    np.testing.assert_allclose(jaccard[1], [2 / 3, 1, 1 / 2], rtol=1e-6)


def test_asymmetric_similarities_by_hand() -> None:
    # b and a have two users in common; b has two, a has three.
    rows = sparse.csr_matrix(np.array([[1.0, 1, 1], [0, 1, 1], [0, 0, 1]]))
    b, a = 1, 0
    by_own = similarities(rows, similarity="asymmetric-cosine", asymmetry=1)
    assert by_own[b, a] == pytest.approx(2 / 2)
    assert by_own[a, b] == pytest.approx(2 / 3)
    quarter = similarities(rows, similarity="asymmetric-cosine", asymmetry=0.25)
    assert quarter[b, a] == pytest.approx(2 / (2**0.25 * 3**0.75))
    assert quarter[a, b] == pytest.approx(2 / (3**0.25 * 2**0.75))
    tversky = similarities(rows, similarity="tversky", tversky_alpha=0.9, tversky_beta=0.2)
    assert tversky[b, a] == pytest.approx(2 / (2 + 0.9 * 0 + 0.2 * 1))
    assert tversky[a, b] == pytest.approx(2 / (2 + 0.9 * 1 + 0.2 * 0))


def weighted(matrix: np.ndarray) -> sparse.csr_matrix:
    """Rows whose weights differ by magnitudes, so that a dot product may be far above a squared length."""
    weights = np.exp(np.random.default_rng(1).normal(scale=3, size=matrix.shape))
    return sparse.csr_matrix(matrix * weights)


@pytest.mark.parametrize("shrinkage", [0.0, 3.0])
@pytest.mark.parametrize(
    ("special", "known"),
    [
        ({"similarity": "asymmetric-cosine", "asymmetry": 0.5}, "cosine"),
        ({"similarity": "tversky", "tversky_alpha": 1, "tversky_beta": 1}, "jaccard"),
    ],
)
def test_general_measures_contain_the_plain_ones(
    matrix: np.ndarray, special: dict[str, Any], known: str, shrinkage: float
) -> None:
    rows = weighted(matrix)
    expected = similarities(rows, similarity=known, shrinkage=shrinkage)
    np.testing.assert_allclose(similarities(rows, shrinkage=shrinkage, **special), expected, rtol=1e-6)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("beta", [0.0, 0.3, 1.0])
def test_what_rows_share_is_never_held_against_them(matrix: np.ndarray, alpha: float, beta: float) -> None:
    rows = weighted(matrix)
    found = similarities(rows, similarity="tversky", tversky_alpha=alpha, tversky_beta=beta)
    np.testing.assert_array_equal(found > 0, (rows @ rows.T).toarray() > 0)


def test_tf_idf_is_that_of_scikit_learn(matrix: np.ndarray) -> None:
    from sklearn.feature_extraction.text import TfidfTransformer

    documents = sparse.csr_matrix(matrix.astype(np.float32))
    ours = TermWeights.learn(documents, "tf-idf").apply(documents)
    np.testing.assert_allclose(ours.toarray(), TfidfTransformer(norm=None).fit_transform(documents).toarray())


def test_bm25_by_hand() -> None:
    # Three documents of 2, 1 and 3 terms; the first term is in all three, the second in two.
    documents = sparse.csr_matrix(np.array([[1.0, 1, 0], [1, 0, 0], [1, 1, 1]]))
    weights = TermWeights.learn(documents, "bm25").apply(documents).toarray()
    assert weights[0, 0] == pytest.approx(math.log(1 + 0.5 / 3.5) * 2.2 / 2.2)
    assert weights[2, 1] == pytest.approx(math.log(1 + 1.5 / 2.5) * 2.2 / (1 + 1.2 * (0.25 + 0.75 * 1.5)))


def test_among_equal_neighbours_the_lower_code_is_kept() -> None:
    rows = sparse.csr_matrix(np.array([[1.0, 1, 0], [0, 1, 1], [0, 1, 1], [1, 0, 1]]))
    query = sparse.csr_matrix(np.array([[0.0, 1, 1]]))
    assert NearestRows(rows, SimilarityConfig()).find(query, 1, np.array([-1], np.int32)).indices.tolist() == [1]
    assert NearestRows(rows, SimilarityConfig()).find(query, 1, np.array([1], np.int32)).indices.tolist() == [2]
    assert NearestRows(rows, SimilarityConfig()).find(query, 3, np.array([-1], np.int32)).indices.tolist() == [0, 1, 2]


@pytest.mark.parametrize("block_bytes", [1, 64 * 25 * 4])
def test_blocks_change_nothing(matrix: np.ndarray, monkeypatch: pytest.MonkeyPatch, block_bytes: int) -> None:
    train, batch = interactions_of(matrix), histories_of(matrix)
    models = [UserKNN(k=3), ItemKNN(k=3, shrinkage=2, weighting="bm25", similarity="jaccard")]
    whole = [model.fit(train, None, Context()).score(batch) for model in models]
    monkeypatch.setattr(similarity, "BLOCK_BYTES", block_bytes)
    for model, expected in zip(models, whole, strict=True):
        np.testing.assert_array_equal(model.fit(train, None, Context()).score(batch), expected)


def test_users_are_not_their_own_neighbours_but_twins_are() -> None:
    matrix = np.array([[1, 1, 0, 0], [1, 1, 0, 0], [0, 1, 0, 1]], bool)
    model = UserKNN(k=1).fit(interactions_of(matrix), None, Context())
    history = ItemLists.from_lists([[0, 1], [1, 3]], 4)
    trained = model.score(UserBatch(np.array([0, 2], np.int32), history))
    assert trained[0].tolist() == [1, 1, 0, 0]  # the twin, user 1
    np.testing.assert_allclose(trained[1], [0.5, 0.5, 0, 0])  # not user 2 itself, who would give item 3


@pytest.mark.parametrize("code", [-1, 3, 99])
def test_users_unknown_to_training_may_have_any_neighbour(code: int) -> None:
    matrix = np.array([[1, 1, 0, 0], [0, 0, 1, 1], [0, 1, 0, 1]], bool)
    model = UserKNN(k=1).fit(interactions_of(matrix), None, Context())
    scores = model.score(UserBatch(np.array([code], np.int32), ItemLists.from_lists([[2, 3]], 4)))
    assert scores[0].tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("model", [UserKNN(), ItemKNN()])
def test_an_empty_batch_has_no_scores(matrix: np.ndarray, model: UserKNN | ItemKNN) -> None:
    fitted = model.fit(interactions_of(matrix), None, Context())
    assert fitted.score(histories_of(matrix[:0])).shape == (0, 18)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"k": 0}, "the field 'k' of ItemKNN should be greater than or equal to 1. Got 0."),
        ({"shrinkage": -1}, "the field 'shrinkage' of ItemKNN should be greater than or equal to 0. Got -1."),
        (
            {"similarity": "dot"},
            "the field 'similarity' of ItemKNN should be 'cosine', 'asymmetric-cosine', 'jaccard' or 'tversky'. "
            "Got 'dot'.",
        ),
        (
            {"asymmetry": 1.5},
            "the field 'asymmetry' of ItemKNN should be less than or equal to 1. Got 1.5.",
        ),
        (
            {"neighbors": 5},
            "ItemKNN has no field 'neighbors'. Known: asymmetry, k, shrinkage, similarity, tversky_alpha, "
            "tversky_beta, weighting.",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        ItemKNN(**fields)
    assert str(caught.value) == message
