"""How sure a mean over users and seeds is, and whether two systems differ: intervals, paired tests, corrections.

Everywhere `values` is float64[n_users, n_seeds]: one metric of one system, a row a user and a column a training seed,
NaN where the metric is undefined for the user. A row with any NaN is left out and counted. Systems are compared by row:
row u is the same user in all of them.

One model stands behind all of it: `value[u, s] = mean + user_u + seed_s + rest_us`, users and seeds drawn at random
from more of their kind and crossed with each other (Clark 1973; Baayen, Davidson & Bates 2008). Its mean squares say
how much of the mean's variance is due to the users and how much to the seeds. Leaving the seeds out calls a winner
between equal systems far too often as soon as users are many, since no number of users averages a seed's luck away
(Bouthillier et al. 2021). With one seed that part cannot be measured: then everything here is about that one trained
model.

How much seeds vary is known badly from a few of them, and must be allowed for. The usual way, Satterthwaite's degrees
of freedom, about holds at the 5 % level from three seeds on, but not in the tail that a correction for many comparisons
looks at. So the seeds' variance is taken as unknown (a generalised p-value: Tsui & Weerahandi 1989; Weerahandi 1993): p
is the average of the p-values over all that it may be, given the seeds seen. With five seeds the price in power is
small; with two, only large differences can be told apart. Where only users vary it is the t test over users, where only
seeds vary the t test over seeds. tests/test_statistics.py simulates false alarms, coverage and power.

There is no Wilcoxon and no sign test, on purpose. They test a median or a symmetric shape, not the mean that a
leaderboard ranks by, and per-user metrics are skewed and full of zeros: between systems of equal means and different
shapes they call winners far too often, and the more users, the more often. (See also Ihemelandu & Ekstrand 2023;
Smucker, Allan & Carterette 2007.)
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special

from bench.errors import UsageError
from bench.seeds import generator

FloatArray = NDArray[np.float64]

_COUNTS_IN_A_BLOCK = 2**21
"""How many resampling counts are held at once: 16 MiB."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A system's mean of one metric, and how far it can be trusted. NaN where there are too few users to say."""

    mean: float
    low: float
    high: float
    level: float
    """The share of such intervals `[low, high]` that hold the true mean."""
    users_se: float
    """Standard error of the mean that is due to the users: what more test users would shrink."""
    seeds_sd: float | None
    """Standard deviation of the seeds' means: what a single training run may be off by. None with one seed."""
    n_users: int
    n_seeds: int
    n_undefined: int
    """Users left out because the metric is undefined for them."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A paired comparison `a − b`. NaN where there are too few users to say."""

    difference: float
    low: float
    high: float
    level: float
    standard_error: float
    """Of the difference, due to users and seeds."""
    effect: float
    """d_z: the difference over the standard deviation of the users' differences. NaN if all differ by the same."""
    effect_low: float
    effect_high: float
    p_t: float
    """Two-sided t test that accounts for users and seeds. The one to decide by."""
    p_randomisation: float
    """Two-sided randomisation test over users. It assumes nothing about shapes, but is about these trained models:
    it does not know what other seeds would have given."""
    n_users: int
    n_seeds: int
    n_undefined: int


@dataclass(frozen=True, slots=True)
class AgainstMargin:
    """Whether `a − b` lies above or below `−margin`. NaN where there are too few users to say."""

    difference: float
    low: float
    high: float
    """Bounds of the difference, each of which the true one is beyond with probability `alpha`."""
    p_above: float
    """One-sided: of differences this large or larger if the true one were `−margin`."""
    p_below: float
    standard_error: float
    users_se: float
    """The part of the standard error that is due to the users."""
    n_users: int
    n_seeds: int
    n_undefined: int


@dataclass(frozen=True, slots=True)
class Separation:
    """Which systems can be told from the best one."""

    best: str
    comparisons: dict[str, Comparison]
    """Every other system's comparison `system − best`."""
    p_adjusted: dict[str, float]
    """Every other system's `p_t` after Holm's correction."""
    tied: tuple[str, ...]
    """The systems, the best not among them, that cannot be told from it."""


def estimate(values: FloatArray, *, draws: int = 2000, level: float = 0.95, seed: int = 0) -> Estimate:
    """The mean over users and seeds with its bootstrap interval. See `estimates`."""
    return estimates({"": values}, draws=draws, level=level, seed=seed)[""]


