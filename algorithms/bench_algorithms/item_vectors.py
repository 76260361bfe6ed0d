"""Items as TF-IDF vectors of their attributes, whatever those are: text, tags, categories, numbers."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from functools import partial
from typing import Annotated, Any

import numpy as np
from pydantic import Field, ValidationInfo, field_validator
from scipy import sparse

from bench.config import Config
from bench.errors import UnmetNeedError
from bench.interactions import BoolArray, FeatureColumn, Features, Float64Array, Interactions
from bench.search import FloatRange, IntRange

VECTOR_IMPORTS = ("sklearn.feature_extraction.text", "sklearn.preprocessing")
"""What `item_vectors` imports when it is called."""
Tokens = list[list[str]]
"""The tokens of each item."""
Reader = Callable[[FeatureColumn], Tokens]


class FeatureConfig(Config):
    """How much each kind of attribute counts, relative to the others."""

    text_weight: Annotated[float, Field(ge=0), FloatRange(0, 1)] = 0.5
    """Weight of words, such as those of titles. 0 leaves them out."""
    tags_weight: Annotated[float, Field(ge=0), FloatRange(0, 1)] = 1.0
    """Weight of tags and categories, such as genres. 0 leaves them out."""
    number_weight: Annotated[float, Field(ge=0), FloatRange(0, 1)] = 0.5
    """Weight of numbers, such as years. 0 leaves them out."""
    number_bins: Annotated[int, Field(ge=2), IntRange(2, 50, log=True)] = 10
    """Bins with as many items each that a number is sorted into. Bins overlap: numbers in neighbouring bins
    are half alike."""

    @field_validator("number_weight")
    @classmethod
    def _something_counts(cls, value: float, info: ValidationInfo) -> float:
        if not (value or info.data.get("text_weight", 1) or info.data.get("tags_weight", 1)):
            raise ValueError("should be greater than 0 where text_weight and tags_weight are 0")
        return value


def item_vectors(features: Features, train: Interactions, config: FeatureConfig) -> sparse.csr_matrix:
    """The vectors of `named_vectors`. Raises UnmetNeedError as it does."""
    return named_vectors(features, train, config)[0]


def named_vectors(
    features: Features, train: Interactions, config: FeatureConfig
) -> tuple[sparse.csr_matrix, list[str]]:
    """float64 [n_items, n_tokens]: unit rows, or zero for items without attributes; and what each token says, such as
    "genres=Comedy", or "year" of both tokens of a number.

    Each kind of attribute becomes a unit TF-IDF vector, is multiplied by its weight, and all are joined. The
    rarity of a token (IDF) and the bins of a number are those among the items of training; other items are
    described in the same terms, with a token that training has not as one that is rarer than all others. Raises
    UnmetNeedError if no attribute with a weight has any value in training.
    """
    from sklearn.preprocessing import normalize

    trained = np.zeros(train.n_items, np.bool_)
    trained[train.item] = True
    numbers = partial(_binned, trained=trained, bins=config.number_bins)
    kinds: list[tuple[dict[str, Reader], float]] = [
        ({"text": _words}, config.text_weight),
        ({"category": _categories, "tags": _tags}, config.tags_weight),
        ({"number": numbers}, config.number_weight),
    ]
    parts, names = [], []
    for readers, weight in kinds:
        tokens = _tokens(features, readers)
        if weight and any(itertools.compress(tokens, trained)):
            vectors, terms = _tfidf(tokens, trained)
            parts.append(weight * vectors)
            names += [term.rpartition("=")[0] for term in terms] if "number" in readers else terms
    if not parts:
        raise UnmetNeedError("needs item features with a value and a weight in training, and there are none.")
    return sparse.csr_matrix(normalize(sparse.hstack(parts, format="csr"))), names


def _tfidf(tokens: Tokens, trained: BoolArray) -> tuple[Any, list[str]]:
    """The vectors, and the token of each column."""
    from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer

    vectorizer = CountVectorizer(analyzer=list, dtype=np.float64)
    counts = vectorizer.fit_transform(tokens)
    return TfidfTransformer().fit(counts[trained]).transform(counts), vectorizer.get_feature_names_out().tolist()


def _tokens(features: Features, readers: dict[str, Reader]) -> Tokens:
    """Tokens of all columns that have a reader, each marked with its column: "genres=Comedy"."""
    joined: Tokens = [[] for _ in features.ids]
    for name, column in sorted(features.columns.items()):
        if column.kind in readers:
            for item, tokens in zip(joined, readers[column.kind](column), strict=True):
                item.extend(f"{name}={token}" for token in tokens)
    return joined


def _words(column: FeatureColumn) -> Tokens:
    from sklearn.feature_extraction.text import TfidfVectorizer

    split: Callable[[str], Iterable[str]] = TfidfVectorizer(
        strip_accents="unicode", token_pattern=r"(?u)\b\w+\b"
    ).build_analyzer()
    return [list(split(text)) for text in column.values]


def _categories(column: FeatureColumn) -> Tokens:
    return [[value] if value else [] for value in column.values]


def _tags(column: FeatureColumn) -> Tokens:
    return [list(values) for values in column.values]


def _binned(column: FeatureColumn, trained: BoolArray, bins: int) -> Tokens:
    """Two tokens a number, its bin's lower and upper edge, so that neighbouring bins share one. As many items of
    training are in each bin.
    """
    values: Float64Array = np.asarray(column.values, np.float64)
    known = np.isfinite(values)
    if not (known & trained).any():
        return [[] for _ in values]
    edges = np.unique(np.quantile(values[known & trained], np.arange(1, bins) / bins, method="inverted_cdf"))
    position = np.searchsorted(edges, values, side="left")
    return [[str(p), str(p + 1)] if here else [] for p, here in zip(position, known, strict=True)]
