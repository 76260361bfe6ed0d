"""A check's verdicts as columns of text, as Markdown and as JSON. The terminal's table is in `bench.cli.verdicts`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from bench.gate.verdict import Report, Verdict
from bench.policy import Outcome
from bench_reports.rendering import MISSING, number

HEADERS = (
    "verdict",
    "task",
    "algorithm",
    "metric",
    "baseline",
    "now",
    "difference",
    "interval",
    "allowed",
    "users × seeds",
)
MARKS = {
    Outcome.PASS: "✓",
    Outcome.REGRESSED: "✗",
    Outcome.CHANGED: "✗",
    Outcome.SUSPICIOUS: "!",
    Outcome.INCONCLUSIVE: "?",
    Outcome.NO_VERDICT: "—",
}


def cells(verdict: Verdict) -> tuple[str, ...]:
    """One verdict as text, a cell a header."""
    interval = MISSING if verdict.low is None or verdict.high is None else f"{verdict.low:+.4f}…{verdict.high:+.4f}"
    return (
        f"{MARKS[verdict.verdict]} {verdict.verdict}",
        verdict.task,
        verdict.algorithm,
        verdict.metric if verdict.higher_is_better else f"{verdict.metric} (lower is better)",
        number(verdict.baseline),
        number(verdict.candidate),
        MISSING if verdict.difference is None else f"{verdict.difference:+.4f}",
        interval,
        _allowed(verdict),
        f"{verdict.n_users} × {verdict.n_seeds}" if verdict.n_users else MISSING,
    )


def _allowed(verdict: Verdict) -> str:
    """How far it may get worse, with the sign of that; in the exact tier how far it may be off."""
    if verdict.margin is None:
        return MISSING
    sign = "±" if verdict.low is None else "-" if verdict.higher_is_better else "+"
    return f"{sign}{verdict.margin:.2g}"


def reasons(report: Report) -> list[str]:
    """Why what is not a pass is none: one line a reason, with all that share it, the failing ones first."""
    found: dict[tuple[Outcome, str], list[Verdict]] = {}
    for one in sorted(report.verdicts, key=lambda one: not report.fails(one)):
        if one.verdict is not Outcome.PASS:
            found.setdefault((one.verdict, one.reason), []).append(one)
    return [f"{outcome}: {', '.join(_named(own))}: {reason}." for (outcome, reason), own in found.items()]


def _named(verdicts: list[Verdict], most: int = 6) -> list[str]:
    names = [one.name for one in verdicts[:most]]
    return names if len(verdicts) <= most else [*names, f"and {len(verdicts) - most} more"]


def shown(report: Report) -> list[Verdict]:
    """The verdicts of a table, failing ones first. One without any number has its line among the reasons alone."""
    ordered = sorted(report.verdicts, key=lambda one: (not report.fails(one), one.verdict is Outcome.PASS))
    return [one for one in ordered if one.baseline is not None or one.candidate is not None]


def title(report: Report) -> str:
    """What was compared: "smoke-v2 against reports/baselines/smoke, exactly"."""
    return f"{report.suite} against {report.baseline}{', exactly' if report.exact else ''}"


def meaning(report: Report) -> str:
    """How to read the numbers."""
    if report.exact:
        return "Every user's value must be as in the baseline; allowed: how far it may be off."
    level = f"{100 * (1 - 2 * report.policy.alpha):g} %"
    return (
        f"Differences: now − baseline, paired by user and by seed. interval: {level}, of users and seeds. "
        "allowed: what is not yet a regression."
    )


def render_markdown(report: Report) -> str:
    """For a pull request's comment or a job's summary: the summary, why, and the table folded away where all pass."""
    lines = [f"### bench check: {report.summary()}", "", f"{title(report)}.", ""]
    lines += [*(f"- {reason}" for reason in reasons(report)), ""]
    table = [_row(HEADERS), _row(["---"] * 4 + ["---:"] * 6), *(_row(cells(one)) for one in shown(report))]
    table += ["", meaning(report)]
    folded = ["<details><summary>All verdicts</summary>", "", *table, "", "</details>"]
    return "\n".join([*lines, *(table if report.exit_code else folded), ""]).replace("\n\n\n", "\n\n")


def _row(texts: tuple[str, ...] | list[str]) -> str:
    return "| " + " | ".join(text.replace("|", "\\|") for text in texts) + " |"


def render_json(report: Report) -> str:
    """The whole report as one JSON object; verdicts are unrounded."""
    content = {
        "suite": report.suite,
        "baseline": report.baseline,
        "exact": report.exact,
        "exit_code": report.exit_code,
        "summary": report.summary(),
        "policy": report.policy.model_dump(mode="json"),
        "verdicts": [_json(report, one) for one in report.verdicts],
    }
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)


def _json(report: Report, verdict: Verdict) -> dict[str, Any]:
    return asdict(verdict) | {"fails": report.fails(verdict)}
