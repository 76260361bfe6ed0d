"""Margins and seeds from runs of an unchanged algorithm."""

from __future__ import annotations

import numpy as np
import pytest

from bench.errors import UsageError
from bench.gate.calibration import Proposal, Rates, propose, rates
from bench.interactions import Float64Array


def values(seeds_sd: float, n_seeds: int = 8, n_users: int = 300) -> Float64Array:
    rng = np.random.default_rng(1)
    users = rng.beta(2, 3, (n_users, 1))
    return users + rng.normal(0, seeds_sd, (1, n_seeds)) + rng.normal(0, 0.02, (n_users, n_seeds))


def test_noisier_seeds_need_wider_margins_and_false_alarms_stay_rare() -> None:
    quiet, noisy = (rates("t", "r", "m", values(sd), 0.05, trials=60) for sd in (0.0002, 0.01))
    assert [one.n_seeds for one in quiet] == [2, 3, 4]
    for less, more in zip(quiet[1:], noisy[1:], strict=True):
        assert less.margin is not None and more.margin is not None and less.margin < more.margin
        assert less.passes >= 0.9 and less.false_alarms <= 0.1 and less.caught >= 0.8
    margins = [one.margin for one in noisy if one.margin is not None]
    assert margins == sorted(margins, reverse=True), "more seeds need less"


def test_the_same_runs_give_the_same_rates() -> None:
    assert rates("t", "r", "m", values(0.01), 0.05, trials=5) == rates("t", "r", "m", values(0.01), 0.05, trials=5)


def test_two_sets_of_two_seeds_are_needed() -> None:
    with pytest.raises(UsageError, match=r"two sets of two seeds or more\. Got 3 seeds of 'r'\."):
        rates("t", "r", "m", values(0.01, n_seeds=3), 0.05)


def test_one_margin_has_to_do_for_all() -> None:
    found = [Rates("t", row, "m", n, margin) for row, n, margin in [("a", 2, 0.1), ("b", 2, None), ("a", 3, 0.05)]]
    assert propose(found) == Proposal(3, 0.05)
    assert propose([*found, Rates("t", "b", "m", 3, 0.1), Rates("t", "b", "m", 4, 0.1)]) == Proposal(3, 0.1)
    assert propose(found[:2]) is None
    assert Proposal(3, 0.075).toml() == '[gate]\nseeds = 3\nmargin = "7.5%"'
