"""The plain HTML page of a board: what it marks, and that nothing in a name is markup."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from bench.records import Status
from bench_reports.html import render_html
from bench_reports.leaderboard import leaderboard

HOSTILE = """<script>alert(1)</script>" onload='x' &amp; {{ 7 * 7 }} \u202egnol"""


class Page(HTMLParser):
    """The tags of a page, and its table as rows of (class, text)."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.rows: list[list[list[str]]] = []
        self.tied: list[bool] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: Any) -> None:
        self.tags.append(tag)
        own = dict(attributes)
        if tag == "tr":
            self.rows.append([])
            self.tied.append("tied" in own.get("class", ""))
        if tag in ("td", "th"):
            self.rows[-1].append([own.get("class", ""), ""])

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] in ("td", "th"):
            self.rows[-1][-1][1] += data.strip("\n")


@pytest.fixture
def text(make_run: Any) -> str:
    values = np.random.default_rng(0).random(200)
    runs = [
        make_run("ease", per_user={"ndcg@10": values}),
        make_run("slim", per_user={"ndcg@10": np.roll(values, 1) - 0.001}),
        make_run(HOSTILE.replace("/", ""), per_user={"ndcg@10": values * 0.2}, warnings=[HOSTILE]),
        make_run("lstm", status=Status.DIVERGED, reason=HOSTILE),
    ]
    return render_html(leaderboard(runs))


def test_the_best_is_bold_and_what_is_tied_is_marked(text: str) -> None:
    page = Page(text)
    assert [cell[1] for cell in page.rows[0]][:3] == ["#", "algorithm", "ndcg@10"]
    assert [row[1][1] for row in page.rows[1:3]] == ["ease", "slim"]
    assert [row[2][0] for row in page.rows[1:3]] == ["best", ""]
    assert page.tied == [False, False, True, False, False]
    assert page.rows[2][0][1] == "≈ 2"


def test_names_and_reasons_are_text(text: str) -> None:
    page = Page(text)
    assert "script" not in page.tags
    assert "alert(1)" in text
    assert page.rows[3][1][1] == HOSTILE.replace("/", "")


def test_it_loads_nothing(text: str) -> None:
    assert not {"link", "img", "iframe", "script"} & set(Page(text).tags)
    assert "default-src 'none'" in text
    assert "http://" not in text.replace("http-equiv", "")
    assert "https://" not in text


def test_a_page_without_results_says_so() -> None:
    assert "There is nothing to show." in render_html(leaderboard([]))
