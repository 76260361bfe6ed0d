"""The generated parts of README.md: `python docs/tables.py` rewrites them, and a test checks that they are fresh.

The leaderboards are those of stored runs: `python docs/tables.py bench-runs` puts that of the suite movielens into
README.md, and that of movielens-full into leaderboard.md.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path

from bench import describe
from bench.plugins import load_registries

SHOWN = ["ndcg@10", "precision@10", "recall@10", "map@10", "hit@10", "auc", "coverage@10", "novelty@10"]
"""The suite has more metrics than a page has room for."""
README = Path(__file__).parents[1] / "README.md"
FULL = Path(__file__).with_name("leaderboard.md")


def table(headers: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    lines = [" | ".join(cells) for cells in [headers, ["---"] * len(list(headers)), *rows]]
    return "\n".join(f"| {line} |" for line in lines)


def algorithms() -> str:
    """Name, description and paper of each algorithm."""
    found = [describe.algorithm(name) for name in load_registries().algorithms]
    rows = [(f"`{one['name']}`", one["description"], one["paper"] or "—") for one in found]
    return table(["name", "what it does", "paper"], rows)


def metrics() -> str:
    """Name and definition of each metric."""
    registry = load_registries().metrics
    rows = [(f"`{name}`", registry.get(name).definition.replace("|", "\\|")) for name in registry]
    return table(["name", "definition"], rows)


def datasets() -> str:
    """Name, description and licence of each data set."""
    found = [load_registries().datasets.get(name).card for name in load_registries().datasets]
    rows = [(f"`{card.name}`", card.description, card.licence) for card in found]
    return table(["name", "what it is", "licence"], rows)


def leaderboard(runs: Path, suite: str) -> str:
    """The Markdown leaderboards of the installed version of a suite, from a results folder; "" if it was not run."""
    from bench.store import Store
    from bench.suite import load_suite
    from bench_reports.leaderboard import leaderboard as board_of
    from bench_reports.leaderboard import render_markdown

    stored = list(Store(runs).all(load_suite(suite, load_registries()).label))
    return render_markdown(board_of(stored, metrics=SHOWN)).strip() if stored else ""


def replaced(text: str, name: str, content: str) -> str:
    """The text with the part between `<!-- name -->` and `<!-- /name -->` replaced."""
    start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    return re.sub(f"{start}.*?{end}", lambda _: f"{start}\n{content}\n{end}", text, flags=re.DOTALL)


def fresh(text: str) -> str:
    """README.md's text with its tables made anew from what is installed."""
    for make in (algorithms, metrics, datasets):
        text = replaced(text, make.__name__, make())
    return text


def main(arguments: list[str]) -> None:
    """Rewrite README.md, and with a results folder the leaderboards of the suites that were run."""
    README.write_text(fresh(README.read_text(encoding="utf-8")), encoding="utf-8")
    for path, suite in ((README, "movielens"), (FULL, "movielens-full")):
        if arguments and (board := leaderboard(Path(arguments[0]), suite)):
            path.write_text(replaced(path.read_text(encoding="utf-8"), "leaderboard", board), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