def estimates(
    systems: Mapping[str, FloatArray], *, draws: int = 2000, level: float = 0.95, seed: int = 0
) -> dict[str, Estimate]:
    """`estimate` for many systems (or metrics) over the same users, which share the resampled users: as fast as one.

    The bootstrap is hierarchical: it draws users with replacement and adds seed effects drawn with replacement. m
    things drawn from m with replacement vary less than the things do, so both levels' deviations are inflated by √(m /
    (m − 1)); and a seed's mean varies also because users react differently to it, which the users' part holds already,
    so the seeds' deviations are shrunk to the variance that the model leaves them (Davison & Hinkley 1997, §3.8).
    Without the latter the variance of rest_us would count three times (Owen 2007). As a few seeds say little about how
    much seeds vary, the percentile interval is expanded about the mean, as Hesterberg (2015) does from the normal to
    the t quantile, to the quantile of the t test in `compare`: interval and test go together.

    The mean of fewer than two users has no interval: NaN.
    """
    _check(list(systems.values()), draws, level)
    parts = [_crossed(values) for values in systems.values()]
    means = _resampled_means([part.users for part in parts], draws, seed)
    return {
        name: Estimate(
            part.mean,
            *_interval(part, part.mean, part.mean + _with_seeds(part, drawn, seed), level),
            level=level,
            users_se=math.sqrt(part.users_variance),
            seeds_sd=float(np.std(part.seeds, ddof=1)) if part.n_seeds > 1 and part.n_users else None,
            n_users=part.n_users,
            n_seeds=part.n_seeds,
            n_undefined=part.n_undefined,
        )
        for name, part, drawn in zip(systems, parts, means, strict=True)
    }


def compare(
    a: FloatArray,
    b: FloatArray,
    *,
    draws: int = 2000,
    permutations: int = 10_000,
    level: float = 0.95,
    seed: int = 0,
) -> Comparison:
    """The paired difference `a − b`: interval, effect size and tests. Seeds are paired by column.

    - The interval is that of `estimates`, on the differences.
    - The t test takes the variance of the mean difference from the mean squares of users, seeds and rest,
      `(MS_u + max(0, θ − MS_r)) / (n_users · n_seeds)`, where θ is what MS_s estimates with n_seeds − 1 degrees of
      freedom; p is averaged over θ (module docstring). With one seed it is the ordinary paired t test over users.
    - The randomisation test flips the signs of the users' seed-averaged differences (Fisher 1935; Smucker et al. 2007):
      p = (1 + number of flips at least as extreme) / (1 + permutations).

    If one system has a single seed, that column stands for all its seeds: right for a deterministic algorithm, and for
    any other no worse than dropping the other system's seeds. Otherwise the first seeds that both have are used.
    With fewer than two users defined in both, interval and p are NaN: no data is no error in a table of many rows.

    Raises:
        UsageError: `a` and `b` have different numbers of users.
    """
    return _compare_all([(a, b)], draws, permutations, level, seed)[0]


def against_margin(a: FloatArray, b: FloatArray, margin: float, *, alpha: float = 0.05) -> AgainstMargin:
    """Two one-sided tests of the paired difference against `−margin`, by the t test of `compare`.

    The tests and the bounds agree: `low > −margin` where `p_above < alpha`, `high < −margin` where `p_below < alpha`.
    As in two one-sided tests of equivalence (Schuirmann 1987), the bounds are those of a 1 − 2 alpha interval.

    Raises:
        UsageError: `a` and `b` have different numbers of users.
    """
    _check([a, b], 1, 1 - 2 * alpha)
    part = _crossed(_difference(a, b))
    if part.n_users < 2:
        nothing = math.nan
        few = (part.n_users, part.n_seeds, part.n_undefined)
        return AgainstMargin(part.mean, nothing, nothing, nothing, nothing, nothing, nothing, *few)
    half = _half_width(part, 1 - 2 * alpha)
    tail = _tail(part, abs(part.mean + margin)) / 2
    above = part.mean > -margin
    return AgainstMargin(
        difference=part.mean,
        low=part.mean - half,
        high=part.mean + half,
        p_above=tail if above else 1 - tail,
        p_below=1 - tail if above else tail,
        standard_error=part.standard_error,
        users_se=math.sqrt(part.users_variance),
        n_users=part.n_users,
        n_seeds=part.n_seeds,
        n_undefined=part.n_undefined,
    )


