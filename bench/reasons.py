"""Why an item was recommended, where an algorithm can say exactly: the parts that its score is the sum of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

ReasonKind = Literal["item", "user", "term"]


@dataclass(frozen=True)
class Reason:
    """One part of an item's score.

    kind and what it implies: "item" an item of the user's history, by its code; "user" a training user who has the
    recommended item, by their code; "term" what the item's features have in common with the history, in words.
    weight: what it adds to the score; below 0 it speaks against the item.
    """

    kind: ReasonKind
    what: int | str
    weight: float


def reasons(kind: ReasonKind, what: Sequence[int | str] | NDArray[Any], weights: NDArray[Any]) -> list[Reason]:
    """A reason for each weight, float[n], that is not 0; the highest first, and equal ones in the given order."""
    order = np.argsort(-weights, kind="stable")
    names = what.tolist() if isinstance(what, np.ndarray) else what
    return [Reason(kind, names[at], float(weights[at])) for at in order if weights[at]]
