"""What the harness itself brings: metrics, splitters and suites, by the same door as plugins."""

from __future__ import annotations

from pathlib import Path

from bench.plugins import Registries

ORIGIN = "recsys-bench"
METRICS = {
    "precision": "bench.metrics.accuracy:Precision",
    "recall": "bench.metrics.accuracy:Recall",
    "ndcg": "bench.metrics.accuracy:NDCG",
    "map": "bench.metrics.accuracy:MAP",
    "mrr": "bench.metrics.accuracy:MRR",
    "hit": "bench.metrics.accuracy:Hit",
    "coverage": "bench.metrics.catalogue:Coverage",
}
SPLITTERS = {
    "holdout": "bench.protocol.splitters:Holdout",
    "next-item": "bench.protocol.splitters:NextItem",
    "temporal": "bench.protocol.splitters:Temporal",
}


def register(registries: Registries) -> None:
    """Add the built-in metrics, splitters and suites."""
    for name, target in METRICS.items():
        registries.metrics.add(name, target, origin=ORIGIN)
    for name, target in SPLITTERS.items():
        registries.splitters.add(name, target, origin=ORIGIN)
    for path in sorted((Path(__file__).parent / "suites").glob("*.toml")):
        registries.suites.add(path.stem, path, origin=ORIGIN)
