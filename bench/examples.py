"""What a few test users had, were recommended and went on to choose: the examples that are kept beside a record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import FiniteFloat

from bench import seeds
from bench.algorithm import Algorithm
from bench.batches import EvalSet, TopK
from bench.card import Strict
from bench.errors import ContractError
from bench.interactions import Features, IdArray, Int32Array
from bench.metrics import Judged
from bench.protocol.fold import Fold
from bench.reasons import Reason, ReasonKind
from bench.slices import THIRDS, thirds

N_USERS, N_ITEMS, N_LISTED, N_REASONS = 6, 12, 10, 3
"""Users; items of a history or a truth; recommended items; reasons of each."""
TITLES = ("title", "name")
"""Text features that titles are taken from, whatever their case: the first that there is."""
LONGEST_TITLE = 200


class Item(Strict):
    """An item as people know it."""

    item: str
    """Its id."""
    title: str
    """The id again where it has none; cut after 200 characters."""


class Because(Strict):
    """A reason in words; see `bench.reasons.Reason`."""

    kind: ReasonKind
    what: str
    """The id of an item or of a user, or a term."""
    title: str
    """Of an item; otherwise the same as `what`."""
    weight: FiniteFloat
    """What it adds to the score."""


class Recommended(Item):
    """An item of a list."""

    score: float
    hit: bool
    """Whether it is relevant."""
    why: list[Because] | None = None
    """The reasons that weigh most, the highest first; None where the algorithm cannot say."""
    n_reasons: int = 0
    """How many reasons there are: the weights of all of them sum to the score."""


class Example(Strict):
    """A test user."""

    user: str
    activity: str
    """Which third of the test users they are in by the length of their history: low, middle or high."""
    history: list[Item]
    """The newest items of what was known of the user, the newest first."""
    n_history: int
    """How many there are."""
    truth: list[Item]
    """The first of the relevant items."""
    n_truth: int
    recommended: list[Recommended]
    """The first of the list, best first."""


class Examples(Strict):
    """A few users of a fold, the same for every algorithm."""

    users: list[Example]


def examples_of(
    algorithm: Algorithm[Any], name: str, fold: Fold, judged: Judged, seed: int
) -> tuple[Examples, list[str]]:
    """Of some of the fold's test users, and what there is to say of it.

    An algorithm that fails to explain costs no result: its lists are kept without reasons, and a sentence says why.
    """
    rows = sample(fold.test, seed)
    try:
        reasons = [_explained(algorithm, name, fold.test.slice(row, row + 1), judged.topk, row) for row in rows]
        return _examples(fold, judged, rows, reasons), []
    except Exception as error:  # a plugin's own, whatever it is
        problem = f"why items were recommended is not known: {type(error).__name__}: {' '.join(str(error).split())}"
        return _examples(fold, judged, rows, [None] * len(rows)), [problem]


def _examples(
    fold: Fold, judged: Judged, rows: Sequence[int], reasons: Sequence[Sequence[Sequence[Reason]] | None]
) -> Examples:
    """reasons: of each of the rows' items. Raises what it may for reasons that cannot be put into words."""
    told, activity = _Told(fold), thirds(fold.test.history.lengths.astype(np.float64))
    together = zip(rows, reasons, strict=True)
    return Examples(users=[told.example(fold.test, judged, row, THIRDS[activity[row]], own) for row, own in together])


def sample(test: EvalSet, seed: int) -> list[int]:
    """Rows of a few test users, drawn in turn from those with short, middling and long histories; in that order."""
    drawn = seeds.generator(seed, "examples").permutation(len(test))
    third = thirds(test.history.lengths.astype(np.float64))[drawn]
    turn = np.empty(len(drawn), np.int64)
    for code in range(len(THIRDS)):
        turn[third == code] = np.arange((third == code).sum())
    chosen = np.lexsort((third, turn))[:N_USERS]
    rows: list[int] = drawn[chosen[np.argsort(third[chosen], kind="stable")]].tolist()
    return rows


def _explained(algorithm: Algorithm[Any], name: str, user: EvalSet, topk: TopK, row: int) -> list[list[Reason]] | None:
    items = _listed(topk, row)
    reasons = algorithm.explain(user.batch, items)
    if reasons is not None and len(reasons) != len(items):
        raise ContractError(f"'{name}' must give a list of reasons for each of {len(items)} items. Got {len(reasons)}.")
    return reasons


def _listed(topk: TopK, row: int) -> Int32Array:
    items = topk.items[row, :N_LISTED]
    return items[items >= 0]


class _Told:
    """Puts codes into words."""

    def __init__(self, fold: Fold) -> None:
        self.user_ids, self.item_ids = fold.train.user_ids, fold.train.item_ids
        self.titles = titles(fold.item_features, self.item_ids)

    def example(
        self, test: EvalSet, judged: Judged, row: int, activity: str, reasons: Sequence[Sequence[Reason]] | None
    ) -> Example:
        history, truth, listed = test.history.row(row), test.truth.row(row), _listed(judged.topk, row)
        whys = reasons if reasons is not None else [None] * len(listed)
        return Example(
            user=str(self.user_ids[test.users[row]]),
            activity=activity,
            history=[self.item(code) for code in history[::-1][:N_ITEMS]],
            n_history=len(history),
            truth=[self.item(code) for code in truth[:N_ITEMS]],
            n_truth=len(truth),
            recommended=[
                Recommended(
                    **self.item(code).model_dump(),
                    score=float(judged.topk.scores[row, rank]),
                    hit=bool(judged.hits[row, rank]),
                    why=None if why is None else [self.because(reason) for reason in why[:N_REASONS]],
                    n_reasons=len(why or ()),
                )
                for rank, (code, why) in enumerate(zip(listed, whys, strict=True))
            ],
        )

    def item(self, code: int) -> Item:
        return Item(item=str(self.item_ids[code]), title=self.titles[code])

    def because(self, reason: Reason) -> Because:
        if isinstance(reason.what, str):
            what = title = reason.what
        elif reason.kind == "item":
            what, title = str(self.item_ids[reason.what]), self.titles[reason.what]
        else:
            what = title = str(self.user_ids[reason.what])
        return Because(kind=reason.kind, what=what, title=title, weight=reason.weight)


def titles(features: Features | None, ids: IdArray) -> list[str]:
    """A title for each item: that of a text feature called title or name, or the id. features: aligned with the ids."""
    texts = {} if features is None else {n.lower(): c for n, c in features.columns.items() if c.kind == "text"}
    column = next((texts[name] for name in TITLES if name in texts), None)
    if column is None:
        return [str(own) for own in ids]
    return [_cut(str(text).strip()) or str(own) for text, own in zip(column.values, ids, strict=True)]


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_TITLE else f"{text[:LONGEST_TITLE]}…"
