"""The fixture `bench_check` for pytest: a recommender's quality as a test of a project's own.

    def test_quality(bench_check):
        bench_check("item-knn", suite="smoke", baseline="reports/baselines/smoke")

Installed with the package. Nothing of the harness is imported before a test asks for the fixture.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

if TYPE_CHECKING:
    from bench.gate import Report, Verdict

MARKER = "bench"
LOCK_FILE = ".pytest.lock"
ADVICE = {
    "regressed": "undo the change, or, if it is meant, save a new baseline: bench baseline save --suite {suite}",
    "changed": "undo the change, or, if it is meant, save a new baseline: bench baseline save --suite {suite}",
    "suspicious": "look for a leak first: a model that sees the test set looks like this",
    "inconclusive": "give it more seeds or users, widen the margin, or let it pass with fail_on",
    "no verdict": "save a baseline of what is to be compared: bench baseline save --suite {suite}",
}


class BenchWarning(UserWarning):
    """A verdict that is no pass, and that the policy lets through."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The results folder, in the project's pytest settings."""
    help_ = "where bench_check keeps results (default: BENCH_OUT, or bench-runs in the root folder)"
    parser.addini("bench_out", help_, default="")


def pytest_configure(config: pytest.Config) -> None:
    """The marker that every test with the fixture gets."""
    config.addinivalue_line("markers", f'{MARKER}: checks a recommender\'s quality; leave out with -m "not {MARKER}"')


def pytest_itemcollected(item: pytest.Item) -> None:
    """Marks the tests that use the fixture, so that they can be chosen or left out."""
    if "bench_check" in getattr(item, "fixturenames", ()):
        item.add_marker(MARKER)


@dataclass(frozen=True)
class BenchCheck:
    """Compares algorithms with a stored baseline, and fails the test that calls it if the gate does.

    root: the project's; relative paths start there, and its `bench.toml` holds the policy. out: the results folder.
    """

    root: Path
    out: Path

    def __call__(
        self,
        *algorithms: str,
        suite: str,
        baseline: str | Path,
        tasks: Sequence[str] = (),
        exact: bool = False,
        **policy: Any,
    ) -> Report:
        """Run what is missing of these rows (all, if none is named) and compare; what is finished is not run again.

        suite: a name, or the path of a .toml file. exact: the exact tier. policy: fields of the gate's policy, such as
        margin="5%" or seeds=3, before those of the suite and of bench.toml. Returns the report of a check that passed.
        """
        __tracebackhide__ = True
        from filelock import FileLock

        from bench.errors import BenchError
        from bench.gate import check
        from bench.plugins import load_registries
        from bench.policy import resolve_policy
        from bench.suite import load_suite

        self.out.mkdir(parents=True, exist_ok=True)
        try:
            loaded = load_suite(self._located(suite), load_registries())
            wanted = resolve_policy(loaded.gate, policy, self.root)
            with FileLock(self.out / LOCK_FILE):  # other workers of pytest-xdist wait for their turn
                report = check(
                    loaded,
                    self.root / baseline,
                    only=algorithms,
                    tasks=tasks,
                    policy=wanted,
                    exact=exact,
                    out=self.out,
                )
        except BenchError as error:
            _fail(f"bench_check could not compare: {error}")
        if report.exit_code:
            _fail(message(report))
        for one in report.verdicts:
            if one.verdict != "pass":
                warnings.warn(f"allowed by the policy: {_line(one)}", BenchWarning, stacklevel=2)
        return report

    def _located(self, suite: str) -> str:
        return str(self.root / suite) if suite.endswith(".toml") or "/" in suite else suite


@pytest.fixture(scope="session")
def bench_check(request: pytest.FixtureRequest) -> BenchCheck:
    """Call it with the names of algorithms, a suite and a baseline; see `BenchCheck.__call__`."""
    config = request.config
    given = config.getini("bench_out") or os.environ.get("BENCH_OUT") or "bench-runs"
    return BenchCheck(config.rootpath, config.rootpath / given)


def message(report: Report) -> str:
    """What failed, in words and numbers, and what to do about it; one paragraph a kind of verdict."""
    lines = [f"{report.suite} against {report.baseline}: {report.summary()}"]
    for outcome in dict.fromkeys(one.verdict for one in report.failing):
        lines += ["", *(_line(one) for one in report.failing if one.verdict is outcome)]
        lines.append(f"  What to do: {ADVICE[str(outcome)].format(suite=report.suite.rpartition('-v')[0])}.")
    return "\n".join(lines)


def _line(verdict: Verdict) -> str:
    """One verdict: its name, its reason, then its numbers where it has any."""
    text = f"{verdict.verdict}: {verdict.name}: {verdict.reason}"
    if verdict.baseline is None or verdict.candidate is None:
        return text
    numbers = f"\n  baseline {verdict.baseline:.4f}, now {verdict.candidate:.4f}"
    if verdict.low is not None and verdict.high is not None:
        numbers += f", difference {verdict.difference:+.4f} (between {verdict.low:+.4f} and {verdict.high:+.4f})"
    return f"{text}{numbers}; {verdict.n_users} users, {verdict.n_seeds} seed{'s' * (verdict.n_seeds != 1)}"


def _fail(text: str) -> NoReturn:
    __tracebackhide__ = True
    pytest.fail(text, pytrace=False)
