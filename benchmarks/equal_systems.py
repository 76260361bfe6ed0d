"""How often `bench compare` calls a winner between copies of one algorithm that differ in their seeds alone.

    python benchmarks/equal_systems.py FOLDER [--suite smoke] [--row vae] [--task holdout] [--seeds 100]

trains the algorithm with that many seeds into FOLDER (`bench run`, which keeps what is finished), then compares
them two by two: pairs of single seeds, and pairs of groups of five, each seed in one pair of either kind. There is
no better one, so a winner should be called in about 5 % of the pairs at most; the interval says how well so many
pairs can tell (Clopper and Pearson 1934). Between single seeds none is called, whatever the test says: it knows
nothing of other seeds, and its own count shows what would come of it.
"""

from __future__ import annotations

import argparse
import subprocess
from collections.abc import Sequence
from itertools import chain, groupby
from pathlib import Path

from scipy import stats

from bench.store import Store, Stored
from bench_reports.certainty import ALPHA
from bench_reports.comparison import compare_all
from bench_reports.leaderboard import newest_runs

GROUP = 5


def main() -> None:
    """Train, compare and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--suite", default="smoke")
    parser.add_argument("--row", default="vae")
    parser.add_argument("--task", default="holdout")
    parser.add_argument("--seeds", type=int, default=100)
    given = parser.parse_args()
    train = ["bench", "run", "--suite", given.suite, "--only", given.row, "--task", given.task]
    subprocess.run([*train, "--seeds", str(given.seeds), "--out", str(given.folder)], check=True)
    seeds = runs_by_seed(given.folder, given.row, given.task)[: given.seeds]
    report("single seeds", seeds)
    groups = [seeds[start : start + GROUP] for start in range(0, len(seeds) - GROUP + 1, GROUP)]
    report(f"groups of {GROUP} seeds", [list(chain.from_iterable(group)) for group in groups])


def runs_by_seed(folder: Path, row: str, task: str) -> list[list[Stored]]:
    """The newest runs of the row, those of each seed together."""
    runs = [run for run in newest_runs(Store(folder).all()) if (run.record.row, run.record.task) == (row, task)]
    ordered = sorted(runs, key=lambda run: run.record.seed)
    return [list(own) for _, own in groupby(ordered, key=lambda run: run.record.seed)]


def report(what: str, copies: Sequence[Sequence[Stored]]) -> None:
    """Compare the copies two by two, and print in how many pairs a winner was called, and would have been."""
    pairs = list(zip(copies[::2], copies[1::2], strict=False))
    metric = copies[0][0].record.primary_metric
    found = [pair for a, b in pairs for pair in compare_all({"a": a, "b": b}, [metric])]
    by = f"{metric} of {found[0].comparison.n_users} users"
    print(f"{len(found)} pairs of {what}, by {by}")
    for name, won in (
        ("a winner was called", sum(pair.better is not None for pair in found)),
        ("the test alone would have", sum(pair.p_adjusted < ALPHA for pair in found)),
    ):
        bounds = stats.binomtest(won, len(found)).proportion_ci(0.95)
        share, low, high = (f"{100 * value:.0f}" for value in (won / len(found), bounds.low, bounds.high))
        print(f"  {name} in {won} ({share} %; 95 % interval {low}–{high} %)")


if __name__ == "__main__":
    main()
