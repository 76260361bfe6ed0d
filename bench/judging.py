"""Recommendations and predicted ratings made elsewhere, as the `Judged` and `Rated` that the harness makes of its own.

What the files leave open is decided here once, and said in a note: ties, gaps, users on one side only, the
catalogue, items the user already had.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from bench.batches import TopK
from bench.errors import DataError, UsageError
from bench.evaluation import describe, evaluate
from bench.interactions import BoolArray, Float64Array, Int64Array, ItemLists, among, distinct
from bench.lists import Pairs, PredictedRows, RankedRows
from bench.metrics.base import Evidence, Metric
from bench.metrics.judged import Background, Judged, Rated
from bench.records import MetricValue
from bench.seeds import tie_order

TIE_SEED = 0
"""Files carry no seed, so ties are broken by the same hash of the item for everybody."""


@dataclass(frozen=True, eq=False)
class Setting:
    """What was known before the lists were made, and what could be in them.

    train: gives popularity and histories. history: more of what is known of users, which is not trained on and does
    not count in popularity. candidates: all that could be recommended to each user; None for the rule: everything
    but the history, or with `repeats` everything.
    """

    train: Sequence[Pairs] = ()
    history: Sequence[Pairs] = ()
    candidates: Pairs | None = None
    repeats: bool = False

    def __post_init__(self) -> None:
        if self.candidates is not None and self.repeats:
            raise UsageError("candidates are all that may be recommended, so repeats go without them. Got both.")

    @property
    def files(self) -> list[Pairs]:
        """All of them, in the order of the fields."""
        return [*self.train, *self.history, *([] if self.candidates is None else [self.candidates])]

    @property
    def refused(self) -> str:
        """What items are that could not be recommended to a user, in notes."""
        if self.candidates is not None:
            return "not among the candidates"
        return "training data or history" if self.history else "training data"


@dataclass(frozen=True, eq=False)
class Outside:
    """Lists and truth of every user of either file, and what was decided on the way.

    cut: bool[b], whose list does not show every relevant candidate. short: bool[b], the cut lists that are full and
    hold fewer candidates than the user has relevant items. Both are None where no rank was looked for.
    """

    judged: Judged
    notes: list[str]
    cut: BoolArray | None = None
    short: BoolArray | None = None


@dataclass(frozen=True, eq=False)
class _Rows:
    """Recommendations as codes, user by user, best first. user, item, place: int64[n], the place in the list from 0;
    score: float64[n]; pair: int64[n], one number a user-item pair.
    """

    user: Int64Array
    item: Int64Array
    place: Int64Array
    score: Float64Array
    pair: Int64Array

    def __getitem__(self, kept: BoolArray) -> _Rows:
        return _Rows(self.user[kept], self.item[kept], self.place[kept], self.score[kept], self.pair[kept])


@dataclass(frozen=True, eq=False)
class _Known:
    """The pairs of a `Setting` as codes, each once and sorted.

    trained: of the training data; had: of the history too; listed: of the candidates, None for the rule.
    """

    trained: Int64Array
    had: Int64Array
    listed: Int64Array | None
    repeats: bool

    def refuses(self, pairs: Int64Array) -> BoolArray:
        """bool[n]: which pairs could not be recommended."""
        if self.listed is not None:
            return ~among(pairs, self.listed)
        return np.zeros(len(pairs), np.bool_) if self.repeats else among(pairs, self.had)


def judge(
    recommended: RankedRows,
    truth: Pairs,
    setting: Setting,
    k: int,
    n_items: int | None = None,
    *,
    ranked: bool = False,
) -> Outside:
    """Lists of length k and their truth, and with training data the background.

    Users of the truth without recommendations get an empty list, which scores 0. Users of the
    recommendations without truth get an empty truth, for which metrics are undefined. n_items: the size of
    the catalogue; by default, the items of all files. ranked: whether to find the ranks of the relevant items
    too, in the whole lists as they are given. Only candidates count in a rank; an item that its user's list does
    not hold has none.

    Raises DataError on a pair recommended twice, or if the files share no user; UsageError on an `n_items`
    smaller than what the files hold.
    """
    files = [truth, recommended.pairs, *setting.files]
    user_codes = _encoded([part.user for part in files])[1]
    items, item_codes = _encoded([part.item for part in files])
    catalogue = _catalogue(len(items), n_items)
    wanted, listed, *rest = (u * len(items) + i for u, i in zip(user_codes, item_codes, strict=True))
    _check_unique(listed, recommended.pairs, "recommendations")
    n_users = int(max(user_codes[0].max(), user_codes[1].max())) + 1
    has_truth, has_list = (np.bincount(codes, minlength=n_users) > 0 for codes in user_codes[:2])
    if not (has_list & has_truth).any():
        raise DataError(
            "the recommendations and the truth must have users in common, with ids written alike. "
            f"Got users such as '{recommended.pairs.user[0]}' and '{truth.user[0]}'."
        )
    relevant, known = distinct(wanted), _known(setting, rest)
    rows, order_notes = _ordered(user_codes[1], item_codes[1], listed, recommended, items)
    truth_lists = _item_lists(relevant, n_users, catalogue, len(items))
    if not ranked:
        rows = rows[rows.place < k]
    refused, unreachable = known.refuses(rows.pair), known.refuses(relevant)
    background = _background(known, n_users, catalogue, len(items)) if setting.train else None
    ranks = _ranks(relevant, rows.pair[~refused], len(items)) if ranked else None
    width = max(k, _telling_length(rows, truth_lists)) if ranked else k
    judged = Judged(_top_k(rows, n_users, width), truth_lists, background, ranks)
    n_listed = np.bincount(rows.user[~refused], minlength=n_users)
    notes = [
        *order_notes,
        *_user_notes(has_list, has_truth),
        *_truth_notes(len(wanted) - len(relevant), int(unreachable.sum()), setting, ranked),
        *_refused_notes(rows.user[refused], setting, ranked),
        *_rank_notes(judged, n_listed),
        f"the catalogue {'has' if n_items else 'is the'} {catalogue} items{'' if n_items else ' of all files'}.",
    ]
    if ranks is None:
        return Outside(judged, notes)
    cut = _some(truth_lists, (ranks == 0) & ~unreachable)
    return Outside(judged, notes, cut, cut & judged.topk.filled.all(1) & (n_listed < judged.n_relevant))


def measure_lists(metrics: Sequence[Metric], outside: Outside) -> tuple[dict[str, MetricValue], list[str]]:
    """Every metric's value by label, and notes on those without.

    A metric of ranks has no value where it is undefined for a user whose list is cut before a relevant item: lists are
    cut before what ranks low, so the mean of the other users would flatter. Nor has it where a list is short, since it
    may be what it lacks.
    """
    values, per_user, notes = evaluate(metrics, outside.judged)
    n_users = len(outside.judged.topk)
    if outside.cut is not None and outside.short is not None:
        ranked = [metric for metric in metrics if Evidence.RANKS in metric.needs and metric.label in per_user]
        lacking = [one for one in ranked if (outside.short | np.isnan(per_user[one.label]) & outside.cut).any()]
        values |= {one.label: describe(one, float("nan"), np.full(n_users, np.nan), n_users) for one in lacking}
        if lacking:
            labels = ", ".join(metric.label for metric in lacking)
            notes.append(f"no value, as lists end before relevant items and the mean of the others flatters: {labels}.")
    return values, notes


def judge_ratings(predicted: PredictedRows) -> Rated:
    """Predicted ratings of every user of the file. Raises DataError on a pair that is predicted twice."""
    users, (row,) = _encoded([predicted.pairs.user])
    items, (item,) = _encoded([predicted.pairs.item])
    _check_unique(row * len(items) + item, predicted.pairs, "predictions")
    return Rated(row, predicted.actual, predicted.predicted, len(users))


def _encoded(parts: Sequence[pa.StringArray]) -> tuple[pa.StringArray, list[Int64Array]]:
    """The distinct ids of all parts as they appear, and each part's int64[n] codes."""
    chunks = pa.chunked_array(list(parts)).dictionary_encode().chunks
    return chunks[0].dictionary, [chunk.indices.to_numpy().astype(np.int64) for chunk in chunks]


