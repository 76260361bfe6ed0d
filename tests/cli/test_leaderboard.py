"""`bench leaderboard`, and the table in a terminal."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from bench.cli.board import print_board
from bench.protocol.audit import Finding
from bench.records import Status, Timings
from bench_reports.leaderboard import leaderboard

METRICS = ["ndcg@10", "precision@10", "recall@10", "map@10", "mrr@10", "hit@10", "coverage@10"]


@pytest.fixture
def out(make_run: Any, tmp_path: Path) -> Path:
    """A store with two suites; smoke has two tasks."""
    for task in ("holdout", "next-item"):
        make_run("ease", metrics={"ndcg@10": 0.4, "hit@10": 0.1}, task=task)
        make_run("vae", metrics={"ndcg@10": 0.3, "hit@10": 0.2}, task=task)
    make_run("ease", metrics={"ndcg@10": 0.5, "hit@10": 0.6}, suite="movielens")
    return tmp_path / "runs"


def rows(text: str) -> list[tuple[str, str, str]]:
    return [(row["suite"], row["task"], row["algorithm"]) for row in json.loads(text)]


def test_json_holds_every_suite_and_task(call: Any, out: Path) -> None:
    done = call("leaderboard", "--out", out, "--format", "json")
    assert done.code == 0
    assert rows(done.out) == [
        ("movielens-v1", "holdout", "ease"),
        ("smoke-v1", "holdout", "ease"),
        ("smoke-v1", "holdout", "vae"),
        ("smoke-v1", "next-item", "ease"),
        ("smoke-v1", "next-item", "vae"),
    ]
    assert all(Path(row["record"], "record.json").exists() for row in json.loads(done.out))


def test_a_record_path_is_absolute(call: Any, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(out.parent)
    done = call("leaderboard", "--out", out.name, "--format", "json")
    assert all(Path(row["record"]).is_absolute() for row in json.loads(done.out))


@pytest.mark.parametrize("suite", ["smoke", "smoke-v1"])
def test_suite_task_and_sort_select(call: Any, out: Path, suite: str) -> None:
    options = ("--suite", suite, "--task", "next-item", "--sort", "hit@10", "--format", "json")
    done = call("leaderboard", "--out", out, *options)
    assert rows(done.out) == [("smoke-v1", "next-item", "vae"), ("smoke-v1", "next-item", "ease")]


def test_metrics_are_the_columns(call: Any, out: Path) -> None:
    done = call("leaderboard", "--out", out, "--suite", "smoke", "--metrics", "hit@10, ndcg@10,", "--format", "json")
    assert {tuple(row["metrics"]) for row in json.loads(done.out)} == {("ndcg@10", "hit@10")}
    done = call("leaderboard", "--out", out, "--suite", "smoke", "--metrics", "ndcg@10", "--format", "json")
    assert {tuple(row["metrics"]) for row in json.loads(done.out)} == {("ndcg@10",)}


def test_table_markdown_and_csv(call: Any, out: Path) -> None:
    table = call("leaderboard", "--out", out).out
    assert [line for line in table.splitlines() if "·" in line] == [
        "movielens-v1 · holdout · 20 users",
        "smoke-v1 · holdout · 20 users",
        "smoke-v1 · next-item · 20 users",
    ]
    assert f"\n  bench ui --out {out}\n" in table
    assert call("leaderboard", "--out", out, "--format", "markdown").out.count("### ") == 3
    assert len(list(csv.reader(io.StringIO(call("leaderboard", "--out", out, "--format", "csv").out)))) == 6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--suite", "smok"], "unknown suite among the results 'smok'. Did you mean 'smoke'? Known: "),
        (["--task", "next"], "unknown task among the results 'next'. Did you mean 'next-item'? Known: "),
        (["--metrics", "ndcg@10,hits@10"], "unknown metric 'hits@10'. Did you mean 'hit@10'? Known: hit@10, ndcg@10."),
        (["--sort", "ndgc@10"], "unknown metric 'ndgc@10'. Did you mean 'ndcg@10'? Known: hit@10, ndcg@10."),
    ],
)
def test_unknown_names_are_one_line_with_the_nearest(call: Any, out: Path, options: list[str], message: str) -> None:
    done = call("leaderboard", "--out", out, *options)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert done.err.startswith(f"error: {message}")


def test_an_empty_store_says_what_to_do(call: Any, tmp_path: Path) -> None:
    done = call("leaderboard", "--out", tmp_path / "none")
    assert done.code == 2
    assert done.err == (f"error: there are no results in '{tmp_path / 'none'}' yet. Run: bench run --suite movielens\n")


def table(runs: list[Any], width: int, color: bool = False) -> str:
    console = Console(width=width, file=io.StringIO(), force_terminal=color, color_system="standard" if color else None)
    print_board(leaderboard(runs), console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.fixture
def full(make_run: Any) -> list[Any]:
    """Rows like the movielens suite's: seven metrics, the longest name, one failure."""
    values = {"hybrid-switching": 0.4, "ease": 0.41, "random": 0.01}
    runs = [
        make_run(name, metrics={label: value / (i + 1) for i, label in enumerate(METRICS)})
        for name, value in values.items()
    ]
    return [*runs, make_run("lstm", status=Status.DIVERGED, reason="loss is not finite in epoch 3")]


