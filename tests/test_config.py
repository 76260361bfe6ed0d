"""One declaration validates, documents and spans the search space; errors name what is allowed."""

from typing import Annotated, Literal

import optuna
import pytest
from pydantic import Field

from bench.config import Config
from bench.errors import UsageError
from bench.search import Choice, FloatRange, IntRange, LogRange


class Knobs(Config):
    l2: Annotated[float, Field(gt=0), LogRange(1, 1000)] = 10.0
    """Ridge penalty."""
    k: Annotated[int, Field(ge=1), IntRange(5, 50)] = 20
    """Neighbours."""
    similarity: Annotated[Literal["cosine", "jaccard"], Choice("cosine", "jaccard")] = "cosine"
    """How alike."""
    seeded: bool = True
    """Not tuned."""


def test_a_mistyped_field_gets_the_nearest_name() -> None:
    with pytest.raises(
        UsageError, match=r"'mine' has no field 'l3'. Did you mean 'l2'\? Known: k, l2, seeded, similarity"
    ):
        Knobs.parse("'mine'", {"l3": 1})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"k": -3}, r"the field 'k' of 'mine' should be greater than or equal to 1. Got -3."),
        ({"l2": 0}, r"the field 'l2' of 'mine' should be greater than 0. Got 0."),
        ({"similarity": "cosin"}, r"the field 'similarity' of 'mine' should be 'cosine' or 'jaccard'. Got 'cosin'."),
        ({"k": "many"}, r"the field 'k' of 'mine' should be a valid integer.*Got 'many'."),
    ],
)
def test_bad_values_say_what_is_allowed_and_what_was_given(values: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Knobs.parse("'mine'", values)


def test_fields_show_default_bounds_range_and_docs() -> None:
    fields = {field.name: field for field in Knobs.fields()}
    assert (fields["l2"].default, fields["l2"].allowed, fields["l2"].search) == (10.0, "(0, inf)", "1 … 1000 (log)")
    assert fields["k"].description == "Neighbours."
    assert fields["similarity"].allowed == "cosine | jaccard"
    assert fields["seeded"].search == ""


def test_the_search_space_is_the_declaration() -> None:
    trial = optuna.trial.FixedTrial({"l2": 3.0, "k": 7, "similarity": "jaccard"})
    values = {name: search.suggest(trial, name) for name, search in Knobs.search_space().items()}
    assert values == {"l2": 3.0, "k": 7, "similarity": "jaccard"}


def test_changed_is_validated() -> None:
    assert Knobs().changed(k=5) == Knobs(k=5)
    with pytest.raises(ValueError, match="greater than or equal"):
        Knobs().changed(k=0)


@pytest.mark.parametrize("make", [lambda: IntRange(3, 1), lambda: FloatRange(0, 1, log=True), lambda: Choice()])
def test_impossible_ranges_are_refused(make) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UsageError):
        make()