def _known(setting: Setting, codes: list[Int64Array]) -> _Known:
    """codes: of the pairs of every file of the setting, in the order of its fields."""
    nothing, n_trained, n_had = np.empty(0, np.int64), len(setting.train), len(setting.train) + len(setting.history)
    trained = distinct(np.concatenate([nothing, *codes[:n_trained]]))
    had = distinct(np.concatenate([trained, *codes[n_trained:n_had]])) if setting.history else trained
    return _Known(trained, had, None if setting.candidates is None else distinct(codes[n_had]), setting.repeats)


def _catalogue(n_coded: int, given: int | None) -> int:
    if given is not None and given < n_coded:
        raise UsageError(f"the catalogue cannot be smaller than the {n_coded} items of the files. Got {given}.")
    return given or n_coded


def _check_unique(codes: Int64Array, pairs: Pairs, file: str) -> None:
    repeats = len(codes) - len(distinct(codes))
    if repeats:
        rows = np.ones(len(codes), np.bool_)
        rows[np.unique(codes, return_index=True)[1]] = False
        row = int(np.argmax(rows))
        raise DataError(
            f"the {file} must hold a user-item pair once. {repeats} rows repeat one, the first of them "
            f"user '{pairs.user[row]}' with item '{pairs.item[row]}'."
        )


