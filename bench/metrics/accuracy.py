"""Accuracy of ranked lists. r_i is 1 if the item at rank i is relevant; n is the user's number of relevant items."""

from __future__ import annotations

import numpy as np

from bench.interactions import BoolArray, Float64Array, Int64Array
from bench.metrics.base import UserMetric


class Precision(UserMetric):
    """Share of the k recommended items that are relevant."""

    name = "precision"
    definition = "Σ_{i≤k} r_i / k. The denominator is k even where the list is shorter."
    reference = "Manning, Raghavan, Schütze: Introduction to Information Retrieval (2008), 8.4"

    def compute(self, hits: BoolArray, n_relevant: Int64Array) -> Float64Array:
        return np.asarray(hits.sum(1) / self.k, np.float64)


class Recall(UserMetric):
    """Share of the relevant items that are recommended."""

    name = "recall"
    definition = "Σ_{i≤k} r_i / n. The denominator is n, not min(k, n)."
    reference = "Manning, Raghavan, Schütze: Introduction to Information Retrieval (2008), 8.4"

    def compute(self, hits: BoolArray, n_relevant: Int64Array) -> Float64Array:
        return np.asarray(hits.sum(1) / np.maximum(n_relevant, 1), np.float64)


class NDCG(UserMetric):
    """Normalised discounted cumulative gain with binary gains."""

    name = "ndcg"
    definition = "Σ_{i≤k} r_i / log2(i + 1), divided by the same sum of an ideal list: Σ_{i≤min(k, n)} 1 / log2(i + 1)."
    reference = "Järvelin, Kekäläinen: Cumulated gain-based evaluation of IR techniques. TOIS 20(4), 2002"

    def compute(self, hits: BoolArray, n_relevant: Int64Array) -> Float64Array:
        discounts = 1.0 / np.log2(np.arange(2, self.k + 2))
        ideal = np.concatenate([[np.inf], np.cumsum(discounts)])[np.minimum(n_relevant, self.k)]
        return np.asarray(hits @ discounts / ideal, np.float64)


class MAP(UserMetric):
    """Average precision: the mean of the precision at the rank of every relevant item."""

    name = "map"
    definition = "Σ_{i≤k} r_i · precision@i / n. The denominator is n, not min(k, n)."
    reference = "Buckley, Voorhees: Evaluating evaluation measure stability. SIGIR 2000 (trec_eval's map_cut)"

    def compute(self, hits: BoolArray, n_relevant: Int64Array) -> Float64Array:
        precision = np.cumsum(hits, axis=1) / np.arange(1, self.k + 1)
        return np.asarray((precision * hits).sum(1) / np.maximum(n_relevant, 1), np.float64)


class MRR(UserMetric):
    """Reciprocal rank of the first relevant item."""

    name = "mrr"
    definition = "1 / min{i ≤ k: r_i = 1}; 0 if there is none."
    reference = "Voorhees: The TREC-8 question answering track report. TREC 1999"

    def compute(self, hits: BoolArray, n_relevant: Int64Array) -> Float64Array:
        return np.asarray(np.where(hits.any(1), 1.0 / (hits.argmax(1) + 1.0), 0.0), np.float64)


class Hit(UserMetric):
    """Whether any relevant item is recommended."""

    name = "hit"
    definition = "1 if Σ_{i≤k} r_i > 0, else 0."
    reference = "Deshpande, Karypis: Item-based top-N recommendation algorithms. TOIS 22(1), 2004"

    def compute(self, hits: BoolArray, n_relevant: Int64Array) -> Float64Array:
        return np.asarray(hits.any(1), np.float64)
