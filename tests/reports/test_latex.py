"""LaTeX tables: what they say, and that nothing in a name is a command."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.records import Status
from bench_reports.latex import escaped, render_latex
from bench_reports.leaderboard import leaderboard

HOSTILE = r"50%_of\input{x}~^$&#"


@pytest.fixture
def text(make_run: Any) -> str:
    values = np.random.default_rng(0).random(200)
    return render_latex(
        leaderboard(
            [
                make_run("ease", per_user={"ndcg@10": values}),
                make_run("slim", per_user={"ndcg@10": np.roll(values, 1) - 0.001}),
                make_run("popularity", per_user={"ndcg@10": values * 0.2}),
                make_run("lstm", status=Status.DIVERGED, reason="loss is not finite in epoch 3"),
                make_run(HOSTILE, per_user={"ndcg@10": values * 0.1}),
            ]
        )
    )


def line_of(text: str, name: str) -> str:
    return next(line for line in text.splitlines() if line.startswith(name))


def test_the_best_is_bold_and_what_is_tied_underlined(text: str) -> None:
    assert r"\textbf{" in line_of(text, "ease")
    assert r"\underline{" in line_of(text, "slim")
    assert r"\underline{" not in line_of(text, "popularity")
    assert "underline" not in line_of(text, "lstm")
    assert text.count(r"\toprule") == text.count(r"\midrule") == text.count(r"\bottomrule") == 1


def test_the_caption_has_protocol_and_test(text: str) -> None:
    caption = next(line for line in text.splitlines() if line.startswith(r"\caption"))
    assert "smoke-v1 · holdout · 20 users; the full catalogue is ranked" in caption
    assert "Underlined: not separable from ease by ndcg@10 (paired t test over users, Holm's correction" in caption
    assert "Lstm: diverged --- loss is not finite in epoch 3." in caption


def test_names_are_no_commands(text: str) -> None:
    assert escaped(HOSTILE) in text
    assert escaped(r"a\b_{") == r"a\textbackslash{}b\_\{"
    assert HOSTILE not in text


def has_booktabs() -> bool:
    found = shutil.which("kpsewhich") and subprocess.run(["kpsewhich", "booktabs.sty"], capture_output=True).stdout
    return bool(found) and shutil.which("pdflatex") is not None


def test_what_a_caption_has_no_room_for_is_a_comment_above_it(text: str) -> None:
    above, _, table = text.partition(r"\begin{table}")
    assert above == "% parameters are the suite's own; no row carries a tuning ledger.\n"
    assert "ledger" not in table


@pytest.mark.skipif(not has_booktabs(), reason="needs LaTeX with booktabs")
def test_latex_takes_it(text: str, tmp_path: Path) -> None:
    document = "\\documentclass{article}\\usepackage{booktabs}\\begin{document}" + text + "\\end{document}"
    (tmp_path / "a.tex").write_text(document)
    subprocess.run(["pdflatex", "-halt-on-error", "a.tex"], cwd=tmp_path, check=True, capture_output=True)
