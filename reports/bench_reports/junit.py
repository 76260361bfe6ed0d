"""A check's verdicts as JUnit XML, which every CI server shows: a test case a verdict."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from bench.gate.verdict import Report, Verdict
from bench.policy import Outcome
from bench_reports.gate import HEADERS, cells


def render_junit(report: Report) -> str:
    """One test suite; what the policy lets through without a pass is skipped, with the reason.

    A check that compared nothing has a failing case that says so: a file without failures reads as a pass.
    """
    cases = [_case(report, one) for one in report.verdicts]
    if not report.compared:
        case = ET.Element("testcase", {"classname": report.suite, "name": "anything was compared"})
        ET.SubElement(case, "failure", {"type": str(Outcome.NO_VERDICT), "message": report.summary()})
        cases.append(case)
    counts = {
        "tests": str(len(cases)),
        "failures": str(sum(case.find("failure") is not None for case in cases)),
        "errors": "0",
        "skipped": str(sum(case.find("skipped") is not None for case in cases)),
    }
    suite = ET.Element("testsuite", {"name": f"bench check {report.suite}", **counts})
    suite.extend(cases)
    root = ET.Element("testsuites", counts)
    root.append(suite)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _case(report: Report, verdict: Verdict) -> ET.Element:
    name = f"{verdict.algorithm} · {verdict.metric}"
    case = ET.Element("testcase", {"classname": f"{report.suite}.{verdict.task}", "name": name})
    text = "\n".join(f"{header}: {cell}" for header, cell in zip(HEADERS, cells(verdict), strict=True))
    if report.fails(verdict):
        message = {"type": str(verdict.verdict), "message": f"{verdict.verdict}: {verdict.reason}"}
        ET.SubElement(case, "failure", message).text = text
    elif verdict.verdict is not Outcome.PASS:
        ET.SubElement(case, "skipped", {"message": f"{verdict.verdict}, allowed by the policy: {verdict.reason}"})
    else:
        ET.SubElement(case, "system-out").text = text
    return case
