"""The leak audit: what a fold's training part may tell of its test part, in numbers and in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bench import seeds
from bench.card import Strict
from bench.errors import DataError, UnknownNameError
from bench.interactions import (
    BoolArray,
    Features,
    Float64Array,
    Int32Array,
    Int64Array,
    Interactions,
    among,
    distinct,
    mask,
)
from bench.protocol.fold import Fold

LEAKS = ("pair-overlap", "validation-pair-overlap", "popularity-feature", "normalised-ratings")
"""The kinds that fail a run unless allowed by name."""
MIN_TWIN_ITEMS = 5
"""Users with fewer items may well have the same ones by chance."""
MIN_EVIDENCE = 20
"""Independent places at which a statistic must follow all rows and contradict training's: 1 in 10⁶ by chance."""
PRINTED = 6
"""Lines printed for people at most."""


class Finding(Strict):
    """What one check of the audit found; a clean check says what it looked for."""

    kind: str
    """Name of the check: "pair-overlap", "future-of-user", …"""
    severity: Literal["leak", "note", "clean"]
    """A leak makes the results wrong; a note is a property of the split to know of when reading them."""
    count: int = 0
    """How many pairs, events, items, users or columns are concerned."""
    share: float = 0.0
    """The same as a share of those looked at."""
    amount_seconds: float | None = None
    """For events: by how much they are older, the median over those concerned."""
    text: str
    """The finding in words."""


def audit(fold: Fold, *, repeats_allowed: bool = False) -> list[Finding]:
    """All findings on a fold, in a fixed order. Checks that the data has nothing for are left out.

    What counts as training is all that the final fit may use: train and validation; a pair of the history of a
    test user counts as known too. repeats_allowed: the protocol recommends items of the history again, so that
    pairs in both parts are by design. Statistics are compared over the rows of the fold: those taken before the
    filters, or over other data, are not recognised.
    """
    seen = _Seen(fold)
    return [
        _overlap("pair-overlap", "test", seen.test_pairs, seen.known_pairs, fold.train, repeats_allowed),
        *_validation_overlap(seen, repeats_allowed),
        *_time(seen),
        _late_items(seen),
        *_late_features(seen),
        _twins(seen),
        *_popularity(seen),
        *_normalised(seen),
    ]


def check_leaks(findings: Sequence[Finding], allowed: Sequence[str], where: str) -> None:
    """Raises DataError on a leak that is not among the allowed kinds, and UnknownNameError on an unknown kind.

    where: the fold, in words, for the message.
    """
    for name in allowed:
        if name not in LEAKS:
            raise UnknownNameError("leak", name, LEAKS)
    leaks = [finding for finding in findings if finding.severity == "leak" and finding.kind not in allowed]
    if leaks:
        names = ", ".join(f'"{kind}"' for kind in dict.fromkeys([*allowed, *(leak.kind for leak in leaks)]))
        found = " ".join(leak.text for leak in leaks)
        raise DataError(
            f"{where} leaks: {found} If that is meant, write allow_leaks = [{names}] into the task of the suite."
        )


def in_words(findings: Sequence[Finding]) -> list[str]:
    """What is worth printing under a leaderboard, a sentence a line: leaks, then notes, or that there are none."""
    lines = [f"audit: leak ({finding.kind}): {finding.text}" for finding in findings if finding.severity == "leak"]
    lines += [f"audit: {finding.text}" for finding in findings if finding.severity == "note"]
    if not lines:
        return [f"audit: nothing found in {len(findings)} checks."]
    left_out = len(lines) - PRINTED
    return lines if left_out <= 0 else [*lines[: PRINTED - 1], f"… and {left_out + 1} more notes in the record."]


def folds_in_words(audits: Sequence[Sequence[Finding]]) -> list[str]:
    """`in_words` of all folds of a task: every leak, and each kind of note where most is concerned."""
    if len(audits) == 1:
        return in_words(audits[0])
    placed = [
        (finding, f"fold {index + 1} of {len(audits)}: ") for index, audit in enumerate(audits) for finding in audit
    ]
    worst: dict[tuple[str, str], tuple[Finding, str]] = {}
    for finding, where in placed:
        key = (finding.kind, where if finding.severity == "leak" else finding.severity)
        if finding.severity != "clean" and (key not in worst or worst[key][0].share < finding.share):
            worst[key] = (finding, where)
    merged = [finding.model_copy(update={"text": where + finding.text}) for finding, where in worst.values()]
    return in_words(merged) if merged else [f"audit: nothing found in {len(placed)} checks of {len(audits)} folds."]


