"""Content-based filtering by meaning: recommend items whose text is like that of the history."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Self

import numpy as np
from pydantic import Field

from bench.algorithm import Algorithm, Context, EvalSet, Need, UserBatch
from bench.config import Config
from bench.errors import UnmetNeedError, UsageError
from bench.interactions import BoolArray, FeatureColumn, Features, Float32Array, Float64Array, Interactions, mask
from bench.search import IntRange

SHIPPED = "wordllama"
"""The encoder whose weights come with its library."""
NOTHING = 1e-6
"""Of a vector of length 1, what is left by rounding alone."""


class ContentEmbeddingsConfig(Config):
    """Which encoder, what is taken out of its embeddings, and how an item is compared with a history."""

    encoder: Annotated[str, Field(min_length=1)] = SHIPPED
    """What turns text into vectors: wordllama, whose weights come with the library, or the name or the path of a model
    for the library sentence-transformers. Finished results are known by this name: give other weights another."""
    removed_components: Annotated[int, Field(ge=0), IntRange(0, 10)] = 2
    """Principal components of the embeddings to take out, beside their mean: what all items have in common."""
    nearest: Annotated[int, Field(ge=1), IntRange(1, 200, log=True)] = 2
    """Items of the history that count, those most like the item scored. 1 is the largest similarity, as many as the
    history has is the mean, which ranks as the cosine to a mean embedding does, and is faster."""


class ContentEmbeddings(Algorithm[ContentEmbeddingsConfig]):
    """Mean cosine between the embedding of an item's text and those of the most similar items of the history.

    The text of an item is its text columns, then its other attributes as words: categories and tags as they are,
    numbers with the name of their column. Learns from interactions only which items there are to take the mean and the
    components over (all-but-the-top), so items never seen in training are recommended like any other.
    Items without attributes score 0, and so does everything for a history of such items. Unlike in the paper, what is
    taken out is common to the texts of items, not to the words of a vocabulary.
    Needs the extra `text`, or the library sentence-transformers for its models.
    """

    seeded = False
    needs = frozenset({Need.ITEM_FEATURES})
    imports = (SHIPPED,)
    paper = "Mu, Viswanath: All-but-the-top: simple and effective postprocessing for word representations. ICLR 2018"

    def __init__(self, config: ContentEmbeddingsConfig | None = None, **fields: Any) -> None:
        super().__init__(config, **fields)
        if self.config.encoder != SHIPPED:
            self.imports = ("sentence_transformers",)

    def fit(self, train: Interactions, validation: EvalSet | None, context: Context) -> Self:
        """Embeds the items. Raises UnmetNeedError if the encoder's library is not installed or no item of training has
        a feature, UsageError if the encoder cannot be loaded.
        """
        texts = documents(context.require_item_features())
        described = np.array([bool(text) for text in texts])
        trained = described & mask(train.item, train.n_items)
        if not trained.any():
            raise UnmetNeedError("needs item features with a value in training, and there are none.")
        embedded = _embedded([text for text in texts if text], self.config.encoder, context.device)
        vectors = all_but_the_top(_unit(embedded), trained[described], self.config.removed_components)
        self.items = np.zeros((train.n_items, vectors.shape[1]), np.float32)
        self.items[described] = _unit(vectors)
        self.embedded: BoolArray = np.any(self.items != 0, axis=1)
        return self

    def score(self, batch: UserBatch) -> Float32Array:
        """float32[b, n_items], in [-1, 1]. An item counts once, however often it is in a history."""
        scores = np.zeros((len(batch), len(self.items)), np.float32)
        for row in range(len(batch)):
            history = np.unique(batch.history.row(row))
            history = history[self.embedded[history]]
            if len(history):
                scores[row] = self._likeness(self.items[history])
        return scores

    def _likeness(self, liked: Float32Array) -> Float32Array:
        """float32[n_items]: each item's mean cosine to the nearest of float32[n, d]."""
        further = len(liked) - self.config.nearest
        if further <= 0:
            return np.asarray(self.items @ liked.mean(axis=0))
        return np.asarray(np.partition(self.items @ liked.T, further, axis=1)[:, further:].mean(axis=1))


def documents(features: Features) -> list[str]:
    """The text of each item, "" if it has no attributes: "Toy Story. Animation, Comedy. year 1995"."""
    columns = sorted(features.columns.items(), key=lambda named: (named[1].kind != "text", named[0]))
    parts = [_words(name, column) for name, column in columns]
    return [". ".join(filter(None, item)) for item in zip(*parts, strict=True)] or [""] * len(features.ids)


def _words(name: str, column: FeatureColumn) -> list[str]:
    if column.kind == "tags":
        return [", ".join(values) for values in column.values]
    if column.kind == "number":
        return [f"{name} {value:.15g}" if np.isfinite(value) else "" for value in column.values]
    return [value.strip() for value in column.values]


def all_but_the_top(vectors: Float64Array, trained: BoolArray, removed: int) -> Float64Array:
    """float64[n, d]: without the mean of the trained rows and their first principal components, as many as removed."""
    centred = vectors - vectors[trained].mean(axis=0)
    _, components = np.linalg.eigh(centred[trained].T @ centred[trained])  # by rising variance
    top = components[:, max(0, components.shape[1] - removed) :]
    return np.asarray(centred - centred @ top @ top.T)


def _unit(vectors: Float64Array) -> Float64Array:
    """Rows of length 1, or of 0 where nothing is left."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > NOTHING))


def _embedded(texts: list[str], encoder: str, device: str) -> Float64Array:
    """float64[n, d]."""
    if encoder == SHIPPED:
        library = _library(SHIPPED, encoder, 'pip install "recsys-bench[text]"')
        # It looks for its tokenizer in a cache, and downloads it where that is empty, though it ships it too.
        shipped = library.WordLlama.load(cache_dir=Path(str(library.__file__)).parent, disable_download=True)
        return np.asarray(shipped.embed(texts), np.float64)
    library = _library("sentence_transformers", encoder, "pip install sentence-transformers")
    try:
        model = library.SentenceTransformer(encoder, device=None if device == "auto" else device)
    except Exception as error:
        raise UsageError(
            f"'encoder' should be '{SHIPPED}', or the name or the path of a sentence-transformers model that can be "
            f"loaded. Got '{encoder}': {' '.join(str(error).split())}"
        ) from error
    return np.asarray(model.encode(texts, convert_to_numpy=True, show_progress_bar=False), np.float64)


def _library(name: str, encoder: str, install: str) -> ModuleType:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise UnmetNeedError(
            f"needs the library {name} for its encoder '{encoder}', which is not installed: {install}"
        ) from error
