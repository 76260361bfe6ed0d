"""A check: which rows can be judged, running what is missing of them, and a verdict on each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.errors import NoVerdictError, UnknownNameError
from bench.gate import baseline as baselines
from bench.gate.exact import judge_exactly
from bench.gate.jobs import Running, results_of
from bench.gate.judge import Item, Paired, judge, pair
from bench.gate.measured import Measured, Protocol
from bench.gate.verdict import Report, Verdict
from bench.plugins import Registries, load_registries
from bench.policy import Outcome, Policy, resolve_policy
from bench.records import Status
from bench.running.folds import PreparedFold
from bench.running.plan import Job, Request
from bench.store import Stored
from bench.suite import Suite, load_suite


@dataclass(frozen=True, eq=False)
class Candidate:
    """The suite as it is now. rows: its rows' names by those of the baseline, which `changes` may have renamed."""

    suite: Suite
    rows: Mapping[str, str]

    @classmethod
    def of(cls, suite: Suite, only: Sequence[str], tasks: Sequence[str], changes: Sequence[str]) -> Candidate:
        """changes: "row.field=value"; the changed row is compared with the baseline's of its old name."""
        chosen = suite.select(list(only), list(tasks))
        changed = chosen.override(list(changes))
        return cls(changed, dict(zip(chosen.algorithms, changed.algorithms, strict=True)))


def check(
    suite: str | Suite,
    baseline: str | Path,
    *,
    only: Sequence[str] = (),
    tasks: Sequence[str] = (),
    changes: Sequence[str] = (),
    seeds: int | None = None,
    policy: Policy | None = None,
    exact: bool = False,
    out: str | Path | None = None,
    running: Running | None = None,
) -> Report:
    """Compare a suite's results now with a baseline; jobs that are finished under `out` are not run again.

    suite: a name, a .toml file, or a suite. baseline: the folder of one. only, tasks: these rows and tasks alone.
    changes: "row.field=value". seeds: how often an algorithm that depends on its seed is trained; by default what the
    policy says, or as often as in the baseline. policy: by default that of the suite and of `bench.toml` in the
    working folder. exact: the exact tier. A baseline that is missing or of another protocol is no error: it gives
    verdicts that say so.

    Raises:
        UsageError: a name or a parameter is wrong, or the results folder is in use.
        DataError: the data cannot be had.
    """
    registries = load_registries()
    loaded = load_suite(suite, registries) if isinstance(suite, str) else suite
    policy = policy or resolve_policy(loaded.gate, {})
    candidate = Candidate.of(loaded, only, tasks, changes)
    candidate.suite.check(registries)
    running = running or Running()
    running = running if out is None else replace(running, out=Path(out))
    checking = _Check(candidate, policy, 1 if exact else seeds or policy.seeds, exact, running, registries)
    checking.require_known_metrics()
    try:
        stored = baselines.load(Path(baseline))
    except NoVerdictError as error:
        verdicts = checking.without(str(error))
    else:
        verdicts = checking.against(stored, whole=not (only or tasks))
    return Report(loaded.label, str(baseline), exact, policy, tuple(verdicts))


