"""How all figures look, and how a specification becomes a static picture or a script for the browser.

Text, axes and grid take the colour of the text around the picture, so that one picture serves light and dark pages;
in the browser that needs Vega's SVG renderer. Colours are Okabe and Ito's (2008), which the colour-blind can tell
apart, without the two that are lost on a light or a dark ground.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any, Literal

import altair as alt
import vl_convert

from bench_reports.figures.figure import Figure

INK = "currentColor"
GREY = "#8c8c8c"
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9")
STATIC_WIDTH = 520
"""Pixels of the static picture: a compromise between a phone and a screen, for its text grows and shrinks with it."""
LONGEST_LABEL = 40
_CONFIG: dict[str, Any] = {
    "aria": False,  # the figure's summary says it once; Vega would describe every mark
    "background": "transparent",
    "font": "sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": INK,
        "titleColor": INK,
        "domainColor": INK,
        "tickColor": INK,
        "gridColor": INK,
        "domainOpacity": 0.4,
        "tickOpacity": 0.4,
        "gridOpacity": 0.12,
        "labelFontSize": 11,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "labelLimit": 160,
    },
    "legend": {
        "labelColor": INK,
        "titleColor": INK,
        "labelFontSize": 11,
        "titleFontSize": 11,
        "titleFontWeight": "normal",
        "labelLimit": 160,
        "orient": "top",
        "direction": "horizontal",
        "columns": 3,
        "title": None,
    },
    "text": {"color": INK, "fontSize": 11},
}


def spec_of(chart: alt.TopLevelMixin, height: int) -> dict[str, Any]:
    """A chart as a validated specification in the house style, as wide as what contains it."""
    found: dict[str, Any] = chart.to_dict()
    return {
        **found,
        "config": _CONFIG,
        "width": "container",
        "height": height,
        "autosize": {"type": "fit-x", "contains": "padding", "resize": True},
    }


def values_of(rows: Iterable[Mapping[str, Any]]) -> alt.InlineData:
    """Rows as the data of a chart. Altair's own way would look for a table first and count its rows."""
    return alt.InlineData(values=list(rows))


def window(op: Literal["lag", "max", "row_number", "sum"], name: str, field: str | None = None) -> alt.WindowFieldDef:
    """A column of this name from the rows before; "as" is a word of Python's."""
    given: dict[str, Any] = {"op": op, "as": name} | ({} if field is None else {"field": field})
    return alt.WindowFieldDef(**given)


def whole(name: str, title: str) -> alt.X:
    """An axis of whole numbers: epochs, trials, lengths of lists."""
    axis = alt.Axis(grid=False, format="~s", tickMinStep=1, tickCount=8)
    return alt.X(f"{name}:Q", title=title, axis=axis, scale=alt.Scale(nice=False, zero=False, padding=4))


def choice(name: str, caption: str, values: Sequence[str], labels: Sequence[str] | None = None) -> alt.Parameter:
    """A list to choose from, its first value chosen; caption stands before it."""
    bound = alt.binding_select(options=list(values), labels=list(labels or values), name=f"{caption} ")
    return alt.param(name=name, value=values[0], bind=bound)


def labels_of(names: Iterable[str]) -> dict[str, str]:
    """Names short enough for a picture, and still different from each other."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        if name in found:
            continue
        label = name if len(name) <= LONGEST_LABEL else f"{name[: LONGEST_LABEL - 1]}…"
        number = 2
        while label in taken:
            ending = f"… ({number})"
            label, number = f"{name[: LONGEST_LABEL - len(ending)]}{ending}", number + 1
        taken.add(label)
        found[name] = label
    return found


def rounded(value: float, digits: int = 5) -> float:
    """To so many significant digits: a picture shows no more, and a page need not carry more."""
    return float(f"{value:.{digits}g}")


def svg_of(figure: Figure) -> str:
    """The figure as one `<svg>` element that takes the width it is given, its summary within for screen readers."""
    svg = vl_convert.vegalite_to_svg({**figure.spec, "width": STATIC_WIDTH})
    head, body = svg.split(">", 1)
    head = re.sub(r' (?:width|height|style)="[^"]*"', "", head)
    return f'{head} width="100%" role="img" aria-label="{escape(figure.summary)}">{body}'


def javascript() -> str:
    """One script that draws specifications, for within `<script>`: it exposes `vegaEmbed` and needs no network."""
    bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    bundle = re.sub(r"</(?=script)", r"<\\/", bundle, flags=re.IGNORECASE)
    return f"(() => {{{bundle}}})();"  # hundreds of one-letter names would else be the page's
