"""Items as sets of attributes: which each item has, as metrics of similarity and of genres see them."""

from __future__ import annotations

import re
from itertools import chain
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from bench.interactions import FeatureColumn, Features

WORD = re.compile(r"\w+")
Float64Matrix: TypeAlias = "sparse.csr_matrix[np.float64]"


def attributes(features: Features) -> Float64Matrix:
    """Binary float64 [n_items, n_attributes]: which tags and categories each item has.

    Where no item has any, the lower-cased words of its text stand in for them. Numbers count for nothing. One
    value in two columns is two attributes.
    """
    tokens = _tokens(features, ("category", "tags"))
    if not any(tokens):
        tokens = _tokens(features, ("text",))
    codes = _codes(list(chain.from_iterable(tokens)))
    indptr = np.cumsum([0, *map(len, tokens)])
    shape = (len(tokens), int(codes.max(initial=-1)) + 1)
    return sparse.csr_matrix((np.ones(len(codes)), codes, indptr), shape)


def scaled(matrix: Float64Matrix, norms: NDArray[Any]) -> Float64Matrix:
    """Every row divided by its norm, float64[n]; a row whose norm is 0 stays as it is."""
    divided = matrix.data / np.repeat(np.where(norms > 0, norms, 1.0), np.diff(matrix.indptr))
    return sparse.csr_matrix((divided, matrix.indices, matrix.indptr), matrix.shape)


def _tokens(features: Features, kinds: tuple[str, ...]) -> list[list[str]]:
    """The distinct attributes of each item, each marked with its column: "genres=Comedy"."""
    found: list[list[str]] = [[] for _ in features.ids]
    for name, column in sorted(features.columns.items()):
        if column.kind in kinds:
            for own, values in zip(found, _values(column), strict=True):
                own.extend(f"{name}={value}" for value in dict.fromkeys(values))
    return found


def _values(column: FeatureColumn) -> list[list[str]]:
    if column.kind == "tags":
        return [list(tags) for tags in column.values]
    if column.kind == "category":
        return [[value] if value else [] for value in column.values]
    return [WORD.findall(text.lower()) for text in column.values]


def _codes(tokens: list[str]) -> NDArray[np.int32]:
    numbers = {token: code for code, token in enumerate(dict.fromkeys(tokens))}
    return np.array([numbers[token] for token in tokens], np.int32)
