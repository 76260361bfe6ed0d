"""One small typed registry: names to objects, lazily imported from "module:attribute"."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Generic, TypeVar

from bench.errors import BenchError, UnknownNameError

T = TypeVar("T")


class RegistryError(BenchError):
    """A name was registered twice, or what it points to is not what the registry holds."""


class Registry(Generic[T]):
    """Names of one kind of thing (algorithms, metrics, …), each resolved when first used.

    kind: the word used in errors. base: what a resolved object must be: a subclass of it, or an instance.
    """

    def __init__(self, kind: str, base: type) -> None:
        self.kind, self.base = kind, base
        self._targets: dict[str, str | T] = {}
        self._origins: dict[str, str] = {}

    def add(self, name: str, target: str | T, *, origin: str) -> None:
        """Register `target`, an object or "module:attribute". `origin` says whose it is.

        Raises RegistryError if the name is taken, naming both sides.
        """
        if name in self._targets:
            raise RegistryError(
                f"the {self.kind} '{name}' is already registered by {self._origins[name]} "
                f"({self._targets[name]}); {origin} registers it again ({target})."
            )
        self._targets[name], self._origins[name] = target, origin

    def get(self, name: str) -> T:
        """The object behind a name. Raises UnknownNameError with the nearest valid name."""
        if name not in self._targets:
            raise UnknownNameError(self.kind, name, self._targets)
        target = self._targets[name]
        if isinstance(target, str):
            self._targets[name] = target = self._resolve(name, target)
        return target

    def _resolve(self, name: str, target: str) -> T:
        module, _, attribute = target.partition(":")
        try:
            resolved: T = getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            origin = self._origins[name]
            raise RegistryError(f"the {self.kind} '{name}' of {origin} cannot be loaded: {error}.") from error
        is_subclass = isinstance(resolved, type) and issubclass(resolved, self.base)
        if not (is_subclass or isinstance(resolved, self.base)):
            raise RegistryError(
                f"the {self.kind} '{name}' of {self._origins[name]} must be a {self.base.__name__}. Got {resolved!r}."
            )
        return resolved

    def remove(self, name: str) -> None:
        """Forget a name, for one who registered it and then failed."""
        del self._targets[name], self._origins[name]

    def origin(self, name: str) -> str:
        """Who registered the name."""
        return self._origins[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._targets)

    def __contains__(self, name: object) -> bool:
        return name in self._targets

    def __len__(self) -> int:
        return len(self._targets)
