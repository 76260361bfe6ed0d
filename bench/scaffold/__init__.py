"""What `bench new` writes: a small package that can be installed, tested and benchmarked as it is.

The files are in `bench/scaffold/algorithm/`, with the placeholders of `string.Template`.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import keyword
import re
import shutil
import tempfile
from pathlib import Path
from string import Template

from bench.errors import UsageError, suggestion
from bench.plugins import API_VERSION, Registries
from bench.suite import load_suite

TEMPLATES = Path(__file__).parent / "algorithm"
FILES = {
    "pyproject.toml": "pyproject.toml.tmpl",
    "README.md": "README.md.tmpl",
    "src/$module/__init__.py": "plugin.py.tmpl",
    "src/$module/model.py": "model.py.tmpl",
    "src/$module/suite.toml": "suite.toml.tmpl",
    "tests/test_$module.py": "test_model.py.tmpl",
}
"""What is written, by the template that it is made from."""
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
MAX_NAME = 60
TAKEN = frozenset({"Algorithm", "Annotated", "Config", "Context", "Field", "Interactions", "Self"})
"""Classes that the written module imports."""


def new_algorithm(name: str, folder: Path, suite: str, registries: Registries) -> list[Path]:
    """Write a package with one algorithm to `folder`, which must not exist: whole, or not at all.

    name: of the algorithm, the distribution and, with "_" for "-", the module. suite: an installed one, beside whose
    rows the algorithm is to stand. Returns the files, relative to the folder. Raises UsageError if the name is taken
    or not one, UnknownNameError if there is no such suite.
    """
    _require_name(name, registries)
    if folder.exists() or folder.is_symlink():
        raise UsageError(f"{folder} exists already: give another folder with --to, or remove it.")
    if suite not in registries.suites:
        raise UsageError(f"--suite must be an installed one.{suggestion(suite, registries.suites)}")
    values = {
        "name": name,
        "module": name.replace("-", "_"),
        "Class": class_name(name),
        "suite": suite,
        "label": load_suite(suite, registries).label,
        "api": str(API_VERSION),
        "version": importlib.metadata.version("recsys-bench"),
    }
    files = {
        Path(Template(path).substitute(values)): Template((TEMPLATES / template).read_text("utf-8")).substitute(values)
        for path, template in FILES.items()
    }
    _write(folder, files)
    return list(files)


def class_name(name: str) -> str:
    """ "LateBloomer" of "late-bloomer"."""
    return "".join(part.capitalize() for part in name.split("-"))


def _require_name(name: str, registries: Registries) -> None:
    if not NAME.fullmatch(name) or len(name) > MAX_NAME:
        raise UsageError(
            f"the name must be lower-case letters and digits, in parts joined by '-', begin with a letter and have up "
            f"to {MAX_NAME} characters, such as 'late-bloomer'. Got '{name}'."
        )
    module = name.replace("-", "_")
    if keyword.iskeyword(module):
        raise UsageError(f"'{name}' would be the module '{module}', which is a word of Python. Give another name.")
    if keyword.iskeyword(class_name(name)) or class_name(name) in TAKEN:
        raise UsageError(f"'{name}' would be the class '{class_name(name)}', which has a meaning. Give another name.")
    for registry in (registries.algorithms, registries.suites):
        if name in registry:
            raise UsageError(f"there is {_article(registry.kind)} '{name}' already, of {registry.origin(name)}.")
    if importlib.util.find_spec(module) is not None:
        raise UsageError(f"'{name}' would hide the module '{module}', which is installed. Give another name.")


def _article(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def _write(folder: Path, files: dict[Path, str]) -> None:
    """All of it beside its place, then one rename."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            staging.chmod(0o755)
            for path, text in files.items():
                (staging / path).parent.mkdir(parents=True, exist_ok=True)
                (staging / path).write_text(text, encoding="utf-8")
            staging.rename(folder)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    except OSError as error:
        raise UsageError(f"cannot write to {folder}: {error}.") from None
