"""The built-in algorithms, one line each; nothing is imported until it is used."""

from __future__ import annotations

from bench.plugins import Registries

ALGORITHMS = {
    "random": "bench_algorithms.baselines:Random",
    "popularity": "bench_algorithms.baselines:Popularity",
    "user-knn": "bench_algorithms.neighbourhood:UserKNN",
    "item-knn": "bench_algorithms.neighbourhood:ItemKNN",
    "ease": "bench_algorithms.linear:EASE",
    "slim": "bench_algorithms.slim:SLIM",
    "rp3beta": "bench_algorithms.graph:RP3beta",
    "pure-svd": "bench_algorithms.decomposition:PureSVD",
    "ials": "bench_algorithms.decomposition:IALS",
    "bpr-mf": "bench_algorithms.factorisation:BPR",
    "content": "bench_algorithms.content:Content",
    "hybrid": "bench_algorithms.hybrid:Hybrid",
    "hybrid-weighted": "bench_algorithms.hybrid:HybridWeighted",
    "hybrid-switching": "bench_algorithms.hybrid:HybridSwitching",
    "lstm": "bench_algorithms.lstm:LSTM",
    "gru": "bench_algorithms.gru:GRU",
    "sasrec": "bench_algorithms.sasrec:SASRec",
    "vae": "bench_algorithms.vae:VAE",
    "gan-augmented": "bench_algorithms.gan:GANAugmented",
    "bias": "bench_algorithms.rating_baselines:Bias",
    "user-knn-means": "bench_algorithms.rating_neighbourhood:UserKNNMeans",
    "item-knn-means": "bench_algorithms.rating_neighbourhood:ItemKNNMeans",
    "biased-mf": "bench_algorithms.factorisation:BiasedMF",
    "surprise": "bench_algorithms.surprise_library:Surprise",
}


def register(registries: Registries) -> None:
    """Add every algorithm of this package."""
    for name, target in ALGORITHMS.items():
        registries.algorithms.add(name, target, origin="recsys-bench")
