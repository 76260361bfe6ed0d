"""What the harness itself brings: metrics, splitters and suites, by the same door as plugins."""

from __future__ import annotations

from pathlib import Path

from bench.plugins import Registries

ORIGIN = "recsys-bench"
METRICS = {
    "precision": "bench.metrics.accuracy:Precision",
    "recall": "bench.metrics.accuracy:Recall",
    "recall_capped": "bench.metrics.accuracy:RecallCapped",
    "f1": "bench.metrics.accuracy:F1",
    "ndcg": "bench.metrics.accuracy:NDCG",
    "ndcg_full": "bench.metrics.accuracy:NDCGFull",
    "map": "bench.metrics.accuracy:MAP",
    "map_capped": "bench.metrics.accuracy:MAPCapped",
    "mrr": "bench.metrics.accuracy:MRR",
    "hit": "bench.metrics.accuracy:Hit",
    "auc": "bench.metrics.ranks:AUC",
    "r_precision": "bench.metrics.ranks:RPrecision",
    "recall_ips": "bench.metrics.debiased:RecallIPS",
    "coverage": "bench.metrics.catalogue:Coverage",
    "gini": "bench.metrics.catalogue:Gini",
    "entropy": "bench.metrics.catalogue:Entropy",
    "user_coverage": "bench.metrics.catalogue:UserCoverage",
    "novelty": "bench.metrics.popularity:Novelty",
    "average_popularity": "bench.metrics.popularity:AveragePopularity",
    "popularity_lift": "bench.metrics.popularity:PopularityLift",
    "intra_list_diversity": "bench.metrics.features:IntraListDiversity",
    "serendipity": "bench.metrics.features:Serendipity",
    "calibration": "bench.metrics.features:Calibration",
    "rmse": "bench.metrics.rating:RMSE",
    "mae": "bench.metrics.rating:MAE",
    "rmse_user": "bench.metrics.rating:RMSEUser",
    "mae_user": "bench.metrics.rating:MAEUser",
}
SPLITTERS = {
    "holdout": "bench.protocol.splitters:Holdout",
    "leave-last-n": "bench.protocol.splitters:LeaveLastN",
    "user-temporal": "bench.protocol.splitters:UserTemporal",
    "temporal": "bench.protocol.splitters:Temporal",
    "rolling": "bench.protocol.splitters:Rolling",
    "k-fold": "bench.protocol.splitters:KFold",
    "strong-generalisation": "bench.protocol.splitters:StrongGeneralisation",
    "cold-items": "bench.protocol.splitters:ColdItems",
    "given": "bench.protocol.splitters:Given",
}


def register(registries: Registries) -> None:
    """Add the built-in metrics, splitters and suites."""
    for name, target in METRICS.items():
        registries.metrics.add(name, target, origin=ORIGIN)
    for name, target in SPLITTERS.items():
        registries.splitters.add(name, target, origin=ORIGIN)
    for path in sorted((Path(__file__).parent / "suites").glob("*.toml")):
        registries.suites.add(path.stem, path, origin=ORIGIN)