_BRIEFLY = {
    "pair-overlap": "{} of the test pairs are in training too",
    "validation-pair-overlap": "{} of the validation pairs are in training too",
    "time-unchecked": "without timestamps nobody can tell what came first",
    "future-of-user": "{} of the test events are older than training events of their user",
    "future-of-timeline": "{} of the test events are older than the newest training event",
    "late-items": "{} of the test items are not trained on",
    "late-features": "{} of the items' features come from after the cut",
    "duplicate-users": "{} of the users have a twin",
    "popularity-feature": "{} of the number features were counted over test rows too",
    "normalised-ratings": "ratings were normalised with test ratings",
}


def folds_in_brief(audits: Sequence[Sequence[Finding]]) -> str:
    """`folds_in_words` in one sentence, for where there is little room; "" without an audit."""
    worst: dict[str, Finding] = {}
    for finding in sorted((one for own in audits for one in own), key=lambda one: -one.share):
        if finding.severity != "clean":
            worst.setdefault(finding.kind, finding)
    if not worst:
        return "audit: nothing found." if audits else ""
    leaks = [f"leak ({kind})" for kind, finding in worst.items() if finding.severity == "leak"]
    texts = [_BRIEFLY.get(kind, kind).format(_percent(one.share)) for kind, one in sorted(worst.items(), key=_order)]
    return f"audit: {'; '.join([*leaks, *texts])}{' (worst fold)' if len(audits) > 1 else ''}."


def _order(found: tuple[str, Finding]) -> int:
    """That of the checks."""
    return list(_BRIEFLY).index(found[0]) if found[0] in _BRIEFLY else len(_BRIEFLY)


class _Seen:
    """The parts of a fold as the checks look at them. A pair is one number, user · n_items + item."""

    def __init__(self, fold: Fold) -> None:
        self.fold = fold
        self.trained = fold.train_and_validation
        self.n_items = max(fold.train.n_items, 1)

    @cached_property
    def train_pairs(self) -> Int64Array:
        return self._pairs(self.fold.train)

    @cached_property
    def validation_pairs(self) -> Int64Array:
        return self._pairs(self.fold.held_validation)

    @cached_property
    def test_pairs(self) -> Int64Array:
        return self._pairs(self.fold.held_test)

    @cached_property
    def known_pairs(self) -> Int64Array:
        """Distinct and sorted: trained on, or in the history of a validated or tested user."""
        known = _merged(self.train_pairs, self._pairs(self.fold.validation_history))
        return _merged(_merged(known, self.validation_pairs), self._pairs(self.fold.test_history))

    def _pairs(self, part: Interactions) -> Int64Array:
        return distinct(part.user.astype(np.int64) * self.n_items + part.item)

    @cached_property
    def is_trained_item(self) -> BoolArray:
        """bool[n_items]"""
        return mask(self.trained.item, self.fold.train.n_items)

    @cached_property
    def everything(self) -> Interactions:
        """All rows of the fold, those trained on first."""
        return self.trained.concat(self.fold.test_history).concat(self.fold.held_test)

    @cached_property
    def test_events(self) -> Interactions:
        """The held-out rows of the users that are tested."""
        tested = mask(self.fold.test.users, self.fold.train.n_users)
        return self.fold.held_test.select(tested[self.fold.held_test.user])

    @cached_property
    def older_than_timeline(self) -> Int64Array | None:
        """int64[test events]: seconds by which the newest training event is newer; None without timestamps."""
        trained, tested = self.trained.timestamp, self.test_events.timestamp
        return None if trained is None or tested is None or not len(trained) else trained.max() - tested


def _merged(left: Int64Array, right: Int64Array) -> Int64Array:
    """The union of two sorted sets; a stable sort of two runs is one pass."""
    return np.sort(np.concatenate([left, right[~among(right, left)]]), kind="stable")


def _validation_overlap(seen: _Seen, repeats_allowed: bool) -> Iterator[Finding]:
    if len(seen.validation_pairs):
        kind, train = "validation-pair-overlap", seen.fold.train
        yield _overlap(kind, "validation", seen.validation_pairs, seen.train_pairs, train, repeats_allowed)


