"""Cards: what they must say, and hostile ones."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bench.card import Card
from bench.dataset_source import MAX_CARD_BYTES, load_card
from bench.errors import DataError
from bench.plugins import new_registries
from bench_datasets import plugin
from bench_datasets.movielens import MOVIELENS_100K, MovieLens

if TYPE_CHECKING:
    from tests.datasets.conftest import Mini

CARD = """
name = "{name}"
version = 1
title = "t"
description = "d"
licence = "l"
citation = "c"
homepage = ""
"""
SOURCE = """
[[sources]]
title = "t"
kind = "zip"
layout = "grouplens"
folder = "{folder}"
{fetch}
[[sources.files]]
name = "{file}"
sha256 = "{sha}"
size_bytes = 1
"""


def card_with(path: Path, text: str) -> Path:
    file = path / "card.toml"
    file.write_text(text)
    return file


def source(folder: str = "", file: str = "a.zip", sha: str = "0" * 64, fetch: str = "") -> str:
    return CARD.format(name="mini") + SOURCE.format(folder=folder, file=file, sha=sha, fetch=fetch)


def test_a_card_is_read(tmp_path: Path) -> None:
    assert load_card(card_with(tmp_path, source())).sources[0].files[0].name == "a.zip"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (CARD.format(name="../../etc"), "the field 'name' of the card card.toml"),
        (CARD.format(name="a/b"), "the field 'name'"),
        (CARD.format(name="x" * 100), "the field 'name'"),
        (CARD.format(name="mini") + "licnce = 'l'", "has no field 'licnce'. Did you mean 'licence'?"),
        ('name = "mini"', "needs the field 'version'"),
        (source(folder="../up"), "the field 'sources.0.folder'"),
        (source(folder="/etc"), "the field 'sources.0.folder'"),
        (source(file="../a.zip"), "the field 'sources.0.files.0.name'"),
        (source(file=".lock"), "the field 'sources.0.files.0.name'"),
        (source(sha="0" * 63), "the field 'sources.0.files.0.sha256'"),
        (source(fetch="url = 'file:///etc/passwd'"), "the field 'sources.0.url'"),
        (source(fetch="package = '--index-url=evil'"), "the field 'sources.0.package'"),
        (source(fetch="package = 'a==1'\nurl = 'http://a'"), "a url or a package, not both"),
        ("a = " + "[" * 50_000 + "]" * 50_000, "is not a valid TOML file"),
        ("[" + ".".join("a" * 30_000) + "]", "card card.toml"),
        ("not toml", "is not a valid TOML file"),
        ("#" * (MAX_CARD_BYTES + 1), f"may have up to {MAX_CARD_BYTES} bytes"),
    ],
)
def test_a_bad_card_is_an_error(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(DataError) as caught:
        load_card(card_with(tmp_path, text))
    assert told in str(caught.value)


def test_a_card_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot read the card"):
        load_card(tmp_path / "card.toml")


def test_a_layout_that_the_loader_does_not_know(mini: Mini) -> None:
    with pytest.raises(DataError, match=r"has the layout grouplens or recbole or .*\. Got netflix"):
        MovieLens(mini.card({**mini.zip_source(), "layout": "netflix"}))


def test_every_registered_data_set_has_a_complete_card() -> None:
    registries = new_registries()
    plugin.register(registries)
    for name in registries.datasets:
        card: Card = registries.datasets.get(name).card
        assert card.name == name
        assert card.fingerprint or all(source.files[0].sha256 for source in card.sources)
        assert card.counts
        assert card.licence
        assert card.citation
        assert card.description


def test_the_movielens_card_pins_the_published_archive() -> None:
    archive = MOVIELENS_100K.card.sources[0]
    assert archive.url == "https://files.grouplens.org/datasets/movielens/ml-100k.zip"
    assert archive.files[0].sha256 == "50d2a982c66986937beb9ffb3aa76efe955bf3d5c6b761f4e3a7cd717c6a3229"


def test_cards_are_read_without_heavy_imports() -> None:
    script = """
import json, sys
from bench.plugins import new_registries
from bench_datasets import plugin
registries = new_registries()
plugin.register(registries)
before = [name for name in sys.modules if name.startswith("bench_datasets.")]
cards = [registries.datasets.get(name).card.name for name in registries.datasets]
heavy = [name for name in ("pandas", "torch", "mlflow", "requests") if name in sys.modules]
print(json.dumps([before, cards, heavy]))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    result: list[Any] = json.loads(done.stdout)
    assert result == [["bench_datasets.plugin"], ["movielens-100k", "movielens-1m", "movielens-20m", "smoke"], []]
