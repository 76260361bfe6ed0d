"""What a record says of the command that made it."""

from __future__ import annotations

import sys

import pytest

from bench.invocation import this_command, without_passwords


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("http://me:s3cret@host:5000/a@b", "http://me:***@host:5000/a@b"),
        ("postgresql+psycopg://u:p%40ss@db/mlflow", "postgresql+psycopg://u:***@db/mlflow"),
        ("http://host:5000", "http://host:5000"),
        ("sqlite:////a:b@c.db", "sqlite:////a:b@c.db"),
    ],
)
def test_passwords_of_urls_are_blanked_out(given: str, said: str) -> None:
    assert without_passwords(given) == said


def test_the_command_can_be_typed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", "run", "--suite", "my suite.toml", "--tracking-uri", "http://a:b@c"])
    assert this_command() == "bench run --suite 'my suite.toml' --tracking-uri 'http://a:***@c'"
