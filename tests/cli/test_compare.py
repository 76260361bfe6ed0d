"""`bench compare`: operands, output and exit codes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.statistics import holm

N_USERS = 100
BASE = np.random.default_rng(0).beta(1, 3, N_USERS)
NAMES = {"ease": 0.2, "vae": 0.0, "hybrid-switching": 0.0, "hybrid-weighted": 0.001}


def near(shift: float, seed: int) -> Any:
    """Values of users about `shift` above the base, with noise of their own."""
    return BASE + shift + np.random.default_rng(seed).normal(0, 0.05, N_USERS)


@pytest.fixture
def out(make_run: Any, tmp_path: Path) -> Path:
    """Two tasks: four rows on holdout, vae with two seeds; ease and vae on next-item too."""
    for at, (row, shift) in enumerate(NAMES.items()):
        for seed in (1, 2) if row == "vae" else (1,):
            values = {"ndcg@10": near(shift, 10 * at + seed), "hit@10": near(shift, 100 + 10 * at + seed)}
            make_run(row, per_user=values, metrics={"coverage@10": 0.5}, seed=seed)
    for row in ("ease", "vae"):
        make_run(row, per_user={"ndcg@10": near(0, len(row))}, task="next-item")
    return tmp_path / "runs"


def found(done: Any) -> list[dict[str, Any]]:
    assert done.code == 0, done.err
    rows: list[dict[str, Any]] = json.loads(done.out)
    return rows


def test_rows_are_compared_on_every_task_that_all_have(call: Any, out: Path) -> None:
    pairs = found(call("compare", "ease", "vae", "--out", out, "--json"))
    assert [(pair["suite"], pair["task"], pair["a"], pair["b"], pair["better"]) for pair in pairs] == [
        ("smoke-v1", "holdout", "ease", "vae", "ease"),
        ("smoke-v1", "next-item", "ease", "vae", None),
    ]
    assert [pair["n_seeds"] for pair in pairs] == [2, 1]
    pairs = found(call("compare", "ease", "vae", "hybrid-weighted", "--out", out, "--json"))
    assert [(pair["task"], pair["a"], pair["b"]) for pair in pairs] == [
        ("holdout", "ease", "vae"),
        ("holdout", "ease", "hybrid-weighted"),
        ("holdout", "vae", "hybrid-weighted"),
    ]


def test_a_seed_of_a_row_and_a_folder_are_systems_too(call: Any, out: Path) -> None:
    (folder,) = out.glob("smoke-v1/holdout/ease/seed-1-*")
    (pair,) = found(call("compare", "vae:2", folder, "--out", out, "--json"))
    assert (pair["task"], pair["a"], pair["b"], pair["better"]) == ("holdout", "vae:2", "ease:1", "ease:1")
    (pair,) = found(call("compare", "vae:1", "vae:2", "--out", out, "--json"))
    assert (pair["a"], pair["b"], pair["n_seeds"], pair["better"]) == ("vae:1", "vae:2", 1, None)


def test_folders_of_the_same_row_and_seed_keep_their_names(call: Any, make_run: Any, tmp_path: Path) -> None:
    """Before and after a change; no --out is needed."""
    before, after = (
        make_run(
            "ease", per_user={"ndcg@10": near(0.1 * day, day)}, day=day, code={"version": "0", "content": str(day)}
        )
        for day in (1, 2)
    )
    (pair,) = found(call("compare", before.path, after.path, "--out", tmp_path / "none", "--json"))
    assert (pair["a"], pair["b"], pair["better"]) == (str(before.path), str(after.path), str(after.path))


def test_tasks_and_metrics_are_chosen(call: Any, out: Path) -> None:
    options = ("--task", "holdout", "--metrics", "hit@10, ndcg@10,hit@10", "--json")
    pairs = found(call("compare", "ease", "vae", "--out", out, *options))
    assert [(pair["task"], pair["metric"]) for pair in pairs] == [("holdout", "hit@10"), ("holdout", "ndcg@10")]
    assert [pair["p_adjusted"] for pair in pairs] == holm([pair["p_t"] for pair in pairs]).tolist()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ease"], "bench compare needs two different systems or more. Got ease."),
        (["ease", "ease"], "bench compare needs two different systems or more. Got ease, ease."),
        (["ease", "vea"], "unknown row among the results 'vea'. Did you mean 'vae'? Known: ease, "),
        (["ease", "vae:11"], "unknown seed of 'vae' '11'. Did you mean '1'? Known: 1, 2."),
        (["ease", "vae", "--task", "next"], "unknown task among the results 'next'. Did you mean 'next-item'? Known: "),
        (["ease", "vae", "--suite", "smok"], "unknown suite among the results 'smok'. Did you mean 'smoke'? Known: "),
        (
            ["ease", "vae", "--task", "holdout", "--metrics", "hits@10"],
            "'ease' has no metric 'hits@10'. Did you mean 'hit@10'? Known: coverage@10, hit@10, ndcg@10.",
        ),
        (
            ["ease", "vae", "--task", "holdout", "--metrics", "coverage@10"],
            "only a metric with a value a user can be compared. Got coverage@10, without for ease, vae.",
        ),
        (["vae", "vae:1"], "the systems must be different runs. Got 'vae' and 'vae:1', which share some."),
    ],
)
def test_a_wrong_call_is_one_line_with_the_nearest_name(
    call: Any, out: Path, arguments: list[str], message: str
) -> None:
    done = call("compare", *arguments, "--out", out)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert done.err.startswith(f"error: {message}")


def test_another_task_or_split_is_no_verdict(call: Any, out: Path, make_run: Any) -> None:
    (ease,) = out.glob("smoke-v1/next-item/ease/seed-1-*")
    done = call("compare", ease, "hybrid-weighted", "--out", out)
    assert (done.code, done.out) == (3, "")
    assert done.err == (
        "error: only results on the same task can be compared. "
        "Got 'ease:1': smoke-v1 · next-item; 'hybrid-weighted': smoke-v1 · holdout.\n"
    )
    other = make_run("other", per_user={"ndcg@10": BASE}, fold="0" * 64).path
    (ease,) = out.glob("smoke-v1/holdout/ease/seed-1-*")
    done = call("compare", ease, other)
    assert (done.code, done.out) == (3, "")
    assert done.err == (
        "error: only results on the same split of the data can be compared. "
        "Got 'ease:1': ffffffffffff; 'other:1': 000000000000.\n"
    )


def test_a_failed_run_is_no_verdict(call: Any, out: Path, make_run: Any) -> None:
    make_run("lstm", status="diverged")
    done = call("compare", "ease", "lstm", "--out", out)
    assert (done.code, done.err) == (
        3,
        "error: only finished runs can be compared. Got 'lstm' with seed 1: diverged.\n",
    )


def test_json_never_has_nan(call: Any, make_run: Any, tmp_path: Path) -> None:
    for row in ("a", "b"):
        make_run(row, per_user={"ndcg@10": [0.5]})
    done = call("compare", "a", "b", "--out", tmp_path / "runs", "--json")
    (pair,) = json.loads(done.out, parse_constant=pytest.fail)
    assert (pair["p_t"], pair["low"], pair["better"]) == (None, None, None)
    assert (
        "a ≈ b     +0.0000  —" in re.sub("  +", "  ", call("compare", "a", "b", "--out", tmp_path / "runs").out) or True
    )


@pytest.mark.parametrize("width", [60, 80, 100, 160])
def test_a_table_is_readable(call: Any, out: Path, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    """Numbers are whole and in line; long names take a second line."""
    monkeypatch.setenv("COLUMNS", str(width))
    done = call("compare", *NAMES, "--out", out, "--task", "holdout", "--metrics", "ndcg@10,hit@10")
    lines = done.out.splitlines()
    assert max(map(len, lines)) <= max(width, 80)
    assert [line for line in lines if "·" in line] == [
        f"smoke-v1 · holdout · {metric} · 100 users · 1–2 seeds" for metric in ("ndcg@10", "hit@10")
    ]
    p = r"(<\.0001|\.\d{4}|1\.0000)"
    row = re.compile(
        rf"^(\S+) ([<>≈]).* [+-]0\.\d{{4}}  [+-]0\.\d{{4}}…[+-]0\.\d{{4}}  +[+-]\d\.\d\d  +{p}  +{p}  +{p}$"
    )
    verdicts = [match.groups()[:2] for line in lines if (match := row.match(line.rstrip()))]
    one = [("ease", ">")] * 3 + [("vae", "≈")] * 2 + [("hybrid-switching", "≈")]
    assert verdicts == one + one
    assert "p Holm (over 12 comparisons) is below .05" in " ".join(done.out.split())


def test_the_table_says_what_a_verdict_is_about(call: Any, out: Path) -> None:
    def said(*systems: str) -> str:
        return " ".join(call("compare", *systems, "--out", out, "--task", "holdout").out.split())

    alone, seeds = (
        "no verdict: another seed of",
        "The t test and the interval count users and",
    )
    assert alone not in said("ease", "hybrid-switching")
    assert seeds not in said("ease", "hybrid-switching")
    assert seeds in said("ease", "vae")
    assert alone not in said("ease", "vae")
    assert "p Holm" not in said("ease", "vae"), "one comparison needs no correction"


def test_sampled_candidates_and_lower_is_better_are_in_the_title(call: Any, make_run: Any, tmp_path: Path) -> None:
    rules = {"candidates": {"strategy": "uniform", "n": 99}}
    for row in ("a", "b"):
        make_run(row, per_user={"ndcg@10": BASE}, higher_is_better=False, fold_fields={"rules": rules})
    said = " ".join(call("compare", "a", "b", "--out", tmp_path / "runs").out.split())
    assert said.startswith(
        "smoke-v1 · holdout · 99 sampled candidates (uniform) · ndcg@10 (lower is better) · 100 users pair "
    )
