"""`bench new`: names are checked, and nothing is left half-written."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import scaffold
from bench.errors import UsageError
from bench.plugins import load_registries
from bench.scaffold import new_algorithm


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Late", "Got 'Late'"),
        ("none", "the class 'None'"),
        ("config", "the class 'Config'"),
        ("9lives", "Got '9lives'"),
        ("late_bloomer", "Got 'late_bloomer'"),
        ("../late", "Got '../late'"),
        ("late-", "Got 'late-'"),
        ("", "Got ''"),
        ("x" * 61, "up to 60"),
        ("ease", "there is an algorithm 'ease' already, of recsys-bench"),
        ("smoke", "there is a suite 'smoke' already, of recsys-bench"),
        ("class", "a word of Python"),
        ("numpy", "would hide the module 'numpy'"),
    ],
)
def test_a_name_that_will_not_do_is_refused(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        new_algorithm(name, tmp_path / "new", "smoke", load_registries())
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_exists_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with pytest.raises(UsageError, match="exists already"):
        new_algorithm("late-bloomer", tmp_path / "mine", "smoke", load_registries())
    assert list((tmp_path / "mine").iterdir()) == []


def test_an_unknown_suite_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Did you mean 'smoke'"):
        new_algorithm("late-bloomer", tmp_path / "mine", "smok", load_registries())


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, text: str, encoding: str) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(scaffold.Path, "write_text", full)
    with pytest.raises(UsageError, match=r"cannot write to .*No space left"):
        new_algorithm("late-bloomer", tmp_path / "mine", "smoke", load_registries())
    assert list(tmp_path.iterdir()) == []


def test_every_file_has_its_names_filled_in(tmp_path: Path) -> None:
    files = new_algorithm("late-bloomer", tmp_path / "mine", "smoke", load_registries())
    written = sorted(path.relative_to(tmp_path / "mine") for path in (tmp_path / "mine").rglob("*") if path.is_file())
    assert written == sorted(files)
    assert [path for path in files if "$" in (tmp_path / "mine" / path).read_text()] == []
    assert (
        "class LateBloomer(Algorithm[LateBloomerConfig])"
        in (tmp_path / "mine" / "src" / "late_bloomer" / "model.py").read_text()
    )