def separate_from_best(
    systems: Mapping[str, FloatArray],
    *,
    higher_is_better: bool = True,
    alpha: float = 0.05,
    draws: int = 2000,
    permutations: int = 10_000,
    level: float = 0.95,
    seed: int = 0,
) -> Separation:
    """The best system by its mean, and which others are tied with it: adjusted p not below `alpha`.

    Holm's correction runs over *all* pairs of systems, not only over those with the best: which system is best was seen
    from the same data, so every pair was up for comparison. Six equal systems corrected for their five comparisons
    with the best would yield some "separate" one in about 10 % of cases instead of 5 %.

    A system without two users in common with the best has p = NaN and is tied. Numbers of seeds may differ, as in
    `compare`. The best is the first one by mean over the users that are defined for it.

    Raises:
        UsageError: numbers of users differ, or no system is defined for any user.
    """
    _check(list(systems.values()), draws, level)
    means = {name: _crossed(values).mean for name, values in systems.items()}
    defined = [name for name, mean in means.items() if not math.isnan(mean)]
    if not defined:
        raise UsageError(f"the best of systems needs one with a defined value. Got none in {len(systems)} systems.")
    best = (max if higher_is_better else min)(defined, key=means.__getitem__)
    others = [name for name in systems if name != best]
    p_values = pairwise_p(systems)
    adjusted = holm(list(p_values.values()))
    p_of = {name: float(p) for pair, p in zip(p_values, adjusted, strict=True) for name in pair if best in pair}
    compared = _compare_all([(systems[name], systems[best]) for name in others], draws, permutations, level, seed)
    return Separation(
        best=best,
        comparisons=dict(zip(others, compared, strict=True)),
        p_adjusted={name: p_of[name] for name in others},
        tied=tuple(name for name in others if not p_of[name] < alpha),
    )


def pairwise_p(systems: Mapping[str, FloatArray]) -> dict[tuple[str, str], float]:
    """`compare(a, b).p_t` of every two systems, not corrected; in the order of itertools.combinations."""
    kept = [~np.isnan(values).any(axis=1) for values in systems.values()]
    n_seeds = {values.shape[1] for values in systems.values()} - {1}
    if len(n_seeds) > 1 or any(not np.array_equal(kept[0], own) for own in kept) or not (kept and kept[0].sum() > 1):
        pairs = itertools.combinations(systems.items(), 2)
        return {(one, two): _p_t(_crossed(_difference(a, b))) for (one, a), (two, b) in pairs}
    # over the same users the parts of a difference are the differences of the parts: each system is taken apart once
    s = max(n_seeds, default=1)
    apart = {name: _taken_apart(values[kept[0]], s) for name, values in systems.items()}
    return {(one, two): _p_of_parts(apart[one], apart[two]) for one, two in itertools.combinations(systems, 2)}


def holm(p_values: ArrayLike) -> FloatArray:
    """Holm's (1979) step-down adjusted p-values, in the given order. NaN stays NaN and counts as no comparison."""
    p = np.asarray(p_values, np.float64)
    adjusted = np.full(p.shape, np.nan)
    defined = np.flatnonzero(~np.isnan(p))
    order = defined[np.argsort(p[defined], kind="stable")]
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1)), 1)
    return adjusted


def minimum_detectable_effect(sd: float, n_users: int, *, alpha: float = 0.05, power: float = 0.8) -> float:
    """The true difference that a two-sided paired t test over users finds with probability `power` (Cohen 1988).

    `sd` is the standard deviation of the users' differences; the result has its unit. With fewer than two users it is
    infinite.
    """
    if n_users < 2:
        return math.inf
    quantiles = special.stdtrit(n_users - 1, 1 - alpha / 2) + special.stdtrit(n_users - 1, power)
    return float(quantiles * sd / math.sqrt(n_users))


