"""Accuracy of ranked lists. r_i is 1 if the item at rank i is relevant; n is the user's number of relevant items."""

from __future__ import annotations

import numpy as np

from bench.interactions import BoolArray, Float64Array, Int64Array
from bench.metrics.base import HitMetric


class Precision(HitMetric):
    """Share of the k recommended items that are relevant."""

    name = "precision"
    definition = "Σ_{i≤k} r_i / k. The denominator is k even where the list is shorter."
    reference = "Manning, Raghavan, Schütze: Introduction to Information Retrieval (2008), 8.4"

    def compute(self, hits: BoolArray, n_relevant: Int64Array) -> Float64Array:
        return np.asarray(hits.sum(1) / self.k, np.float64)


class Recall(HitMetric):
    """Share of the relevant items that are recommended."""

    name = "recall"
    definition = "Σ_{i≤k} r_i / n. The denominator is n, not min(k, n)."
    reference = "Manning, Raghavan, Schütze: Introduction to Information Retrieval (2008), 8.4"

    def compute(self, hits: BoolArray, n_relevant: Int64Array) -> Float64Array:
        return np.asarray(hits.sum(1) / np.maximum(n_relevant, 1), np.float64)


class RecallCapped(HitMetric):
    """Share of the relevant items that are recommended, of as many as fit into the list."""

    name = "recall_capped"
    definition = "Σ_{i≤k} r_i / min(k, n)."
    reference = "Liang, Krishnan, Hoffman, Jebara: Variational autoencoders for collaborative filtering. WWW 2018"

    def compute(self, hits: BoolArray, n_relevant: Int64Array) -> Float64Array:
        return np.asarray(hits.sum(1) / np.clip(n_relevant, 1, self.k), np.float64)


class F1(HitMetric):
    """Harmonic mean of precision and recall."""

    name = "f1"
    definition = "2PR / (P + R) = 2 Σ_{i≤k} r_i / (k + n), with P = Σ_{i≤k} r_i / k and R = Σ_{i≤k} r_i / n; 0 if \
both are."
    reference = "van Rijsbergen: Information Retrieval (1979), 7; for lists of k: Sarwar, Karypis, Konstan, Riedl: \
Analysis of recommendation algorithms for e-commerce. EC 2000"

    def compute(self, hits: BoolArray, n_relevant: Int64Array) -> Float64Array:
        return np.asarray(2 * hits.sum(1) / (self.k + n_relevant), np.float64)


class NDCG(HitMetric):
    """Normalised discounted cumulative gain with binary gains."""

    name = "ndcg"
    definition = "Σ_{i≤k} r_i / log2(i + 1), divided by the same sum of an ideal list: Σ_{i≤min(k, n)} 1 / log2(i + 1)."
    reference = "Järvelin, Kekäläinen: Cumulated gain-based evaluation of IR techniques. TOIS 20(4), 2002"

    def compute(self, hits: BoolArray, n_relevant: Int64Array) -> Float64Array:
        discounts = 1.0 / np.log2(np.arange(2, self.k + 2))
        ideal = np.concatenate([[np.inf], np.cumsum(discounts)])[np.minimum(n_relevant, self.k)]
        return np.asarray(hits @ discounts / ideal, np.float64)


class NDCGFull(HitMetric):
    """Normalised discounted cumulative gain, the ideal list being as long as it takes."""

    name = "ndcg_full"
    definition = "Σ_{i≤k} r_i / log2(i + 1), divided by Σ_{i≤n} 1 / log2(i + 1): the ideal list holds all n relevant \
items, also where n > k."
    reference = "Järvelin, Kekäläinen: Cumulated gain-based evaluation of IR techniques. TOIS 20(4), 2002 (trec_eval's \
ndcg of lists of k)"

    def compute(self, hits: BoolArray, n_relevant: Int64Array) -> Float64Array:
        discounts = 1.0 / np.log2(np.arange(2, max(self.k, n_relevant.max(initial=0)) + 2))
        ideal = np.concatenate([[np.inf], np.cumsum(discounts)])[n_relevant]
        return np.asarray(hits @ discounts[: self.k] / ideal, np.float64)


class MAP(HitMetric):
    """Average precision: the mean of the precision at the rank of every relevant item."""

    name = "map"
    definition = "Σ_{i≤k} r_i · precision@i / n. The denominator is n, not min(k, n)."
    reference = "Buckley, Voorhees: Evaluating evaluation measure stability. SIGIR 2000 (trec_eval's map_cut)"

    def compute(self, hits: BoolArray, n_relevant: Int64Array) -> Float64Array:
        return _precision_sums(hits) / np.maximum(n_relevant, 1)


class MAPCapped(HitMetric):
    """Average precision, of as many relevant items as fit into the list."""

    name = "map_capped"
    definition = "Σ_{i≤k} r_i · precision@i / min(k, n)."
    reference = "McFee, Bertin-Mahieux, Ellis, Lanckriet: The Million Song Dataset challenge. WWW 2012 Companion"

    def compute(self, hits: BoolArray, n_relevant: Int64Array) -> Float64Array:
        return _precision_sums(hits) / np.clip(n_relevant, 1, self.k)


def _precision_sums(hits: BoolArray) -> Float64Array:
    """float64[b]: Σ_{i≤k} r_i · precision@i."""
    precision = np.cumsum(hits, axis=1) / np.arange(1, hits.shape[1] + 1)
    return np.asarray((precision * hits).sum(1), np.float64)


class MRR(HitMetric):
    """Reciprocal rank of the first relevant item."""

    name = "mrr"
    definition = "1 / min{i ≤ k: r_i = 1}; 0 if there is none."
    reference = "Voorhees: The TREC-8 question answering track report. TREC 1999"

    def compute(self, hits: BoolArray, n_relevant: Int64Array) -> Float64Array:
        return np.asarray(np.where(hits.any(1), 1.0 / (hits.argmax(1) + 1.0), 0.0), np.float64)


class Hit(HitMetric):
    """Whether any relevant item is recommended."""

    name = "hit"
    definition = "1 if Σ_{i≤k} r_i > 0, else 0."
    reference = "Deshpande, Karypis: Item-based top-N recommendation algorithms. TOIS 22(1), 2004"

    def compute(self, hits: BoolArray, n_relevant: Int64Array) -> Float64Array:
        return np.asarray(hits.any(1), np.float64)