@dataclass(frozen=True, eq=False)
class _Check:
    candidate: Candidate
    policy: Policy
    seeds: int | None
    exact: bool
    running: Running
    registries: Registries

    def require_known_metrics(self) -> None:
        """Raises UnknownNameError if the policy names a metric that the suite has on no task."""
        suite = self.candidate.suite
        known = {one.label for task in suite.tasks for one in suite.metrics_of(task, self.registries)}
        for label in (*self.policy.metrics, *self.policy.margins):
            if label not in known:
                raise UnknownNameError(f"gated metric of {suite.label}", label, known)

    def metrics(self, task: str) -> list[str]:
        """What is gated on a task."""
        suite = self.candidate.suite
        known = {metric.label for metric in suite.metrics_of(task, self.registries)}
        wanted = self.policy.metrics or [suite.primary_of(task, self.registries).label]
        return [label for label in wanted if label in known]

    def items(self) -> list[Item]:
        """Everything of the suite that is gated."""
        suite = self.candidate.suite
        return [
            Item(task, row, metric)
            for task in suite.tasks
            for row, name in self.candidate.rows.items()
            if name in suite.rows_of(task, self.registries)
            for metric in self.metrics(task)
        ]

    def without(self, reason: str) -> list[Verdict]:
        """No verdict on anything, for one reason."""
        return [item.verdict(Outcome.NO_VERDICT, reason) for item in self.items()]

    def against(self, baseline: Measured, whole: bool) -> list[Verdict]:
        """Verdicts on everything of the suite and, if all of it is checked, of the baseline."""
        suite = self.candidate.suite
        if baseline.contents.suite != suite.label:
            return self.without(f"the baseline is of {baseline.contents.suite}, and this is {suite.label}")
        items = self.items()
        folds = self.running.folds_of(suite, self.registries)
        problems = self._problems(baseline, folds)
        open_ = [item for item in items if (item.task, item.row) not in problems]
        results = self._run(baseline, folds, {(item.task, item.row) for item in open_})
        problems |= _failures(results, self.candidate)
        verdicts = [
            item.verdict(Outcome.NO_VERDICT, reason, failed=failed)
            for item in items
            if (item.task, item.row) in problems
            for reason, failed in [problems[item.task, item.row]]
        ]
        judged = self._judge(baseline, results, [item for item in open_ if (item.task, item.row) not in problems])
        gone = _gone(baseline, items) if whole else []
        order = {item: at for at, item in enumerate(items)}
        found = [*verdicts, *judged, *gone]
        found.sort(key=lambda one: order.get(Item(one.task, one.algorithm, one.metric), len(order)))
        return found

    def _problems(
        self, baseline: Measured, folds: Mapping[str, Sequence[PreparedFold]]
    ) -> dict[tuple[str, str], tuple[str, bool]]:
        """By (task, row) why it cannot be compared, and whether a job failed."""
        suite, found = self.candidate.suite, {}
        for task, prepared in folds.items():
            primary = suite.primary_of(task, self.registries).label
            here = Protocol.of(prepared[0].dataset_ref, prepared[0].ref, suite.final_fit, primary)
            before = baseline.contents.protocols.get(task)
            change = before.change(here) if before else f"the baseline has no task '{task}'"
            for row in self.candidate.rows:
                missing = (
                    None
                    if baseline.runs(task, row)
                    else "not in the baseline: save it again, or check others with --only"
                )
                if change or missing:
                    found[task, row] = (change or missing or "", False)
        return found

    def _run(
        self, baseline: Measured, folds: Mapping[str, Sequence[PreparedFold]], wanted: set[tuple[str, str]]
    ) -> list[Stored]:
        """The results of the rows, run where they are missing. Of each row the seeds that the baseline has."""
        if not wanted:
            return []
        suite, running = self.candidate.suite, self.running
        names = {(task, self.candidate.rows[row]): (task, row) for task, row in wanted}
        seeds = {key: {run.seed for run in baseline.runs(*place).values()} for key, place in names.items()}
        last = max(seed for own in seeds.values() for seed in own)
        request = Request(self.seeds or max(1, last - suite.seed + 1), running.settings, command=running.command)
        return results_of(suite, folds, self.registries, request, running, lambda job: _pairs(job, seeds))

    def _judge(self, baseline: Measured, results: Sequence[Stored], items: Sequence[Item]) -> list[Verdict]:
        if not items:
            return []
        old = {name: row for row, name in self.candidate.rows.items()}
        metrics = list(dict.fromkeys(item.metric for item in items))
        fine = [run for run in results if run.record.status is Status.OK]
        if not fine:
            return [item.verdict(Outcome.NO_VERDICT, "no job of it has a seed of the baseline") for item in items]
        candidate = Measured.of([_named(run, old[run.record.row]) for run in fine], metrics)
        found = [pair(baseline, candidate, item) for item in items]
        pairs = [one for one in found if isinstance(one, Paired)]
        verdicts = [one for one in found if isinstance(one, Verdict)]
        if self.exact:
            return [*verdicts, *judge_exactly(baseline, candidate, pairs, self.policy)]
        return [*verdicts, *judge(pairs, self.policy)]


def _pairs(job: Job, seeds: Mapping[tuple[str, str], set[int]]) -> bool:
    """Whether the baseline has something to compare the job with; one that has no seed stands for all seeds.

    seeds: those of the baseline by (task, row).
    """
    own = seeds.get((job.task, job.row), set())
    return bool(own) and (job.seed in own or not job.seeded)


def _named(run: Stored, row: str) -> Stored:
    """Under the name that the row has in the baseline."""
    return Stored(run.path, run.record.model_copy(update={"row": row}))


def _failures(results: Sequence[Stored], candidate: Candidate) -> dict[tuple[str, str], tuple[str, bool]]:
    old = {name: row for row, name in candidate.rows.items()}
    found = {}
    for run in results:
        record = run.record
        if record.status is not Status.OK:
            reason = f"the job ended as '{record.status}': {record.reason.strip().partition(chr(10))[0]}"
            found[record.task, old[record.row]] = (reason, record.status is not Status.UNMET_NEED)
    return found


def _gone(baseline: Measured, items: Sequence[Item]) -> list[Verdict]:
    """Rows of the baseline that the suite has no more: what is not checked any more must not pass by silence."""
    here = {(item.task, item.row) for item in items}
    return [
        Verdict(
            row, task, baseline.contents.protocols[task].primary_metric, Outcome.NO_VERDICT, "the suite has it no more"
        )
        for task, row in baseline.rows()
        if (task, row) not in here
    ]
