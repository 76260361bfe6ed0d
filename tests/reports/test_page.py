"""The report in a headless browser: that it needs nothing, works, can be used by anybody, and takes names for data."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from bench.examples import Because, Example, Examples, Recommended
from bench.records import MetricValue, Status, Timings
from bench.store import EXAMPLES_FILE, PER_USER_FILE, Store, Stored, read_record
from bench_reports.page import content_of, render

OLD = Path(__file__).parents[1] / "historic_records" / "schema-2" / "smoke-v2"
N_USERS = 40
HOSTILE = "</script><script>window.ran = true</script><img src=x onerror='window.ran = true'>"
LONG = "x" * 10_000
ARABIC = "مرحبا بالعالم"


def stored(root: Path, names: Sequence[str], task: str = "holdout", **fields: Any) -> list[Stored]:
    """Records like those of a real run of the smoke suite; each row a little worse than the one before."""
    (like,) = (read_record(path) for path in (OLD / task / "ease").iterdir())
    users = pa.array([f"u{at}" for at in range(N_USERS)])
    taste = np.random.default_rng(1).beta(1, 3, N_USERS)
    runs = []
    for at, name in enumerate(names):
        values = np.clip(taste - 0.004 * at**2, 0, 1)
        value = MetricValue(value=float(values.mean()), version=1, n_users=N_USERS)
        reach = MetricValue(value=0.01 + 0.03 * (at % 7), version=1, n_users=N_USERS)
        record = like.model_copy(
            update={
                "key": f"{at:064}",
                "row": name,
                "metrics": {"ndcg@10": value, "coverage@10": reach},
                "timings": Timings(fit_seconds=0.1 * 3.0**at, recommend_seconds=0.5, total_seconds=4.0),
                "peak_bytes": 2**20 * (100 + 7 * at),
                **fields,
            }
        )
        table = pa.table({"user": users, "ndcg@10": pa.array(values)})
        path = Store(root).write(record.model_copy(update={"row": f"row-{at}"}), {PER_USER_FILE: table})
        runs.append(Stored(path, record))
    return runs


def write(file: Path, runs: Sequence[Stored], **options: Any) -> Path:
    file.write_text(render(content_of(runs, file.parent, **options)), encoding="utf-8")
    return file


NAMES = ("ease", "item-knn", "popularity", "slim", "user-knn", "vae")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tasks; in the first a row failed, and one run is in MLflow."""
    root = tmp_path_factory.mktemp("report")
    runs = stored(root / "a", NAMES)
    runs += stored(root / "b", ["lstm"], status=Status.DIVERGED, reason="loss is not finite in epoch 3", metrics={})
    runs += stored(root / "c", NAMES[:3], "next-item")
    return write(root / "report.html", runs, links={runs[0].path: "http://127.0.0.1:5000/#/runs/abc"})


def scrolled(page: Any) -> Any:
    """With every figure having been in view, and drawn."""
    for figure in page.locator("figure.plot").all():
        figure.scroll_into_view_if_needed()
    page.wait_for_function(
        "document.querySelectorAll('figure.plot').length === document.querySelectorAll('.is-live').length"
    )
    return page


def column(page: Any, task: int, header: str) -> list[str]:
    """The visible cells below a header."""
    return page.evaluate(  # type: ignore[no-any-return]
        """([id, header]) => {
            const table = document.getElementById(id);
            const at = [...table.tHead.rows[0].cells].findIndex((head) => head.textContent.trim().startsWith(header));
            const rows = [...table.tBodies[0].rows].filter((row) => !row.hidden);
            return rows.map((row) => row.cells[at].textContent.trim());
        }""",
        [f"task-{task}-table", header],
    )


def test_it_opens_from_disk_and_asks_for_nothing(visit: Any, report: Path) -> None:
    opened = visit(report)
    scrolled(opened.page)
    assert (opened.complaints, opened.requests) == ([], [])
    assert opened.page.locator("h2").all_inner_texts() == ["Overview", "How to read this", "holdout", "next-item"]
    assert opened.page.locator("figure.plot").count() >= 2


def test_what_it_may_run_and_load_is_written_into_it(visit: Any, report: Path) -> None:
    page = visit(report).page
    page.evaluate("document.body.append(Object.assign(document.createElement('script'), {text: 'window.ran = true'}))")
    assert page.evaluate("window.ran") is None
    loaded = "fetch('data:text/plain,x').then(() => 'loaded', () => 'refused')"
    assert page.evaluate(loaded) == "refused"


def test_a_head_sorts_and_says_so(visit: Any, report: Path) -> None:
    page = visit(report).page
    assert column(page, 1, "algorithm") == [*NAMES, "lstm"]
    button = page.locator("#task-1-table th:has-text('coverage') button")
    button.focus()
    page.keyboard.press("Enter")
    values = column(page, 1, "coverage")
    assert values == [*sorted(values[:-1], reverse=True), "—"]
    sorted_by = page.locator("#task-1-table [aria-sort]")
    assert sorted_by.evaluate_all("all => all.map(one => one.ariaSort)") == ["descending"]
    assert page.locator("#said").inner_text() == "Sorted by coverage@10, descending."
    button.click()
    again = column(page, 1, "coverage")
    assert again == [*sorted(values[:-1]), "—"]
    assert column(page, 2, "algorithm") == list(NAMES[:3])


def test_seconds_sort_as_seconds(visit: Any, report: Path) -> None:
    page = visit(report).page
    page.locator("#task-1-table th:has-text('fit') button").click()
    assert column(page, 1, "fit") == ["0.10 s", "0.10 s", "0.30 s", "0.90 s", "2.7 s", "8.1 s", "24 s"]