def _overlap(
    kind: str, part: str, held: Int64Array, known: Int64Array, ids: Interactions, repeats_allowed: bool
) -> Finding:
    both = held[among(held, known)]
    if not len(both):
        return Finding(kind=kind, severity="clean", text=f"No pair of user and item is in both training and {part}.")
    user, item = (int(code) for code in divmod(int(both[0]), max(ids.n_items, 1)))
    why = " Repeats are part of this protocol." if repeats_allowed else ""
    text = (
        f"{len(both):,} of the {len(held):,} {part} pairs ({_percent(len(both) / len(held))}) are also in training, "
        f"for example user '{ids.user_ids[user]}' with item '{ids.item_ids[item]}'.{why}"
    )
    severity: Literal["leak", "note"] = "note" if repeats_allowed else "leak"
    return Finding(kind=kind, severity=severity, count=len(both), share=len(both) / len(held), text=text)


def _time(seen: _Seen) -> Iterator[Finding]:
    whole, tested, known = seen.older_than_timeline, seen.test_events, seen.trained.concat(seen.fold.test_history)
    if whole is None or tested.timestamp is None or known.timestamp is None:
        text = "There are no timestamps, so nobody can tell whether the test events came after the training events."
        yield Finding(kind="time-unchecked", severity="note", text=text)
        return
    newest = np.full(known.n_users, np.iinfo(np.int64).min)
    np.maximum.at(newest, known.user, known.timestamp)
    has_history = mask(known.user, known.n_users)[tested.user]
    own = _older(np.where(has_history, newest[tested.user], tested.timestamp) - tested.timestamp)
    yield _older_finding("future-of-user", own, "a training event of the same user", _own_verdict(own[1]))
    anybody = _older(whole)
    verdict = "models learn from what others did later."
    yield _older_finding("future-of-timeline", anybody, "the newest training event of anybody", verdict)


def _older(by: Int64Array) -> tuple[int, float, float | None]:
    """How many test events are older, their share, and the median of by how many seconds."""
    older = by[by > 0]
    return len(older), len(older) / max(len(by), 1), float(np.median(older)) if len(older) else None


def _own_verdict(share: float) -> str:
    return "this split ignores time." if share > 0.25 else "there, models know the user's future."


def _older_finding(kind: str, older: tuple[int, float, float | None], what: str, verdict: str) -> Finding:
    count, share, seconds = older
    if seconds is None:
        return Finding(kind=kind, severity="clean", text=f"No test event is older than {what}.")
    text = (
        f"{_percent(share)} of the test events are older than {what} (by a median of {_duration(seconds)}): {verdict}"
    )
    return Finding(kind=kind, severity="note", count=count, share=share, amount_seconds=seconds, text=text)


def _late_items(seen: _Seen) -> Finding:
    truth = seen.fold.test.truth.items
    distinct = np.unique(truth)
    late = ~seen.is_trained_item[distinct]
    if not late.any():
        return Finding(kind="late-items", severity="clean", text="Every test item has a training interaction.")
    in_truth = float((~seen.is_trained_item[truth]).mean())
    text = (
        f"{late.sum():,} of the {len(late):,} test items ({_percent(late.mean())}), {_percent(in_truth)} of what is "
        "to be found, have no training interaction: only item features say anything of them."
    )
    return Finding(kind="late-items", severity="note", count=int(late.sum()), share=float(late.mean()), text=text)


def _late_features(seen: _Seen) -> Iterator[Finding]:
    """Only where training and test are cut in time: elsewhere no feature is later than another."""
    features, by = seen.fold.item_features, seen.older_than_timeline
    if features is None or by is None or (by > 0).any():
        return
    described = _described(features)
    late = described & ~seen.is_trained_item & mask(seen.fold.held_test.item, len(described))
    if not late.any():
        text = "Every item with features was met before the test events began."
        yield Finding(kind="late-features", severity="clean", text=text)
        return
    new = len(_values(features, late) - _values(features, described & ~late))
    share = late.sum() / described.sum()
    values = f", and {new:,} of their tags and categories are met nowhere else" if new else ""
    text = (
        f"The features of {late.sum():,} of the {described.sum():,} items ({_percent(share)}) come from after the "
        f"cut{values}: statistics over the whole catalogue know them too early."
    )
    yield Finding(kind="late-features", severity="note", count=int(late.sum()), share=float(share), text=text)


def _described(features: Features) -> BoolArray:
    """bool[n]: whether there is any feature of each item."""
    described = np.zeros(len(features.ids), np.bool_)
    for column in features.columns.values():
        known = np.isfinite(column.values) if column.kind == "number" else [bool(value) for value in column.values]
        described |= known
    return described


