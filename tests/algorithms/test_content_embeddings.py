"""Which text an item has, what is taken out of its embedding, both kinds of encoder, and life without them."""

from __future__ import annotations

import socket
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from bench.algorithm import Context, UserBatch
from bench.errors import UnmetNeedError, UsageError
from bench.interactions import FeatureColumn, Features, Interactions, ItemLists
from bench_algorithms.content_embeddings import ContentEmbeddings, all_but_the_top, documents

TITLES = ["Stars and planets", "Love in Paris", "The galaxy at night", "A French romance", ""]
ITEMS = np.array(["stars", "love", "galaxy", "romance", "blank"], object)
installed = pytest.mark.skipif(find_spec("wordllama") is None, reason="wordllama is not installed")


def column(kind: Any, values: list[Any]) -> FeatureColumn:
    array = np.empty(len(values), np.float64 if kind == "number" else object)
    array[:] = values
    return FeatureColumn(kind, array)


def fitted(titles: list[str], trained: list[int], **fields: Any) -> ContentEmbeddings:
    items = np.array(trained, np.int32)
    train = Interactions(np.zeros(len(items), np.int32), items, np.array(["u"], object), ITEMS[: len(titles)])
    features = Features(train.item_ids, {"title": column("text", titles)})
    return ContentEmbeddings(**fields).fit(train, None, Context(item_features=features))


def scores(model: ContentEmbeddings, history: list[int]) -> np.ndarray:
    lists = ItemLists.from_lists([history], len(model.items))
    return np.asarray(model.score(UserBatch(np.zeros(1, np.int32), lists)))[0]