def _ordered(
    user: Int64Array, item: Int64Array, pair: Int64Array, recommended: RankedRows, items: pa.StringArray
) -> tuple[_Rows, list[str]]:
    """The lists, and how they were ordered. Ties are rare and costly, so they are sorted out only where they are."""
    order = np.lexsort((recommended.key, user))
    tied = _tied(user[order], recommended.key[order])
    if tied.any():
        ties = tie_order(TIE_SEED, np.array(items.to_pylist(), object))
        order = np.lexsort((ties[item], recommended.key, user))
    key, place = recommended.key[order], _places(user[order])
    rows = _Rows(user[order], item[order], place, -key, pair[order])
    return rows, _order_notes(recommended.by, rows.user, tied, key != place + 1)


def _tied(user: Int64Array, key: Float64Array) -> BoolArray:
    """bool[n]: whether a row has the same key as the one above it, of the same user."""
    same = (user[1:] == user[:-1]) & (key[1:] == key[:-1])
    return np.concatenate([np.zeros(1, np.bool_), same])


def _places(user: Int64Array) -> Int64Array:
    """int64[n]: how many rows of the same user are above each; a user's rows follow each other."""
    return np.arange(len(user)) - np.searchsorted(user, user)


def _top_k(rows: _Rows, n_users: int, k: int) -> TopK:
    rows = rows[rows.place < k]
    topk = TopK(np.full((n_users, k), -1, np.int32), np.full((n_users, k), -np.inf, np.float32))
    topk.items[rows.user, rows.place] = rows.item
    topk.scores[rows.user, rows.place] = rows.score
    return topk


def _telling_length(rows: _Rows, truth: ItemLists) -> int:
    """How long lists must be for their length to tell of every relevant item that they lack whether its rank is at
    most n. As long as the longest would do too, but one complete ranking among many short lists would take all memory.
    """
    return min(int(rows.place.max()) + 1, int(truth.lengths.max()))


