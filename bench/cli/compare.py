"""`bench compare`: is one better than the other, by how much, and could it be chance?"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli import options

if TYPE_CHECKING:
    from rich.console import Console

    from bench.store import Stored
    from bench_reports.comparison import Pair

Operands = Annotated[
    list[str], typer.Argument(help="Two or more: a row (ease), one of its seeds (vae:2027), or a record's folder.")
]
Suite = Annotated[str | None, typer.Option("--suite", help="Of this suite, such as movielens or movielens-v1.")]
Tasks = Annotated[list[str] | None, typer.Option("--task", help="On this task alone; repeatable.", show_default="all")]
Metrics = Annotated[
    str | None,
    typer.Option("--metrics", help="Such as ndcg@10,recall@10.", show_default="the suite's primary metric"),
]

MIN_WIDTH = 80
"""Characters of a line: numbers are never cut, so a narrower terminal wraps them."""


def command(
    systems: Operands,
    suite: Suite = None,
    task: Tasks = None,
    metrics: Metrics = None,
    out: options.Out = options.DEFAULT_OUT,
    as_json: options.Json = False,
) -> None:
    """Compare algorithms, or seeds of one, paired by user: difference, interval, effect size, tests.

    p values are corrected by Holm over all that is compared on a task.
    """
    from rich.console import Console

    from bench.cli.leaderboard import labels_in
    from bench.errors import UsageError
    from bench_reports.comparison import compare_all, json_pair

    if len(set(systems)) < 2:
        raise UsageError(f"bench compare needs two different systems or more. Got {', '.join(systems)}.")
    found: dict[tuple[str, str, str], list[Pair]] = {}
    wanted = labels_in(metrics)
    for task_, chosen in _having(wanted, _by_task(systems, suite, task or [], out)).items():
        record = next(iter(chosen.values()))[0].record
        found[task_] = compare_all(chosen, wanted or [record.primary_metric])
    if as_json:
        heads = [(dict(zip(("suite", "task", "candidates"), of, strict=True)), pairs) for of, pairs in found.items()]
        listed = [head | json_pair(pair) for head, pairs in heads for pair in pairs]
        print(json.dumps(listed, indent=2, ensure_ascii=False, allow_nan=False))
        return
    console = Console(highlight=False)
    console.width = max(console.width, MIN_WIDTH)
    for task_, pairs in found.items():
        _print(" · ".join(filter(None, task_)), pairs, console)


def _having(
    metrics: Sequence[str], tasks: dict[tuple[str, str, str], dict[str, list[Stored]]]
) -> dict[tuple[str, str, str], dict[str, list[Stored]]]:
    """The tasks on which every run has all of the metrics; all tasks if there is none, for an error to say so."""
    having = {
        task: chosen
        for task, chosen in tasks.items()
        if all(label in run.record.metrics for runs in chosen.values() for run in runs for label in metrics)
    }
    return having or tasks


def _by_task(
    operands: Sequence[str], suite: str | None, tasks: list[str], out: Path
) -> dict[tuple[str, str, str], dict[str, list[Stored]]]:
    """The runs of every system, by suite, task and candidates; a task that one of them has not is left out."""
    from bench.errors import NoVerdictError

    own = _systems(operands, suite, tasks, out)
    names = dict.fromkeys(_task(run) for chosen in own.values() for run in chosen)
    by_task = {name: {o: [run for run in chosen if _task(run) == name] for o, chosen in own.items()} for name in names}
    shared = {name: chosen for name, chosen in by_task.items() if all(chosen.values())}
    if not shared:
        has = {name: sorted({" · ".join(filter(None, _task(run))) for run in runs}) for name, runs in own.items()}
        given = "; ".join(f"'{name}': {', '.join(tasks_)}" for name, tasks_ in has.items())
        raise NoVerdictError(f"only results on the same task can be compared. Got {given}.")
    return shared


def _systems(operands: Sequence[str], suite: str | None, tasks: list[str], out: Path) -> dict[str, list[Stored]]:
    """The runs of every operand by its name. A folder is called "row:seed" where that is no other's name too."""
    from bench.cli.leaderboard import selected, stored_runs
    from bench_reports.leaderboard import newest_runs

    folders = {o: selected([_folder(o)], suite, tasks) for o in operands if (Path(o) / "record.json").exists()}
    short = {operand: f"{run.record.row}:{run.record.seed}" for operand, (run,) in folders.items()}
    others = [operand for operand in operands if operand not in folders]
    runs = newest_runs(stored_runs(out, suite, tasks)) if others else []
    taken = Counter([*short.values(), *others])
    named = {operand: name if taken[name] == 1 else operand for operand, name in short.items()}
    return {named.get(o, o): folders[o] if o in folders else _rows(o, runs) for o in operands}


