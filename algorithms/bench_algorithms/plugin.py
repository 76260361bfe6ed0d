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
    "lightgcn": "bench_algorithms.lightgcn:LightGCN",
    "pure-svd": "bench_algorithms.decomposition:PureSVD",
    "ials": "bench_algorithms.decomposition:IALS",
    "bpr-mf": "bench_algorithms.factorisation:BPR",
    "content": "bench_algorithms.content:Content",
    "content-embeddings": "bench_algorithms.content_embeddings:ContentEmbeddings",
    "hybrid": "bench_algorithms.hybrid:Hybrid",
    "hybrid-knn": "bench_algorithms.hybrid_knn:HybridKNN",
    "hybrid-factorisation": "bench_algorithms.feature_factorisation:FeatureFactorisation",
    "two-tower": "bench_algorithms.two_tower:TwoTower",
    "hybrid-weighted": "bench_algorithms.hybrid_rules:HybridWeighted",
    "hybrid-switching": "bench_algorithms.hybrid_rules:HybridSwitching",
    "hybrid-cascade": "bench_algorithms.hybrid_rules:HybridCascade",
    "fusion": "bench_algorithms.fusion:Fusion",
    "bagging": "bench_algorithms.bagging:Bagging",
    "lstm": "bench_algorithms.lstm:LSTM",
    "gru": "bench_algorithms.gru:GRU",
    "caser": "bench_algorithms.caser:Caser",
    "sasrec": "bench_algorithms.sasrec:SASRec",
    "mult-dae": "bench_algorithms.dae:DAE",
    "vae": "bench_algorithms.vae:VAE",
    "recvae": "bench_algorithms.recvae:RecVAE",
    "cfgan": "bench_algorithms.cfgan:CFGAN",
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