def _values(features: Features, rows: BoolArray) -> set[tuple[str, str]]:
    """The tags and categories of some items, each with its column."""
    values: set[tuple[str, str]] = set()
    for name, column in features.columns.items():
        if column.kind == "category":
            values |= {(name, value) for value in column.values[rows] if value}
        elif column.kind == "tags":
            values |= {(name, tag) for tags in column.values[rows] for tag in tags}
    return values


def _twins(seen: _Seen) -> Finding:
    """By a sum of 64-bit random numbers, one an item: equal sets have equal sums, others don't in practice."""
    n_users, kind = seen.fold.train.n_users, "duplicate-users"
    pairs = _merged(seen.known_pairs, seen.test_pairs)
    user, item = pairs // seen.n_items, pairs % seen.n_items
    numbers = seeds.generator(0, "audit").integers(0, 2**64, seen.n_items, np.uint64)
    sums = np.zeros(n_users, np.uint64)
    np.add.at(sums, user, numbers[item])
    users = np.flatnonzero(np.bincount(user, minlength=n_users) >= MIN_TWIN_ITEMS)
    _, group, size = np.unique(sums[users], return_inverse=True, return_counts=True)
    twins = size[group] > 1
    if not twins.any():
        text = f"No two users with at least {MIN_TWIN_ITEMS} items have the same ones."
        return Finding(kind=kind, severity="clean", text=text)
    trained = mask(seen.trained.user, n_users)[users]
    others = np.bincount(group, trained, len(size))[group] - trained
    exposed = int((mask(seen.fold.test.users, n_users)[users] & (others > 0)).sum())
    text = (
        f"{twins.sum():,} users ({_percent(twins.mean())} of those with at least {MIN_TWIN_ITEMS} items) have exactly "
        f"the items of another user; {exposed:,} of them are test users whose twin is trained on."
    )
    return Finding(kind=kind, severity="note", count=int(twins.sum()), share=float(twins.mean()), text=text)


def _popularity(seen: _Seen) -> Iterator[Finding]:
    """Number columns that sort items or users by their count or mean rating over all rows, and not over training's."""
    leaking, n_columns = [], 0
    for axis, features in (("item", seen.fold.item_features), ("user", seen.fold.user_features)):
        numbers = {name: c for name, c in (features.columns if features else {}).items() if c.kind == "number"}
        n_columns += len(numbers)
        for what, full, train in _statistics(seen, axis) if numbers else ():
            found = [name for name, column in numbers.items() if _sorts_as(column.values, full, train)]
            leaking += [f"the {axis} feature '{name}' sorts {axis}s by their {what}" for name in found]
    if leaking:
        text = f"{'; '.join(leaking)} over all rows, those of the test included, and not by that of training."
        text, share = text[0].upper() + text[1:], len(leaking) / n_columns
        yield Finding(kind="popularity-feature", severity="leak", count=len(leaking), share=share, text=text)
    elif n_columns:
        text = "No feature is a count or a mean rating that includes the test rows."
        yield Finding(kind="popularity-feature", severity="clean", text=text)


def _statistics(seen: _Seen, axis: str) -> Iterator[tuple[str, Float64Array, Float64Array]]:
    """What it is, over all rows, over training rows: float64[n], NaN where there are none."""
    n = seen.fold.train.n_items if axis == "item" else seen.fold.train.n_users
    parts = (seen.everything, seen.trained)
    codes = [part.item if axis == "item" else part.user for part in parts]
    yield "number of interactions", _counts(codes[0], n), _counts(codes[1], n)
    full, train = (part.rating for part in parts)
    if full is not None and train is not None:
        yield "mean rating", _means(codes[0], full, n), _means(codes[1], train, n)


def _counts(codes: Int32Array, n: int) -> Float64Array:
    return np.bincount(codes, minlength=n).astype(np.float64)


def _means(codes: Int32Array, values: NDArray[np.floating], n: int) -> Float64Array:
    with np.errstate(invalid="ignore"):
        return np.asarray(np.bincount(codes, values, n) / np.bincount(codes, minlength=n), np.float64)


def _sorts_as(values: Float64Array, full: Float64Array, train: Float64Array) -> bool:
    """Whether the values never contradict the order of `full`, rising or falling, and often that of `train`."""
    usable = np.isfinite(values) & np.isfinite(full)
    values, full, train = values[usable], full[usable], train[usable]
    return bool(len(values)) and any(_follows(sign * values, full, train) for sign in (1, -1))


