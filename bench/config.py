"""Hyperparameters: one pydantic class an algorithm, each field written once.

A field's annotation validates it, its docstring documents it, and a search range among its metadata says
how it may be tuned:

    class EASEConfig(Config):
        l2: Annotated[float, Field(gt=0), LogRange(1, 10_000)] = 500.0
        \"\"\"Ridge penalty on the item–item weights.\"\"\"
"""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from pydantic import ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from bench.card import Strict
from bench.errors import UsageError, suggestion
from bench.search import SearchRange


@dataclass(frozen=True)
class FieldInfo:
    """What `bench list algorithms NAME` shows of one hyperparameter."""

    name: str
    type: str
    default: Any
    allowed: str
    search: str
    description: str


class Config(Strict):
    """Base of every algorithm's hyperparameters. Frozen; unknown fields and out-of-range values are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, validate_default=True)

    @classmethod
    def parse(cls, owner: str, values: Mapping[str, Any]) -> Self:
        """Validate `values`; an error names the field, what is allowed and what was given, in one line."""
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            raise UsageError(describe_validation_error(owner, error, cls.model_fields)) from None

    def changed(self, **values: Any) -> Self:
        """A validated copy with some fields replaced."""
        return type(self).model_validate({**self.model_dump(), **values})

    @classmethod
    def search_space(cls) -> dict[str, SearchRange]:
        """The fields that may be tuned, by name."""
        return {
            name: item
            for name, info in cls.model_fields.items()
            for item in info.metadata
            if isinstance(item, SearchRange)
        }

    @classmethod
    def fields(cls) -> list[FieldInfo]:
        """Every field with its default, bounds, search range and documentation."""
        space, schema = cls.search_space(), cls.model_json_schema()["properties"]
        return [
            FieldInfo(
                name,
                _type_name(info.annotation),
                info.get_default(call_default_factory=True),
                _allowed(schema[name]),
                str(space.get(name, "")),
                " ".join((info.description or "").split()),
            )
            for name, info in cls.model_fields.items()
        ]


def _type_name(annotation: Any) -> str:
    text = annotation.__name__ if isinstance(annotation, type) else str(annotation)
    return text.replace("typing.", "")


def _allowed(schema: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(filter(None, (_allowed(option) for option in schema["anyOf"])))
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    low = f"[{schema['minimum']:g}" if "minimum" in schema else None
    low = f"({schema['exclusiveMinimum']:g}" if "exclusiveMinimum" in schema else low
    high = f"{schema['maximum']:g}]" if "maximum" in schema else None
    high = f"{schema['exclusiveMaximum']:g})" if "exclusiveMaximum" in schema else high
    return f"{low or '(-inf'}, {high or 'inf)'}" if low or high else ""


def describe_validation_error(owner: str, error: ValidationError, known: Mapping[str, Any]) -> str:
    """The first problem of a pydantic error as one line: what was wrong, what is allowed, what was given."""
    details = error.errors()
    line = _describe(owner, details[0], known)
    return line if len(details) == 1 else f"{line} ({len(details) - 1} more of the kind.)"


def _describe(owner: str, detail: ErrorDetails, known: Mapping[str, Any]) -> str:
    path = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        hint = suggestion(path, known) if len(detail["loc"]) == 1 else ""
        return f"{owner} has no field '{path}'.{hint}"
    if detail["type"] == "missing":
        return f"{owner} needs the field '{path}'."
    rule = detail["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return f"the field '{path}' of {owner} {rule}. Got {reprlib.repr(detail['input'])}."
