"""The built-in data sets, one line each; nothing is imported until it is used."""

from __future__ import annotations

from bench.plugins import Registries

DATASETS = {
    "movielens-100k": "bench_datasets.movielens:MOVIELENS_100K",
    "movielens-1m": "bench_datasets.movielens:MOVIELENS_1M",
    "movielens-20m": "bench_datasets.movielens:MOVIELENS_20M",
    "smoke": "bench_datasets.synthetic:SMOKE",
}


def register(registries: Registries) -> None:
    """Add every data set of this package."""
    for name, target in DATASETS.items():
        registries.datasets.add(name, target, origin="recsys-bench")
    registries.readers.add("files", "bench_datasets.files:FilesDataset", origin="recsys-bench")