def _follows(values: Float64Array, full: Float64Array, train: Float64Array) -> bool:
    """Sorted by both, groups end where both rise. The evidence is of neighbouring groups between which `train` falls
    somewhere: a feature that is merely like either has no reason to side with `full` each time.
    """
    order = np.lexsort((full, values))
    values, full, train = values[order], full[order], train[order]
    tolerance = 1e-6 * np.abs(full).max()
    if (np.diff(full) < -tolerance).any():
        return False
    starts = np.flatnonzero(np.concatenate([[True], (np.diff(values) > 0) & (np.diff(full) > tolerance)]))
    highest, lowest = np.fmax.reduceat(train, starts), np.fmin.reduceat(train, starts)
    return int((lowest[1:] < highest[:-1] - tolerance).sum()) >= MIN_EVIDENCE


def _normalised(seen: _Seen) -> Iterator[Finding]:
    full, train = seen.everything.rating, seen.trained.rating
    if full is None or train is None or not len(train):
        return
    axes = ("user", "item") if _symmetric(full) else ("user", "item", "all")
    for axis in axes if _off_scale(full) else ():
        codes = [_codes(part, axis) for part in (seen.everything, seen.trained)]
        n_off, n = _centred(codes[0], full, codes[1], train, at_zero=axis == "all")
        if n_off >= (1 if axis == "all" else MIN_EVIDENCE):
            whose = (
                "all ratings have a mean of 0" if axis == "all" else f"the ratings of every {axis} have the same mean"
            )
            text = (
                f"Over all rows {whose}, and over training's they have not: they were normalised with statistics "
                "that include the test ratings."
            )
            yield Finding(kind="normalised-ratings", severity="leak", count=n_off, share=n_off / n, text=text)
            return
    text = "Ratings were not normalised with means that include the test ratings."
    yield Finding(kind="normalised-ratings", severity="clean", text=text)


def _codes(part: Interactions, axis: str) -> Int32Array:
    return {"user": part.user, "item": part.item, "all": np.zeros(len(part), np.int32)}[axis]


def _off_scale(ratings: NDArray[np.float32]) -> bool:
    """Whether at least 1 % are no multiples of 0.1: likes and dislikes as many as each other are no normalisation."""
    tenths = ratings.astype(np.float64) * 10
    return bool((np.abs(tenths - np.rint(tenths)) > 1e-3 * np.maximum(1, np.abs(tenths))).mean() >= 0.01)


def _symmetric(ratings: NDArray[np.float32]) -> bool:
    """Whether the scale has its middle at 0, where the mean may be by itself."""
    return bool(abs(ratings.max() + ratings.min()) < 1e-3 * np.abs(ratings).max())


def _centred(
    codes: Int32Array, full: NDArray[np.float32], train_codes: Int32Array, train: NDArray[np.float32], at_zero: bool
) -> tuple[int, int]:
    """How many groups have their ratings centred over all rows and not over training's, and how many have several
    different ratings; none if less than 95 % of those are centred. at_zero: the centre is 0, not any one value.
    """
    n = int(codes.max()) + 1
    spread, size = float(full.std(dtype=np.float64)), float(np.abs(full).max())
    tolerance = 1e-6 * spread if at_zero else 1e-5 * spread + 4e-7 * size
    means = _means(codes, full, n)
    varied = _means(codes, np.square(full - means[codes]), n) > (1e-3 * spread) ** 2
    centre = 0.0 if at_zero or not varied.any() else float(np.median(means[varied]))
    centred = varied & (np.abs(means - centre) <= tolerance)
    if centred.sum() < 0.95 * max(int(varied.sum()), 1):
        return 0, int(varied.sum())
    off = np.abs(_means(train_codes, train, n) - centre) > 10 * tolerance
    return int((centred & off).sum()), int(varied.sum())


def _percent(share: float) -> str:
    """Never 0 % for some nor 100 % for not quite all."""
    if 0 < share < 0.001 or 0.999 < share < 1:
        return "under 0.1 %" if share < 0.5 else "over 99.9 %"
    return f"{100 * share:.0f} %" if share in (0, 1) or 0.0995 < share < 0.995 else f"{100 * share:.1f} %"


def _duration(seconds: float) -> str:
    """In the largest unit of which there are at least two."""
    for unit, length in (("years", 31_557_600), ("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.{1 if seconds % length and seconds < 10 * length else 0}f} {unit}"
    return f"{seconds:.0f} second{'' if round(seconds) == 1 else 's'}"
