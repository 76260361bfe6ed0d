"""The quality gate: did my change make it worse? A candidate beside a stored baseline, with a verdict on each metric.

from bench.gate import check

report = check("smoke", "reports/baselines/smoke", exact=True)
assert report.exit_code == 0, report.summary()
"""

from bench.gate.checking import check
from bench.gate.jobs import Running
from bench.gate.verdict import Report, Verdict
from bench.policy import Outcome, Policy

__all__ = ["Outcome", "Policy", "Report", "Running", "Verdict", "check"]
