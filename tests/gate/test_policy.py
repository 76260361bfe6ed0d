"""The gate's policy: what may be written, and which file wins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench.errors import UsageError
from bench.policy import Margin, Outcome, Policy, parse_margin, parse_policy, resolve_policy


@pytest.mark.parametrize(("text", "of_half"), [("2%", 0.01), ("0.5 %", 0.0025), (0.03, 0.03), ("0.03", 0.03)])
def test_a_margin_is_a_share_of_the_mean_or_a_number(text: object, of_half: float) -> None:
    assert parse_margin(text).of(0.5) == pytest.approx(of_half)
    assert parse_margin(text).of(-0.5) == pytest.approx(of_half)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"margin": "0"}, "the field 'margin' of the gate should be a share of the baseline's mean"),
        ({"margin": -1}, r"or a positive number\. Got -1\.$"),
        ({"margin": "two"}, r"Got 'two'\.$"),
        ({"margin": True}, r"Got True\.$"),
        ({"margins": {"ndcg@10": "nan"}}, r"margins\.ndcg@10"),
        ({"margn": "2%"}, r"has no field 'margn'\. Did you mean 'margin'\?"),
        ({"fail_on": ["suspicious"]}, r"should hold 'regressed' and may hold what else can fail"),
        ({"fail_on": ["regressed", "pass"]}, r"should hold 'regressed'"),
        ({"alpha": 0.5}, "alpha"),
    ],
)
def test_what_is_wrong_is_named(values: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_policy("the gate", values)


def test_the_working_folder_wins_over_the_suite_and_the_command_line_over_both(tmp_path: Path) -> None:
    suite = Policy.model_validate({"margin": "1%", "seeds": 3, "alpha": 0.1})
    (tmp_path / "bench.toml").write_text('[gate]\nmargin = 0.5\nseeds = 5\nfail_on = ["regressed"]\n')
    policy = resolve_policy(suite, {"seeds": 7}, tmp_path)
    assert (policy.margin, policy.seeds, policy.alpha) == (Margin(0.5, False), 7, 0.1)
    assert policy.fail_on == [Outcome.REGRESSED]
    assert resolve_policy(None, {}, tmp_path / "none") == Policy()


def test_a_wrong_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "bench.toml").write_text("[gates]\n")
    with pytest.raises(UsageError, match=r"bench\.toml has no field 'gates'\. Did you mean 'gate'\?"):
        resolve_policy(None, {}, tmp_path)
    (tmp_path / "bench.toml").write_text("[gate\n")
    with pytest.raises(UsageError, match=r"cannot read .*bench\.toml"):
        resolve_policy(None, {}, tmp_path)