def test_a_wide_terminal_shows_everything(full: list[Any]) -> None:
    lines = table(full, 140).splitlines()
    assert lines[1].split() == ["#", "algorithm", *METRICS, "fit", "users/s", "memory", "status"]
    assert lines[3].split()[:3] == ["1", "ease", "0.4100"]
    assert lines[6].split()[:3] == ["—", "lstm", "—"]
    assert "  lstm: diverged — loss is not finite in epoch 3" in [line.rstrip() for line in lines]


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
def test_a_row_is_one_line_and_fits(full: list[Any], width: int) -> None:
    lines = table(full, width).splitlines()
    assert max(map(len, lines)) <= width
    for name, value in [("ease", "0.4100"), ("hybrid-switching", "0.4000"), ("random", "0.0100")]:
        assert [line.split()[2] for line in lines if line.split()[1:2] == [name]] == [value]


@pytest.fixture
def certain(make_run: Any) -> list[Any]:
    """Rows with long names, intervals, several seeds and a ledger."""
    random = np.random.default_rng(0)
    users = random.beta(1, 4, 200)
    runs = []
    for row, mean, seeds in [("hybrid-switching", 0.02, 1), ("gan-augmented", 0.018, 5), ("random", -0.2, 1)]:
        for seed in range(seeds):
            values = {label: users + mean + random.normal(0, 0.05, 200) for label in METRICS}
            runs.append(make_run(row, per_user=values, seed=seed, trials=20))
    return runs


@pytest.mark.parametrize("width", [80, 100, 160])
def test_intervals_and_spreads_fit(certain: list[Any], width: int) -> None:
    lines = table(certain, width).splitlines()
    assert max(map(len, lines)) <= width
    for name, spread in [("hybrid-switching", "—"), ("gan-augmented", r"0\.00\d\d"), ("random", "—")]:
        (line,) = [line for line in lines if re.match(rf"[≈ ] \d  {name} ", line)]
        number = r"-?\d\.\d{4}"
        assert re.search(rf" {name} .* {number}  +{number}–{number}  +{spread}  +0\.0\d\d\d ", line)
    assert any(line.startswith("≈ 2  gan-augmented ") for line in lines)


def test_eighty_columns_say_what_is_not_shown(full: list[Any]) -> None:
    text = " ".join(table(full, 80).split())
    assert "ndcg precision recall map mrr hit # algorithm" in text
    assert "Did not fit: coverage@10, users/s, memory, status. --metrics chooses, --format csv has all." in text
    assert "Did not fit" not in table(full, 140)
    assert "coverage@10, users/s, memory" not in text.partition("Did not fit")[0]


