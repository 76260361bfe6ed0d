"""The exact tier: what may differ where."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bench.gate.exact import judge_exactly
from bench.gate.judge import Item, Paired, pair
from bench.gate.measured import Measured
from bench.gate.verdict import Verdict
from bench.policy import Outcome, Policy
from bench.records import Environment

VALUES = [0.1, 0.5, 0.9, 0.4]


def environment(**changed: Any) -> Environment:
    values = {"python": "3.11", "platform": "p", "processor": "one", "cores": 2, "memory_bytes": 1, "device": "cpu"}
    return Environment.model_validate({**values, "device_name": "d", "threads": 1, "packages": {}, **changed})


def judged(
    make_run: Any, now: list[float], *, seeded: bool = False, others: float = 0.5, **machine: Any
) -> list[Verdict]:
    """Of values now beside VALUES; others: the mean of another metric, 0.5 in the baseline."""
    sides = [
        Measured.of(
            [
                make_run(
                    "row",
                    per_user={"ndcg@10": own},
                    metrics={"coverage@10": other},
                    seeded=seeded,
                    environment=environment(**where),
                    day=day,
                )
            ],
            ["ndcg@10"],
        )
        for day, (own, other, where) in enumerate([(VALUES, 0.5, {}), (now, others, machine)], 1)
    ]
    one = pair(sides[0], sides[1], Item("holdout", "row", "ndcg@10"))
    assert isinstance(one, Paired)
    return judge_exactly(sides[0], sides[1], [one], Policy())


def test_the_first_user_that_differs_is_named(make_run: Any) -> None:
    (verdict,) = judged(make_run, [0.1, 0.5, 0.8, 0.3], others=0.7)
    assert verdict.verdict is Outcome.CHANGED
    assert verdict.reason == "2 of 4 users differ; the first is 'u2': 0.9 → 0.8"


def test_a_last_bit_is_tolerated(make_run: Any) -> None:
    (verdict,) = judged(make_run, [0.1, 0.5, 0.9 + 1e-12, 0.4])
    assert verdict.verdict is Outcome.PASS


def test_a_user_without_a_value_differs(make_run: Any) -> None:
    (verdict,) = judged(make_run, [0.1, 0.5, float("nan"), 0.4])
    assert (verdict.verdict, "'u2': 0.9 → nan" in verdict.reason) == (Outcome.CHANGED, True)


@pytest.mark.parametrize(
    ("seeded", "machine", "outcome"),
    [
        (True, {"processor": "another"}, Outcome.PASS),
        (True, {"packages": {"torch": "9"}}, Outcome.PASS),
        (True, {"packages": {"recsys-bench": "9"}, "cores": 64}, Outcome.CHANGED),
        (True, {}, Outcome.CHANGED),
        (False, {"processor": "another"}, Outcome.CHANGED),
    ],
)
def test_training_may_go_another_way_on_another_machine(
    make_run: Any, seeded: bool, machine: dict[str, Any], outcome: Outcome
) -> None:
    (verdict,) = judged(make_run, [0.5, 0.1, 0.9, 0.401], seeded=seeded, **machine)
    assert verdict.verdict is outcome


def test_far_off_is_too_far_on_another_machine_too(make_run: Any) -> None:
    (verdict,) = judged(make_run, [0.1, 0.5, 0.9, 0.5], seeded=True, processor="another")
    assert verdict.verdict is Outcome.CHANGED
    assert "the mean is off by 0.025 of 0.0095 allowed" in verdict.reason


def test_another_metric_of_the_same_lists_is_looked_at_too(make_run: Any) -> None:
    first, second = judged(make_run, VALUES, others=0.6)
    assert (first.verdict, second.verdict) == (Outcome.PASS, Outcome.CHANGED)
    assert (second.metric, second.baseline, second.candidate) == ("coverage@10", 0.5, 0.6)
    assert np.isclose(second.margin or 0, 1e-9)