@dataclass(frozen=True, slots=True)
class _Crossed:
    """Values taken apart into mean, users and seeds, and the mean squares of users, seeds and rest."""

    mean: float
    users: FloatArray
    """[n_users + n_undefined]: each user's deviation from the mean; NaN for the undefined."""
    seeds: FloatArray
    """[n_seeds]: each seed's deviation from the mean."""
    n_users: int
    ms_users: float
    ms_seeds: float = 0.0
    ms_rest: float = 0.0

    @property
    def n_seeds(self) -> int:
        return len(self.seeds)

    @property
    def n_undefined(self) -> int:
        return len(self.users) - self.n_users

    @property
    def users_variance(self) -> float:
        """Of the mean, due to users and to how they react to these seeds."""
        return self.ms_users / (self.n_users * self.n_seeds) if self.n_users else math.nan

    @property
    def seeds_variance(self) -> float:
        """Of the mean, due to seeds alone."""
        return max(0.0, self.ms_seeds - self.ms_rest) / (self.n_users * self.n_seeds) if self.n_users else math.nan

    @property
    def standard_error(self) -> float:
        return math.sqrt(self.users_variance + self.seeds_variance)


def _crossed(values: FloatArray) -> _Crossed:
    """Two-way analysis of variance with one value a cell."""
    kept = ~np.isnan(values).any(axis=1)
    rows = values[kept]
    n, s = rows.shape
    users = np.full(len(values), np.nan)
    if n == 0:
        return _Crossed(math.nan, users, np.full(s, np.nan), n, math.nan)
    of_users = rows.mean(axis=1)
    mean = float(of_users.mean())
    users[kept] = of_users - mean
    seeds = rows.mean(axis=0) - mean
    if n == 1:
        return _Crossed(mean, users, seeds, n, math.nan)
    ms_users = s * float(np.var(of_users, ddof=1))
    if s == 1:
        return _Crossed(mean, users, seeds, n, ms_users)
    ms_seeds = n * float(np.var(seeds, ddof=1))
    ms_rest = float(((rows - of_users[:, None] - seeds) ** 2).sum()) / ((n - 1) * (s - 1))
    return _Crossed(mean, users, seeds, n, ms_users, ms_seeds, ms_rest)


_Apart = tuple[float, FloatArray, FloatArray, FloatArray]
"""Mean, users' deviations [n], seeds' deviations [s], and the rest [n, s]."""


def _taken_apart(rows: FloatArray, n_seeds: int) -> _Apart:
    """rows: [n, n_seeds], all defined; or [n, 1], whose column stands for all seeds."""
    of_users = rows.mean(axis=1)
    mean = float(of_users.mean())
    seeds = rows.mean(axis=0) - mean
    rest = rows - of_users[:, None] - seeds
    if rows.shape[1] < n_seeds:
        seeds, rest = np.zeros(n_seeds), np.zeros((len(rows), n_seeds))
    return mean, of_users - mean, seeds, rest


def _p_of_parts(a: _Apart, b: _Apart) -> float:
    users, seeds, rest = (one - other for one, other in zip(a[1:], b[1:], strict=True))
    n, s = rest.shape
    part = _Crossed(a[0] - b[0], users, seeds, n, s * float(users @ users) / (n - 1))
    if s > 1:
        ms_rest = float(np.vdot(rest, rest)) / ((n - 1) * (s - 1))
        part = replace(part, ms_seeds=n * float(seeds @ seeds) / (s - 1), ms_rest=ms_rest)
    return _p_t(part)


@cache
def _unknown_variance(n_seeds: int) -> tuple[FloatArray, FloatArray]:
    """Values of θ / MS_s, which is (n_seeds − 1) / χ², at quantiles that are dense where it is large; their weights."""
    if n_seeds == 1:
        return np.zeros(1), np.ones(1)
    middle = (np.arange(200) + 0.5) / 200
    chi_square = 2 * special.gammaincinv((n_seeds - 1) / 2, middle**3)
    return (n_seeds - 1) / chi_square, middle**2 / (middle**2).sum()


def _tail(part: _Crossed, distance: float) -> float:
    """The probability that the mean lies `distance` or more from the true one, either way. Needs two users."""
    if part.standard_error == 0:
        return 1.0 if distance == 0 else 0.0
    ratios, weights = _unknown_variance(part.n_seeds)
    variances = part.ms_users + np.maximum(0, part.ms_seeds * ratios - part.ms_rest)
    t = distance / np.sqrt(variances / (part.n_users * part.n_seeds))
    return float(2 * weights @ special.stdtr(part.n_users - 1, -t))