@pytest.fixture
def letters(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """In place of sentence-transformers, models that count the letters a, b and c of a text. Their calls, as made."""
    calls: list[tuple[Any, ...]] = []

    class Letters:
        def __init__(self, name: str, device: str | None) -> None:
            calls.append((name, device))
            if name == "absent":
                raise OSError("no such model,\nnowhere")

        def encode(self, texts: list[str], **options: Any) -> np.ndarray:
            calls.append((*texts,))
            return np.array([[text.count(letter) for letter in "abc"] for text in texts], np.float32)

    library = ModuleType("sentence_transformers")
    library.SentenceTransformer = Letters  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sentence_transformers", library)
    return calls


def test_a_document_has_the_text_first_and_every_attribute_as_words() -> None:
    columns = {
        "genres": column("tags", [("War", "Drama"), (), ()]),
        "shelf": column("category", ["front", "", ""]),
        "title": column("text", [" Alien ", "Heat", ""]),
        "year": column("number", [1979.0, 1995.5, np.nan]),
    }
    found = documents(Features(ITEMS[:3], columns))
    assert found == ["Alien. War, Drama. front. year 1979", "Heat. year 1995.5", ""]
    assert documents(Features(ITEMS[:2], {})) == ["", ""]


def test_the_mean_and_the_widest_direction_of_training_are_taken_out() -> None:
    # In training (0, 0), (4, 2) and (8, 1): the mean is (4, 1), the widest direction nearly the first axis.
    trained = np.array([[0, 0, 3], [4, 3, 3], [8, 0, 3]], np.float64)
    vectors = np.vstack([trained, [[100, 7, 3]]])
    rows = np.array([True, True, True, False])
    np.testing.assert_allclose(all_but_the_top(vectors, rows, 0), vectors - [4, 1, 3])
    expected = [[0, -1, 0], [0, 2, 0], [0, -1, 0], [0, 6, 0]]  # the two axes do not correlate
    np.testing.assert_allclose(all_but_the_top(vectors, rows, 1), expected, atol=1e-12)
    np.testing.assert_allclose(all_but_the_top(vectors, rows, 9), 0, atol=1e-12)


def test_scores_are_mean_cosines_to_the_nearest_of_the_history(letters: list[Any]) -> None:
    titles = ["a", "b", "ab", "aac", "c"]
    fields = {"encoder": "letters", "removed_components": 0}
    found = {n: scores(fitted(titles, [0, 1, 2, 3, 4], **fields, nearest=n), [0, 1, 4, 4]) for n in (1, 2, 3, 9)}
    vectors = np.array([[1, 0, 0], [0, 1, 0], [0.5**0.5, 0.5**0.5, 0], [0.8**0.5, 0, 0.2**0.5], [0, 0, 1]])
    vectors -= vectors.mean(axis=0)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = np.sort(vectors @ vectors[[0, 1, 4]].T)[:, ::-1]
    for n in found:
        np.testing.assert_allclose(found[n], cosines[:, :n].mean(axis=1), atol=1e-6)
    assert scores(fitted(titles, [0, 1], **fields), []).tolist() == [0] * 5


def test_the_mean_cosine_ranks_as_the_cosine_to_the_mean(letters: list[Any]) -> None:
    model = fitted(["a", "b", "ab", "aac", "c"], [0, 1, 3], encoder="letters", nearest=3)
    mean = model.items[[0, 1, 3]].mean(axis=0)
    np.testing.assert_allclose(scores(model, [3, 0, 1]), model.items @ mean, atol=1e-6)


def test_an_item_that_training_has_not_is_recommended_by_its_text(letters: list[Any]) -> None:
    model = fitted(["a", "b", "c", "c", ""], [0, 1, 2], encoder="letters", removed_components=0)
    found = scores(model, [2])
    assert found[3] == pytest.approx(1)
    assert found[3] > max(found[0], found[1])
    other = fitted(["a", "b", "c", "aabbb", ""], [0, 1, 2], encoder="letters", removed_components=0)
    np.testing.assert_array_equal(other.items[:3], model.items[:3])


def test_items_without_text_are_not_embedded_and_score_nothing(letters: list[Any]) -> None:
    model = fitted(["a", "", "b", "c", ""], [0, 2, 3, 4], encoder="letters")
    assert letters == [("letters", "cpu"), ("a", "b", "c")]
    assert scores(model, [0, 1])[[1, 4]].tolist() == [0, 0]
    np.testing.assert_array_equal(scores(model, [0, 1]), scores(model, [0]))
    assert scores(model, [4]).tolist() == [0] * 5


def test_what_rounding_leaves_of_equal_texts_is_nothing(letters: list[Any]) -> None:
    model = fitted(["aab"] * 4 + ["abbbc"], [0, 1, 2], encoder="letters")
    assert scores(model, [0])[:4].tolist() == [0] * 4


@installed
def test_related_words_are_alike_offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refused(*arguments: Any, **options: Any) -> None:
        raise AssertionError("It asks the network.")

    monkeypatch.setattr(socket, "getaddrinfo", refused)
    monkeypatch.setenv("HOME", str(tmp_path))  # nothing is in its cache
    found = scores(fitted(TITLES, [0, 1, 2, 3], removed_components=0), [0])
    assert found[2] > max(found[1], found[3])
    assert found[4] == 0
    assert not list(tmp_path.iterdir())


@installed
def test_embeddings_are_those_of_the_library() -> None:
    import wordllama

    theirs = wordllama.WordLlama.load(cache_dir=Path(wordllama.__file__).parent, disable_download=True)
    vectors = theirs.embed(TITLES[:4], norm=True)
    vectors = vectors - vectors.mean(axis=0)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    model = fitted(TITLES, [0, 1, 2, 3], removed_components=0)
    np.testing.assert_allclose(scores(model, [0])[:4], vectors @ vectors[0], atol=1e-5)


def test_a_real_sentence_transformers_model_is_loaded_from_a_path(tmp_path: Path) -> None:
    modules = pytest.importorskip("sentence_transformers.sentence_transformer.modules")
    words = modules.BoW(vocab=["stars", "love", "galaxy"])
    sys.modules["sentence_transformers"].SentenceTransformer(modules=[words], device="cpu").save(str(tmp_path))
    model = fitted(["stars", "love", "galaxy", "love", ""], [0, 1, 2], encoder=str(tmp_path), removed_components=0)
    assert scores(model, [1])[3] == pytest.approx(1)
    assert scores(model, [1])[[0, 2]].max() < 0.1


def test_a_model_that_cannot_be_loaded_is_a_usage_error(letters: list[Any]) -> None:
    with pytest.raises(UsageError) as caught:
        fitted(TITLES, [0], encoder="absent")
    assert str(caught.value) == (
        "'encoder' should be 'wordllama', or the name or the path of a sentence-transformers model that can be loaded. "
        "Got 'absent': no such model, nowhere"
    )


@pytest.mark.parametrize(
    ("encoder", "module", "install"),
    [
        ("wordllama", "wordllama", 'pip install "recsys-bench[text]"'),
        ("all-MiniLM-L6-v2", "sentence_transformers", "pip install sentence-transformers"),
    ],
)
def test_without_the_library_it_says_how_to_install_it(
    encoder: str, module: str, install: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    assert ContentEmbeddings(encoder=encoder).imports == (module,)
    with pytest.raises(UnmetNeedError) as caught:
        fitted(TITLES, [0, 1], encoder=encoder)
    assert (
        str(caught.value)
        == f"needs the library {module} for its encoder '{encoder}', which is not installed: {install}"
    )


@pytest.mark.parametrize("trained", [[], [4]])
def test_without_a_described_item_in_training_it_says_what_it_needs(trained: list[int]) -> None:
    with pytest.raises(UnmetNeedError, match="needs item features with a value in training"):
        fitted(TITLES, trained)
    with pytest.raises(UnmetNeedError, match="needs item features, and this data set has none"):
        ContentEmbeddings().fit(Interactions.from_ids(["u"], ["i"]), None, Context())
