"""`bench new`: begin something of your own with files that already work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Begin a plugin of your own, as a small package that works.")
Name = Annotated[str, typer.Argument(help="Of the algorithm and of the package, such as late-bloomer.")]
To = Annotated[Path | None, typer.Option("--to", help="Folder to write; it must not exist.", show_default="./NAME")]
Beside = Annotated[str, typer.Option("--suite", help="The installed suite beside whose rows it is to stand.")]


@app.callback()
def group() -> None:
    """Keeps `algorithm` a word of its own."""


@app.command()
def algorithm(name: Name, to: To = None, suite: Beside = "movielens") -> None:
    """Write a package with a recommender to edit, its test, its suite and its entry point."""
    from bench.plugins import load_registries
    from bench.scaffold import new_algorithm

    folder = to or Path(name)
    for path in new_algorithm(name, folder, suite, load_registries()):
        print(folder / path)
    print(f"\nNext: pip install -e {folder} && pytest {folder} && bench run --suite {name}")