def _task(run: Stored) -> tuple[str, str, str]:
    from bench_reports.leaderboard import candidates_of, suite_of

    return suite_of(run), run.record.task, candidates_of(run.record)


def _folder(operand: str) -> Stored:
    from bench.store import Stored, read_record

    return Stored(Path(operand), read_record(Path(operand)))


def _rows(operand: str, runs: list[Stored]) -> list[Stored]:
    """The runs of "row" or "row:seed". Raises UnknownNameError."""
    from bench.errors import UnknownNameError

    row, colon, seed = operand.partition(":")
    own = [run for run in runs if run.record.row == row]
    if not own:
        raise UnknownNameError("row among the results", row, {run.record.row for run in runs})
    chosen = [run for run in own if not colon or str(run.record.seed) == seed]
    if not chosen:
        raise UnknownNameError(f"seed of '{row}'", seed, {str(run.record.seed) for run in own})
    return chosen


def _print(task: str, pairs: Sequence[Pair], console: Console) -> None:
    """A table a metric, and below them what the verdicts rest on."""
    from rich.padding import Padding
    from rich.text import Text

    for metric, group in groupby(pairs, key=lambda pair: pair.metric):
        own = list(group)
        by = metric if own[0].higher_is_better else f"{metric} (lower is better)"
        console.print(Text(f"{task} · {by} · {_sample(own)}", style="bold"))
        console.print(_table(own, corrected=len(pairs) > 1), "")
    for line in _meaning(pairs):
        console.print(Padding(Text(line, style="dim"), (0, 0, 0, 2)))
    console.print()


def _sample(pairs: Sequence[Pair]) -> str:
    """ "118 users (2 undefined) · 5 seeds"; of what differs between the pairs, from the least to the greatest."""
    compared = [pair.comparison for pair in pairs]
    undefined = _range(one.n_undefined for one in compared)
    left_out = "" if undefined == "0" else f" ({undefined} undefined)"
    seeds = _range(one.n_seeds for one in compared)
    return f"{_range(one.n_users for one in compared)} users{left_out}" + ("" if seeds == "1" else f" · {seeds} seeds")


def _range(numbers: Iterable[int]) -> str:
    ordered = sorted(set(numbers))
    return str(ordered[0]) if len(ordered) == 1 else f"{ordered[0]}–{ordered[-1]}"


def _table(pairs: Sequence[Pair], corrected: bool) -> object:
    """Numbers keep their width; a pair of long names takes two lines."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("pair", overflow="fold")
    for header in ("difference", "95% interval", "d_z", "p t", "p rand", *(["p Holm"] if corrected else [])):
        table.add_column(header, justify="right", no_wrap=True)
    for pair in pairs:
        sign = "?" if pair.lone else "≈" if pair.better is None else ">" if pair.better == pair.a else "<"
        style = "bold" if pair.better else ""
        table.add_row(Text(f"{pair.a} {sign} {pair.b}", style=style), *_cells(pair, corrected))
    return table


def _cells(pair: Pair, corrected: bool) -> list[str]:
    from bench_reports.rendering import MISSING

    one = pair.comparison
    interval = MISSING if one.low != one.low else f"{one.low:+.4f}…{one.high:+.4f}"
    effect = MISSING if one.effect != one.effect else f"{one.effect:+.2f}"
    adjusted = [_p(pair.p_adjusted)] if corrected else []
    difference = MISSING if one.difference != one.difference else f"{one.difference:+.4f}"
    return [difference, interval, effect, _p(one.p_t), _p(one.p_randomisation), *adjusted]


def _p(value: float) -> str:
    from bench_reports.rendering import MISSING

    return MISSING if value != value else "<.0001" if value < 1e-4 else f"{value:.4f}".removeprefix("0")


def _meaning(pairs: Sequence[Pair]) -> list[str]:
    """How to read the tables, what the verdicts rest on, and what they do not."""
    from bench_reports.certainty import ALPHA

    decides = f"p Holm (over {len(pairs)} comparisons)" if len(pairs) > 1 else "p t"
    level = f"{ALPHA:g}".removeprefix("0")
    lines = [
        f"> better than, < worse than, where {decides} is below {level}. ≈ not separable. Differences: left − right."
    ]
    seeds = {pair.comparison.n_seeds for pair in pairs}
    if max(seeds) > 1:
        lines.append("The t test and the interval count users and seeds; the randomisation test users alone.")
    lone = dict.fromkeys(name for pair in pairs for name in pair.lone)
    if lone:
        lines.append(f"? no verdict: another seed of {', '.join(lone)} might say the opposite. Run with --seeds 5.")
    return lines
