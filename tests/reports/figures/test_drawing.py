"""What holds for every figure: valid, self-contained, safe with any name, readable without a picture."""

from __future__ import annotations

import json
import re
from typing import Any

import altair as alt
import numpy as np
import pytest

from bench.ledger import TrialRecord, TuningLedger
from bench.records import Status
from bench.slices import SliceValue
from bench_reports.figures import figures_of, javascript, overview_of, svg_of
from bench_reports.figures.drawing import LONGEST_LABEL, labels_of
from bench_reports.leaderboard import leaderboard, newest_runs

HOSTILE = [
    "</script><script>alert(1)</script>",
    "a\"b'c<d>&e",
    "x" * 10_000,
    "x" * 9_999 + "y",
    "مستخدم",
    "${datum} \\ {{x}} .[0]",
]


def ledger() -> TuningLedger:
    trials: list[Any] = [("complete", 0.2), ("failed", None), ("complete", 0.4), ("complete", 0.3)]
    history = [TrialRecord(number=n, state=s, value=v, seconds=1.0) for n, (s, v) in enumerate(trials)]
    return TuningLedger(
        trials=4, completed=3, pruned=0, failed=1, seconds=4.0, sampler="tpe", seed=1, metric="ndcg@10",
        best_value=0.4, best_trial=2, command="c", fold="f", history=history, importances={"l2": 0.75, "k": 0.25},
    )  # fmt: skip


def full_run(make_run: Any, name: str, place: int, task: str = "holdout", **fields: Any) -> Any:
    """A record that has something for every figure."""
    values = np.random.default_rng(place).random(30)
    groups = {name: SliceValue(n_users=5, metrics={"ndcg@10": 0.1 * at}) for at, name in enumerate(HOSTILE[:3], place)}
    return make_run(
        name,
        per_user={"ndcg@10": values},
        task=task,
        slices={"<b>family</b>": groups},
        curves={"validation": [(1, 0.1), (2, 0.3), (3, float("nan"))], "train_loss": [(1, 2.0), (2, 1.0)]},
        tuning=ledger(),
        **fields,
    )


def all_figures(make_run: Any, names: list[str], tasks: tuple[str, ...] = ("one",)) -> list[Any]:
    runs = [full_run(make_run, name, place, task) for task in tasks for place, name in enumerate(names)]
    runs.append(make_run("broken", status=Status.FAILED, reason="why", task="one"))
    boards = leaderboard(runs).tasks
    newest = newest_runs(runs)
    of_task = {board.task: [run for run in newest if run.record.task == board.task] for board in boards}
    own = [figure for board in boards for figure in figures_of(board, of_task[board.task])]
    return [*own, *overview_of(boards, newest)]


def test_every_figure_is_there_valid_and_different(make_run: Any) -> None:
    figures = all_figures(make_run, ["a", "b", "c"], ("one", "two"))
    names = {figure.key.removeprefix("smoke-v1-one-") for figure in figures}
    assert names >= {"frontier", "groups", "differences", "validation-curves", "training-losses", "tuning-history"}
    assert {"tuning-importance", "smoke-v1-rank-stability"} <= names
    assert len({figure.key for figure in figures}) == len(figures)
    for figure in figures:
        assert re.fullmatch(r"[a-z0-9-]+", figure.key)
        alt.Chart.from_dict(figure.spec)
        assert figure.spec["width"] == "container"
        assert re.search(r"\d", figure.summary)
        assert figure.rows and all(len(row) == len(figure.columns) for row in figure.rows)
        assert "NaN" not in json.dumps(figure.spec, allow_nan=False)


def test_a_static_picture_takes_the_width_and_the_colour_of_its_surroundings(make_run: Any) -> None:
    for figure in all_figures(make_run, ["a", "b"]):
        svg = svg_of(figure)
        head = svg.split(">", 1)[0]
        assert 'width="100%"' in head
        assert "viewBox" in head
        assert 'role="img"' in head
        assert "currentColor" in svg
        assert '"#000"' not in svg


def folder_names(make_run: Any) -> Any:
    """Rows with names that no folder can have: the name in the record is what a figure sees."""

    def make(name: str, **fields: Any) -> Any:
        stored = make_run(f"row-{abs(hash(name))}", **fields)
        return type(stored)(stored.path, stored.record.model_copy(update={"row": name}))

    return make


def test_names_are_data(make_run: Any, written: Any) -> None:
    for figure in all_figures(folder_names(make_run), HOSTILE):
        svg = svg_of(figure)
        assert "<script" not in svg
        assert len(json.dumps(figure.spec)) < 100_000
        texts = written(figure)
        if figure.key.endswith(("groups", "rank-stability")):
            assert HOSTILE[1] in texts
            assert any(text.startswith("</script>") for text in texts)


def test_long_names_are_cut_and_stay_different() -> None:
    labels = labels_of(HOSTILE)
    assert list(labels) == HOSTILE
    assert len(set(labels.values())) == len(HOSTILE)
    assert max(map(len, labels.values())) == LONGEST_LABEL
    assert labels["مستخدم"] == "مستخدم"


def test_the_script_is_one_file_that_cannot_end_early() -> None:
    script = javascript()
    assert "window.vegaEmbed=" in script
    assert "</script" not in script.lower()


@pytest.mark.parametrize("status", [Status.FAILED, Status.TIMEOUT])
def test_a_board_of_failures_has_no_figures(make_run: Any, status: Status) -> None:
    runs = [make_run(name, status=status) for name in "ab"]
    boards = leaderboard(runs).tasks
    assert figures_of(boards[0], newest_runs(runs)) == []
    assert overview_of(boards, newest_runs(runs)) == []
