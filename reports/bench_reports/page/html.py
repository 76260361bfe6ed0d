"""The page as text. All that comes from records is escaped; what may run is named in the page by its hash."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from bench_reports.figures import javascript
from bench_reports.page.content import Content

LONGEST, LONGEST_SENTENCE = 120, 1200
"""Characters that are shown of a name, and of what is said in a sentence."""


def render(content: Content) -> str:
    """One HTML file with everything in it. Pure: the same content gives the same text."""
    scripts = [_own("page.js")]
    if content.across or any(section.figures for section in content.sections):
        scripts.insert(0, _drawing())
    return (
        _environment()
        .get_template("page.html")
        .render(
            content=content,
            style=Markup(_own("page.css")),
            scripts=[Markup(script) for script in scripts],
            policy=_policy(scripts),
        )
    )


def _policy(scripts: list[str]) -> str:
    """A content security policy: these scripts run and no others, and nothing is loaded from anywhere.

    'unsafe-eval' is for Vega, which compiles the expressions of a specification.
    """
    hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(one.encode()).digest()).decode()}'" for one in scripts)
    return f"default-src 'none'; script-src {hashes} 'unsafe-eval'; style-src 'unsafe-inline'; img-src data:"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("bench_reports.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {
        "ensure_ascii": False,
        "allow_nan": False,
        "separators": (",", ":"),
        "sort_keys": False,
    }
    environment.globals["LONGEST_SENTENCE"] = LONGEST_SENTENCE
    environment.filters["short"] = short
    environment.filters["breakable"] = _breakable
    return environment


def short(text: str, longest: int = LONGEST) -> str:
    """At most so many characters, "…" for the rest."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _breakable(text: str) -> Markup:
    """With places where a long name such as "intra_list_diversity@10" may go on in the next line."""
    return Markup(re.sub("(?<=_)|(?=@)", "<wbr>", str(escape(text))))


def _own(name: str) -> str:
    return resources.files("bench_reports.page").joinpath("templates", name).read_text(encoding="utf-8")


@cache
def _drawing() -> str:
    """What draws figures; making it takes seconds. Its line ends are those of which a browser takes the hash."""
    return javascript().replace("\r\n", "\n")