def _half_width(part: _Crossed, level: float) -> float:
    """The distance whose tail is 1 − level."""
    ratios, _ = _unknown_variance(part.n_seeds)
    excess = max(0.0, part.ms_seeds * float(ratios.max()) - part.ms_rest)
    quantile = float(special.stdtrit(part.n_users - 1, (1 + level) / 2))
    widest = quantile * math.sqrt((part.ms_users + excess) / (part.n_users * part.n_seeds))
    narrowest = quantile * math.sqrt(part.users_variance)
    if widest == narrowest:
        return narrowest
    close = 1e-9 * widest
    return float(optimize.brentq(lambda x: _tail(part, x) - (1 - level), narrowest, widest, xtol=close, rtol=1e-6))


def _compare_all(
    pairs: Sequence[tuple[FloatArray, FloatArray]], draws: int, permutations: int, level: float, seed: int
) -> list[Comparison]:
    """`compare` for many pairs over the same users, which share the resampled users and the flipped signs."""
    _check([values for pair in pairs for values in pair], draws, level)
    parts = [_crossed(_difference(a, b)) for a, b in pairs]
    columns = [part.users for part in parts] + [part.users**2 for part in parts]
    means, squares = np.split(_resampled_means(columns, draws, seed), 2)
    p_randomisation = _randomisation(parts, permutations, seed)
    return [
        _comparison(part, _with_seeds(part, mean, seed), np.sqrt(np.maximum(square - mean**2, 0)), p, level)
        for part, mean, square, p in zip(parts, means, squares, p_randomisation, strict=True)
    ]


def _comparison(
    part: _Crossed, deviations: FloatArray, sds: FloatArray, p_randomisation: float, level: float
) -> Comparison:
    """From the differences; the draws' deviations of the mean, [draws], and standard deviations of users, [draws]."""
    low, high = _interval(part, part.mean, part.mean + deviations, level)
    effect, effect_low, effect_high = _effect(part, deviations, sds, level)
    return Comparison(
        difference=part.mean,
        low=low,
        high=high,
        level=level,
        standard_error=part.standard_error,
        effect=effect,
        effect_low=effect_low,
        effect_high=effect_high,
        p_t=_p_t(part),
        p_randomisation=p_randomisation,
        n_users=part.n_users,
        n_seeds=part.n_seeds,
        n_undefined=part.n_undefined,
    )


def _difference(a: FloatArray, b: FloatArray) -> FloatArray:
    """`a − b` over the seeds that both have; a single column stands for all."""
    n_seeds = max(a.shape[1], b.shape[1]) if 1 in (a.shape[1], b.shape[1]) else min(a.shape[1], b.shape[1])
    return a[:, :n_seeds] - b[:, :n_seeds]


def _p_t(part: _Crossed) -> float:
    return _tail(part, abs(part.mean)) if part.n_users > 1 else math.nan


def _effect(part: _Crossed, deviations: FloatArray, sds: FloatArray, level: float) -> tuple[float, float, float]:
    """d_z and its interval; 0 where nobody differs, NaN where all users differ by the same."""
    sd = math.sqrt(part.users_variance * part.n_users)
    if not sd > 0:
        nothing = 0.0 if part.n_users > 1 and part.mean == 0 else math.nan
        return nothing, nothing, nothing
    inflate = math.sqrt(part.n_users / (part.n_users - 1))
    effects = np.full(len(sds), np.nan)
    np.divide(part.mean + deviations, sds * inflate, out=effects, where=sds > 0)
    return part.mean / sd, *_interval(part, part.mean / sd, effects, level)


def _interval(part: _Crossed, point: float, drawn: FloatArray, level: float) -> tuple[float, float]:
    """The percentile interval of the draws, expanded about the point from normal quantiles to those of `_tail`."""
    if part.n_users < 2:
        return math.nan, math.nan
    tails = np.array([(1 - level) / 2, (1 + level) / 2])
    normal = special.ndtri(tails[1]) * part.standard_error
    expand = _half_width(part, level) / normal if normal > 0 else 1.0
    low, high = point + expand * (np.nanquantile(drawn, tails) - point)
    return float(low), float(high)


def _with_seeds(part: _Crossed, means: FloatArray, seed: int) -> FloatArray:
    """[draws]: a draw's deviation from the mean, from its users' mean deviation [draws] and seeds drawn here."""
    if part.n_users < 2:
        return means
    deviations = means * math.sqrt(part.n_users / (part.n_users - 1))
    if part.seeds_variance > 0:
        s = part.n_seeds
        counts = generator(seed, "bootstrap", "seeds", s).multinomial(s, np.full(s, 1 / s), size=len(means))
        drawn_variance = float((part.seeds**2).sum()) / s**2
        deviations += counts @ part.seeds / s * math.sqrt(part.seeds_variance / drawn_variance)
    return deviations


