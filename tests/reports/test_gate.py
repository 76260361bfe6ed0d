"""A check as Markdown, JSON and JUnit XML."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

from bench.gate.verdict import Report, Verdict
from bench.policy import Outcome, Policy
from bench_reports.gate import reasons, render_json, render_markdown
from bench_reports.junit import render_junit

NUMBERS = {
    "baseline": 0.25,
    "candidate": 0.24,
    "difference": -0.01,
    "low": -0.02,
    "high": 0.0,
    "margin": 0.005,
    "n_users": 938,
    "n_seeds": 3,
}


def verdict(outcome: Outcome, row: str = "a|b", reason: str = "why <&", **fields: object) -> Verdict:
    return Verdict(row, "holdout", "ndcg@10", outcome, reason, **(NUMBERS | fields))  # type: ignore[arg-type]


def report(*verdicts: Verdict, policy: Policy | None = None) -> Report:
    return Report("smoke-v2", "base", False, policy or Policy(), verdicts)


LENIENT = Policy(fail_on=[Outcome.REGRESSED])


def test_markdown_says_why_first_and_folds_a_pass_away() -> None:
    text = render_markdown(report(verdict(Outcome.PASS), verdict(Outcome.REGRESSED, "ease")))
    lines = text.splitlines()
    assert lines[0] == "### bench check: failed: 1 regressed, 1 pass"
    assert "- regressed: holdout · ease · ndcg@10: why <&." in lines
    rows = [line for line in lines if line.startswith("| ✗") or line.startswith("| ✓")]
    assert rows == [
        "| ✗ regressed | holdout | ease | ndcg@10 | 0.2500 | 0.2400 | -0.0100 | -0.0200…+0.0000 | -0.005 | 938 × 3 |",
        "| ✓ pass | holdout | a\\|b | ndcg@10 | 0.2500 | 0.2400 | -0.0100 | -0.0200…+0.0000 | -0.005 | 938 × 3 |",
    ]
    assert "<details>" not in text
    assert "<details>" in render_markdown(report(verdict(Outcome.PASS)))


def test_one_reason_is_one_line() -> None:
    many = [verdict(Outcome.NO_VERDICT, f"r{at}", "gone") for at in range(9)]
    (line,) = reasons(report(*many))
    assert line.startswith("no verdict: holdout · r0 · ndcg@10, ")
    assert line.endswith("and 3 more: gone.")


def test_json_is_strict_and_says_what_fails() -> None:
    found = json.loads(render_json(report(verdict(Outcome.INCONCLUSIVE, p=0.2), policy=LENIENT)))
    assert (found["exit_code"], found["verdicts"][0]["fails"], found["verdicts"][0]["p"]) == (0, False, 0.2)
    assert found["policy"]["margin"] == "2%"


def test_junit_has_a_case_a_verdict() -> None:
    root = ET.fromstring(
        render_junit(
            report(verdict(Outcome.PASS), verdict(Outcome.REGRESSED), verdict(Outcome.SUSPICIOUS), policy=LENIENT)
        )
    )
    kinds = [[child.tag for child in case] for case in root.iter("testcase")]
    assert kinds == [["system-out"], ["failure"], ["skipped"]]
    assert (root.get("tests"), root.get("failures"), root.get("skipped")) == ("3", "1", "1")
    (failure,) = root.iter("failure")
    assert failure.get("message") == "regressed: why <&"


def test_junit_of_nothing_is_no_pass() -> None:
    for nothing in (report(), report(verdict(Outcome.NO_VERDICT), policy=LENIENT)):
        assert ET.fromstring(render_junit(nothing)).get("failures") == "1"
