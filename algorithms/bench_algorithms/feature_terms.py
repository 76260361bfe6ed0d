"""Items and users in terms of their attributes, as networks take them: only terms that training has."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import numpy as np
from pydantic import Field
from scipy import sparse

from bench.errors import UnmetNeedError
from bench.interactions import Features, Interactions, mask
from bench.search import LogRange
from bench_algorithms.item_vectors import FeatureConfig, item_vectors


class TermsConfig(FeatureConfig):
    """How much attributes count, and which."""

    attribute_weight: Annotated[float, Field(gt=0), LogRange(0.1, 3.0)] = 0.3
    """Length of the vector of weights of an item's attributes, and of a user's; the item itself weighs 1."""


def item_terms(features: Features, train: Interactions, config: TermsConfig) -> sparse.csr_matrix:
    """float32 [n_items, n_terms]: the vectors of `item_vectors` without the terms that no item of training has.

    A network learns nothing of such terms. So an item never seen in training is described by those it shares with
    others, and by none if it shares none. Raises UnmetNeedError as `item_vectors` does.
    """
    vectors = item_vectors(features, train, config)
    shared = mask(vectors[np.unique(train.item)].indices, vectors.shape[1])
    return sparse.csr_matrix(config.attribute_weight * vectors[:, shared], dtype=np.float32)


def optional_item_terms(features: Features | None, train: Interactions, config: TermsConfig) -> sparse.csr_matrix:
    """The same, with no terms, float32 [n_items, 0], where there are no features or none in training."""
    try:
        return item_terms(features or Features(train.item_ids), train, config)
    except UnmetNeedError:
        return sparse.csr_matrix(np.zeros((train.n_items, 0), np.float32))


def optional_user_terms(features: Features | None, train: Interactions, config: TermsConfig) -> sparse.csr_matrix:
    """The same of users, float32 [n_users, n_terms]: statistics are those of the users of training."""
    swapped = replace(train, user=train.item, item=train.user, user_ids=train.item_ids, item_ids=train.user_ids)
    return optional_item_terms(features, swapped, config)