def _resampled_means(columns: Sequence[FloatArray], draws: int, seed: int) -> FloatArray:
    """float64[len(columns), draws]: the means of each column over the users of each draw that are defined in it."""
    if not columns or not len(columns[0]):
        return np.full((len(columns), draws), np.nan)
    stacked = np.stack(columns, axis=1)
    defined = ~np.isnan(stacked)
    anywhere = defined.any(axis=1)
    masks, mask_of = _distinct_columns(defined[anywhere])
    summed = np.hstack([np.nan_to_num(stacked[anywhere]), masks])
    sums = _resampled_sums(summed, draws, generator(seed, "bootstrap", "users"))
    n_defined = sums[:, len(columns) :][:, mask_of]
    means = np.full((draws, len(columns)), np.nan)
    np.divide(sums[:, : len(columns)], n_defined, out=means, where=n_defined > 0)
    return np.ascontiguousarray(means.T)


def _distinct_columns(table: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
    """The columns that differ, and for each column of the table which of them it is. np.unique sorts all rows first."""
    seen: dict[bytes, int] = {}
    which = np.array([seen.setdefault(column.tobytes(), len(seen)) for column in table.T], np.intp)
    first = [int(np.argmax(which == number)) for number in range(len(seen))]
    return table[:, first], which


def _resampled_sums(summed: FloatArray, draws: int, rng: np.random.Generator) -> FloatArray:
    """float64[draws, k]: column sums of `summed`, [n, k], over n rows drawn with replacement.

    By how often each row was drawn, times the matrix: many columns cost hardly more than one.
    """
    n = len(summed)
    sums = np.zeros((draws, summed.shape[1]))
    if n == 0:
        return sums
    counts = np.empty((min(draws, max(1, _COUNTS_IN_A_BLOCK // n)), n))
    for start in range(0, draws, len(counts)):
        block = counts[: draws - start]
        for row in block:
            row[:] = np.bincount(rng.integers(n, size=n, dtype=np.uint32), minlength=n)
        sums[start : start + len(block)] = block @ summed
    return sums


def _randomisation(parts: Sequence[_Crossed], permutations: int, seed: int) -> list[float]:
    """The p-value of each part's mean among those with users' signs flipped at random."""
    if not parts:
        return []
    differences = np.stack([np.nan_to_num(part.users + part.mean) for part in parts], axis=1)
    flipped = np.abs(_flipped_sums(differences, permutations, generator(seed, "randomisation")))
    rounding = 1e-12 * np.abs(differences).sum(axis=0)
    n_extreme = (flipped >= np.abs(differences.sum(axis=0)) - rounding).sum(axis=0)
    return [
        (1 + int(extreme)) / (1 + permutations) if part.n_users > 1 else math.nan
        for part, extreme in zip(parts, n_extreme, strict=True)
    ]


def _flipped_sums(differences: FloatArray, permutations: int, rng: np.random.Generator) -> FloatArray:
    """float64[permutations, k]: column sums of `differences`, [n, k], with rows' signs flipped at random.

    Eight users have 256 patterns of signs. Their sums are tabulated once, and a random byte a permutation picks one.
    """
    signs = 1.0 - 2.0 * np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1)
    sums = np.zeros((permutations, differences.shape[1]))
    differences = differences[differences.any(axis=1)]
    for start in range(0, len(differences), 8):
        eight = differences[start : start + 8]
        table = signs[:, : len(eight)] @ eight
        sums += table.take(rng.integers(256, size=permutations, dtype=np.uint8), axis=0)
    return sums


def _check(systems: Sequence[FloatArray], draws: int, level: float) -> None:
    for values in systems:
        if values.ndim != 2 or values.shape[1] == 0:
            raise UsageError(f"values must be [n_users, n_seeds] with a seed or more. Got shape {values.shape}.")
    if len({len(values) for values in systems}) > 1:
        shapes = ", ".join(str(values.shape) for values in systems)
        raise UsageError(f"systems are paired by user: they must have the same number of rows. Got shapes {shapes}.")
    if not (0 < level < 1 and draws > 0):
        raise UsageError(f"level must lie in (0, 1) and draws be 1 or more. Got level {level}, draws {draws}.")