def _ranks(relevant: Int64Array, listed: Int64Array, n_coded: int) -> Int64Array:
    """int64[len(relevant)]: each relevant pair's place, from 1, among the listed ones of its user; 0 if it is none."""
    found = among(listed, relevant)
    ranks = np.zeros(len(relevant), np.int64)
    ranks[np.searchsorted(relevant, listed[found])] = _places(listed // n_coded)[found] + 1
    return ranks


def _background(known: _Known, n_users: int, n_items: int, n_coded: int) -> Background:
    """Users of `known` who are neither in the truth nor in the lists have the codes from n_users on."""
    history = _item_lists(_of_first(known.had, n_users * n_coded), n_users, n_items, n_coded)
    if known.listed is not None:
        n_candidates = np.bincount(_of_first(known.listed, n_users * n_coded) // n_coded, minlength=n_users)
    else:
        n_candidates = np.full(n_users, n_items) if known.repeats else n_items - history.lengths
    item_users = np.bincount(known.trained % n_coded, minlength=n_items)
    return Background(history, n_candidates, item_users, len(distinct(known.trained // n_coded)))


def _of_first(pairs: Int64Array, end: int) -> Int64Array:
    """Those of the sorted pairs that are below `end`."""
    return pairs[: np.searchsorted(pairs, end)]


def _item_lists(pairs: Int64Array, n_users: int, n_items: int, n_coded: int) -> ItemLists:
    lengths = np.bincount(pairs // n_coded, minlength=n_users)
    return ItemLists(np.concatenate([[0], np.cumsum(lengths)]), (pairs % n_coded).astype(np.int32), n_items)


def _order_notes(by: str, user: Int64Array, tied: BoolArray, displaced: BoolArray) -> list[str]:
    notes = [f"ordered by '{by}', {'1 first' if by == 'rank' else 'the highest first'}."]
    if tied.any():
        notes.append(f"users with equal {by}s: {len(np.unique(user[tied]))}; a hash of the item decides.")
    elif by == "rank" and displaced.any():
        users = len(np.unique(user[displaced]))
        notes.append(f"users with gaps in their ranks: {users}; what follows a gap moves up.")
    return notes


def _user_notes(has_list: BoolArray, has_truth: BoolArray) -> list[str]:
    notes = []
    if (has_list & ~has_truth).any():
        number = int((has_list & ~has_truth).sum())
        notes.append(f"users with recommendations and no truth: {number}; undefined, in no mean.")
    if (has_truth & ~has_list).any():
        number = int((has_truth & ~has_list).sum())
        notes.append(f"users with a truth and no recommendations: {number}; an empty list, which scores 0.")
    return notes


def _truth_notes(repeats: int, unreachable: int, setting: Setting, ranked: bool) -> list[str]:
    notes = [f"rows of the truth that repeat a pair: {repeats}; it counts once."] if repeats else []
    if not unreachable:
        return notes
    sampled = setting.candidates is not None
    consequence = f";{'' if sampled else ' no candidates, so'} their rank is not known" if ranked else ""
    which = f"that are {setting.refused}{'' if sampled else ' too'}"
    return [*notes, f"pairs of the truth {which}: {unreachable}{consequence}."]


def _refused_notes(users: Int64Array, setting: Setting, ranked: bool) -> list[str]:
    """users: int64[n], to whom each item was recommended that could not be, sorted."""
    if not len(users):
        return []
    sampled = setting.candidates is not None
    number = f"{len(users)}, of users: {len(distinct(users))}"
    consequence = f";{'' if sampled else ' no candidates, so'} the ranks of others pass over them" if ranked else ""
    which = setting.refused if sampled else f"their user's {setting.refused}"
    return [f"recommended items that are {which}: {number}; they stay{consequence}."]


def _some(truth: ItemLists, which: BoolArray) -> BoolArray:
    """bool[b]: whether a user has any of some relevant items, bool[len(truth.items)]."""
    return np.asarray(np.bincount(truth.rows[which], minlength=len(truth)) > 0)


def _rank_notes(judged: Judged, n_listed: Int64Array) -> list[str]:
    """n_listed: int64[b], how many candidates each user's list holds."""
    if judged.truth_ranks is None or judged.background is None:
        return []
    lacking = _some(judged.truth, judged.truth_ranks == 0)
    ended = ~lacking & (judged.n_relevant > 0) & (n_listed < judged.background.n_candidates)
    notes = []
    if lacking.any():
        notes.append(f"users with a relevant item of unknown rank: {lacking.sum()}; auc is undefined for them.")
    if ended.any():
        notes.append(f"users with candidates not in their list: {ended.sum()}; they count as ranked below it.")
    return notes