def test_rows_are_found_by_name_and_by_status(visit: Any, report: Path) -> None:
    page = visit(report).page
    form = page.locator("form.filters").first
    form.locator("input").fill("KNN")
    assert column(page, 1, "algorithm") == ["item-knn", "user-knn"]
    assert form.locator("output").inner_text() == "2 of 7 rows"
    form.locator("input").fill("")
    form.locator("select").select_option("unranked")
    assert column(page, 1, "algorithm") == ["lstm"]
    assert column(page, 2, "algorithm") == list(NAMES[:3])


def test_what_is_tied_is_marked_and_said(visit: Any, report: Path) -> None:
    page = visit(report).page
    tied = [name for name, rank in zip(column(page, 1, "algorithm"), column(page, 1, "#"), strict=True) if "≈" in rank]
    assert tied == page.locator("#task-1-table tr.tied th").all_inner_texts()
    assert page.locator("#task-1-table tr.tied td:first-child .unseen").count() == len(tied)


def test_a_run_in_mlflow_has_a_link(visit: Any, report: Path) -> None:
    links = visit(report).page.locator("a[href^='http']")
    assert [link.get_attribute("href") for link in links.all()] == ["http://127.0.0.1:5000/#/runs/abc"]
    assert links.first.text_content() == "run of ease, seed 2026"


def test_a_figure_switches_its_axes(visit: Any, report: Path) -> None:
    page = scrolled(visit(report).page)
    figure = page.locator("figure.plot:has(.live select)").first
    before = figure.locator(".live svg").inner_html()
    select = figure.locator(".live select").first
    options = select.locator("option").evaluate_all("all => all.map(one => one.value)")
    select.select_option(next(value for value in options if value != select.input_value()))
    page.wait_for_function(
        "([of, was]) => of.innerHTML !== was", arg=[figure.locator(".live svg").element_handle(), before]
    )
    assert figure.locator("figcaption p").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_nobody_is_kept_out(visit: Any, report: Path, scheme: str, width: int) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = scrolled(visit(report, width=width, color_scheme=scheme).page)
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    found = axe.Axe().run(page).response["violations"]
    bad = [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")]
    assert bad == []


@pytest.mark.parametrize("width", [320, 390, 768, 1440])
def test_tables_scroll_and_the_page_does_not(visit: Any, report: Path, width: int) -> None:
    page = scrolled(visit(report, width=width).page)
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_it_is_readable_without_scripts_and_in_print(visit: Any, report: Path) -> None:
    page = visit(report, java_script_enabled=False).page
    assert page.locator("figure.plot .still svg").first.is_visible()
    assert page.locator("form.filters").first.is_hidden()
    assert page.locator("#task-1-table button").count() == 0
    assert page.locator("#task-1-table tbody tr").count() == 7
    printed = scrolled(visit(report).page)
    assert printed.locator("figure.plot .still svg").first.is_hidden()
    printed.emulate_media(media="print")
    assert printed.locator("figure.plot .still svg").first.is_visible()
    assert printed.locator("figure.plot .live").first.is_hidden()


def test_names_are_data(visit: Any, tmp_path: Path) -> None:
    opened = visit(write(tmp_path / "report.html", stored(tmp_path, [HOSTILE, LONG, ARABIC, "plain"])), width=390)
    page = scrolled(opened.page)
    assert (opened.complaints, opened.requests) == ([], [])
    assert page.evaluate("window.ran") is None
    assert page.locator("img").count() == 0
    names = column(page, 1, "algorithm")
    assert names == [HOSTILE, LONG[:119] + "…", ARABIC, "plain"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    shown = [page.locator("th bdi", has_text=name).first for name in (ARABIC, "plain")]
    assert [name.evaluate("(one) => getComputedStyle(one).direction") for name in shown] == ["rtl", "ltr"]


def shown_to_a_user(title: str) -> Examples:
    item = {"item": "1", "title": title}
    because = Because(kind="item", what="1", title=title, weight=0.25)
    hit = Recommended(**item, score=1.0, hit=True, why=[because], n_reasons=3)
    missed = Recommended(item="2", title="other", score=0.5, hit=False)
    known = {"history": [item], "n_history": 5, "truth": [item], "n_truth": 1}
    return Examples(users=[Example(user=title, activity="low", recommended=[hit, missed], **known)])


def test_a_users_lists_stand_beside_each_other_and_titles_are_data(visit: Any, tmp_path: Path) -> None:
    runs = stored(tmp_path, NAMES[:3])
    for run, title in zip(runs, (HOSTILE, HOSTILE, ARABIC), strict=True):
        (run.path / EXAMPLES_FILE).write_text(shown_to_a_user(title).model_dump_json())
    (runs[1].path / EXAMPLES_FILE).write_text("{")
    opened = visit(write(tmp_path / "report.html", runs), width=390)
    lists = opened.page.locator(".lists > div")
    assert lists.locator("h4").all_text_contents() == ["ease 1 of 2 hit", "popularity 1 of 2 hit"]
    assert lists.first.locator("li.hit bdi").all_inner_texts()[0] == HOSTILE
    assert lists.first.locator("small").all_inner_texts() == [f"from the history: {HOSTILE} (+0.25) and 2 more"]
    assert opened.page.evaluate("window.ran") is None
    assert opened.complaints == []
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_same_records_give_the_same_file(tmp_path: Path) -> None:
    runs = stored(tmp_path, NAMES[:2])
    first, second = (render(content_of(runs, tmp_path)) for _ in range(2))
    assert first == second
    specifications = [part.partition("</script>")[0] for part in first.split('<script type="application/json">')[1:]]
    assert all(json.loads(text) for text in specifications)
