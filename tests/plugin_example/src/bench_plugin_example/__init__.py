"""A plugin as a third party writes it: names and where they lead; nothing is imported until it is used."""

from __future__ import annotations

from pathlib import Path

from bench.plugins import Registries

BENCH_API = 1
ORIGIN = "bench-plugin-example"


def register(registries: Registries) -> None:
    """Add one of each kind."""
    registries.algorithms.add("co-visits", "bench_plugin_example.model:CoVisits", origin=ORIGIN)
    registries.metrics.add("first_hit", "bench_plugin_example.metric:FirstHit", origin=ORIGIN)
    registries.datasets.add("corner-shop", "bench_plugin_example.shop:CORNER_SHOP", origin=ORIGIN)
    registries.suites.add("corner-shop", Path(__file__).parent / "corner-shop.toml", origin=ORIGIN)
