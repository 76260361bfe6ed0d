"""A data set's card: what it is, where its bytes come from, and how they are verified."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Strict(BaseModel):
    """Base of every file format we read: unknown fields are errors, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Card(Strict):
    """Identity of a data set. Anything that changes its content bumps `version`."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=80)
    version: int = Field(ge=1)
    title: str
    description: str
    licence: str
    citation: str
    homepage: str