def test_a_very_narrow_terminal_cuts_names_and_never_numbers(full: list[Any]) -> None:
    lines = table(full, 24).splitlines()
    assert any(line.split()[1].endswith("…") and line.split()[2] == "0.4000" for line in lines if "hybrid" in line)


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_numbers_are_aligned_on_the_point(make_run: Any, width: int) -> None:
    seconds = {"a": 0.034, "b": 4.2, "c": 85.0, "d": 720.0}
    runs = [
        make_run(name, metrics={"ndcg@10": 0.1}, timings=Timings(fit_seconds=value)) for name, value in seconds.items()
    ]
    lines = table(runs, width).splitlines()
    shown = [re.search(r"(\d+)(\.\d+)? +(s|min)", line) for line in lines if re.match(r"1  [abcd] ", line)]
    assert [match and match[0] for match in shown] == ["0.03 s", "4.2  s", "85    s", "12    min"]
    assert len({match.end(1) for match in shown if match}) == len({match.start(3) for match in shown if match}) == 1


def test_what_is_tied_is_dim_and_marked(certain: list[Any]) -> None:
    text = table(certain, 100, color=True)
    styles = {name: re.search(rf"(\x1b\[\d+m)?{name} *\x1b", text) for name in ("hybrid-switching", "gan-augmented")}
    assert [match and match[1] for match in styles.values()] == [None, "\x1b[2m"]
    assert [line[:3] for line in table(certain, 100).splitlines() if "gan-augmented " in line and "0." in line] == [
        "≈ 2"
    ]


def test_no_colour_is_used(certain: list[Any]) -> None:
    """Bold and dim need none, so that NO_COLOR takes nothing away."""
    assert set(re.findall(r"\x1b\[([\d;]+)m", table(certain, 100, color=True))) <= {"0", "1", "2"}


def test_what_holds_for_every_task_is_said_once(make_run: Any) -> None:
    rows = [f"row-{index}" for index in range(7)]
    runs = [
        make_run(name, metrics={"ndcg@10": 0.1}, task=task, trials=20 if name == "row-0" else 0)
        for name in rows
        for task in ("holdout", "next-item")
    ]
    lines = [line.rstrip() for line in table(runs, 140).splitlines()]
    (at,) = [index for index, line in enumerate(lines) if "Unequal budgets favour" in line]
    assert lines[at - 1] == "on every task"
    assert "but for defaults: row-1, row-2, row-3, row-4 and 2 more." in lines[at]
    assert "Unequal budgets favour" in table(runs[::2], 140), "beside its table, where there is one"


def test_the_audit_is_one_sentence(make_run: Any) -> None:
    audit = [
        Finding(kind="future-of-user", severity="note", share=0.97, text="long"),
        Finding(kind="late-items", severity="note", share=0.02, text="longer"),
        Finding(kind="duplicate-users", severity="clean", text="none"),
    ]
    text = table([make_run("a", metrics={"ndcg@10": 0.1}, fold_fields={"audit": audit})], 200)
    assert (
        "audit: 97 % of the test events are older than training events of their user; "
        "2.0 % of the test items are not trained on."
    ) in text
    assert "long" not in text


def test_next_steps(certain: list[Any], make_run: Any) -> None:
    def steps(runs: list[Any]) -> list[str]:
        lines = table(runs, 200).splitlines()
        return [line.split("  ")[1] for line in lines[lines.index("Next") + 1 :]]

    look = ["bench report", "bench ui"]
    assert steps(certain) == ["bench compare hybrid-switching gan-augmented --suite smoke-v1 --task holdout", *look]
    lone = [*certain, make_run("vae", per_user={"ndcg@10": np.full(200, 2.0)}, seeded=True)]
    assert steps(lone) == [
        "bench run --suite smoke --seeds 5",
        "bench tune --suite smoke --algorithm vae --trials 40",
        *look,
    ]
    own = make_run("a", metrics={"ndcg@10": 0.1}, suite="mine", tunable=[])
    assert steps([own]) == look
    assert steps([make_run("b", metrics={"ndcg@10": 0.1}, suite="mine")])[0].startswith("bench tune --suite mine.toml ")


def test_a_command_to_copy_is_never_broken(certain: list[Any]) -> None:
    assert "  bench compare hybrid-switching gan-augmented --suite smoke-v1 --task holdout\n" in table(certain, 40)


def test_the_best_value_of_a_column_is_bold(full: list[Any]) -> None:
    text = table(full, 140, color=True)
    assert re.search(r"\x1b\[1m *0\.4100", text)
    assert not re.search(r"\x1b\[1m *0\.4000", text)
