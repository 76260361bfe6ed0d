"""Intervals hold the truth as often as they say, tests alarm as rarely as they say, and both agree with hand and scipy.

Rates in simulated trials are judged by `central`: the middle 99.9 % of the binomial distribution of the number of
trials that a procedure with exactly the nominal rate would give. Where a procedure is cautious by design, only its
upper end binds. Seeds are fixed, so a pass stays a pass.
"""

import itertools
import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from bench.errors import UsageError
from bench.statistics import (
    against_margin,
    compare,
    estimate,
    estimates,
    holm,
    minimum_detectable_effect,
    pairwise_p,
    separate_from_best,
)

Values = NDArray[np.float64]
CROSSED = np.array([[1.0, 3.0], [5.0, 11.0]])
"""User means 2 and 8, seed means 3 and 7: MS_u 36, MS_s 16, and rests of ±1: MS_r 4."""


def central(trials: int, rate: float) -> tuple[float, float]:
    return float(stats.binom.ppf(0.0005, trials, rate)), float(stats.binom.ppf(0.9995, trials, rate))


def like_ndcg(rng: np.random.Generator, n_users: int, share: float, shape: tuple[float, float]) -> Values:
    """One seed's per-user values: most of them zero, the others skewed."""
    return np.where(rng.random((n_users, 1)) < share, rng.beta(*shape, (n_users, 1)), 0.0)


def normal(seed: int, n_users: int, n_seeds: int) -> Values:
    rng = np.random.default_rng(seed)
    parts = rng.normal(size=(n_users, 1)) + 0.3 * rng.normal(size=(1, n_seeds))
    return np.asarray(parts + rng.normal(size=(n_users, n_seeds)))


def test_an_estimate_worked_by_hand() -> None:
    found = estimate(CROSSED)
    assert found.mean == 5
    assert found.users_se == pytest.approx(3)  # sqrt(36 / (2 · 2))
    assert found.seeds_sd == pytest.approx(math.sqrt(8))
    assert (found.n_users, found.n_seeds, found.n_undefined) == (2, 2, 0)


def test_a_comparison_over_users_and_seeds_worked_by_hand() -> None:
    found = compare(CROSSED + 1, np.ones((2, 2)))
    assert found.difference == 5
    assert found.standard_error == pytest.approx(math.sqrt(12))  # (36 + 16 − 4) / (2 · 2)
    assert found.effect == pytest.approx(5 / math.sqrt(18))
    chi_square = stats.chi2.ppf((np.arange(200_000) + 0.5) / 200_000, 1)
    variances = (36 + np.maximum(0, 16 / chi_square - 4)) / 4
    assert found.p_t == pytest.approx(np.mean(2 * stats.t.sf(5 / np.sqrt(variances), 1)), rel=1e-3)


def test_where_only_seeds_vary_it_is_the_t_test_over_seeds() -> None:
    of_seeds = np.array([0.4, 0.1, 0.5, 0.3])
    values = of_seeds + 1e-4 * np.random.default_rng(1).normal(size=(5000, 1))
    found = compare(values, np.zeros((5000, 1)))
    assert found.p_t == pytest.approx(stats.ttest_1samp(of_seeds, 0).pvalue, rel=0.01)


def test_where_seeds_cannot_matter_they_change_nothing() -> None:
    values = normal(2, 50, 1)
    of_users = compare(values, np.zeros((50, 1)))
    assert compare(np.tile(values, 4), np.zeros((50, 1))).p_t == pytest.approx(of_users.p_t)


def test_seeds_that_happen_to_agree_do_not_prove_that_seeds_agree() -> None:
    """MS_s is 2 and MS_r 8/3, so nothing is left for the seeds; from two of them that says little."""
    user, rest, seed = np.array([[1.0], [3.0], [2.0], [6.0]]), np.array([1.0, 1.0, -1.0, -1.0]), np.array([0.5, -0.5])
    found = compare(user + seed + np.stack([rest, -rest], axis=1), np.zeros((4, 1)))
    assert found.standard_error == pytest.approx(stats.sem(user[:, 0]))
    assert found.p_t > 1.5 * stats.ttest_1samp(user[:, 0], 0).pvalue


@given(st.integers(0, 10**6), st.integers(2, 60))
@settings(max_examples=30, deadline=None)
def test_with_one_seed_it_is_the_paired_t_test(seed: int, n_users: int) -> None:
    a, b = normal(seed, n_users, 1), normal(seed + 1, n_users, 1)
    found = compare(a, b, draws=1, permutations=1)
    expected = stats.ttest_rel(a[:, 0], b[:, 0])
    assert found.p_t == pytest.approx(expected.pvalue, rel=1e-9)


def test_the_randomisation_test_is_that_over_all_sign_patterns() -> None:
    differences = np.array([0.31, -0.12, 0.44, 0.05, 0.27, -0.18, 0.22, 0.09, -0.02, 0.11, 0.0])
    signs = np.array(list(itertools.product([-1, 1], repeat=len(differences))))
    exact = float(np.mean(np.abs(signs @ differences) >= abs(differences.sum()) - 1e-12))
    found = compare(differences[:, None], np.zeros((11, 1)), permutations=20_000).p_randomisation
    low, high = central(20_000, exact)
    assert low <= found * 20_001 - 1 <= high


def test_ties_with_the_observed_difference_count_as_extreme() -> None:
    differences = np.full((4, 1), 0.1)  # of 16 patterns 2 are as extreme
    found = compare(differences, np.zeros((4, 1)), permutations=20_000).p_randomisation
    low, high = central(20_000, 2 / 16)
    assert low <= found * 20_001 - 1 <= high


def test_with_one_seed_the_interval_is_the_percentile_bootstrap() -> None:
    values = like_ndcg(np.random.default_rng(3), 800, 0.4, (2, 3))
    found = estimate(values, draws=4000)
    drawn = np.random.default_rng(4).choice(values[:, 0], (4000, 800)).mean(axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert [found.low, found.high] == pytest.approx([low, high], abs=0.001)
    assert found.high - found.low == pytest.approx(high - low, rel=0.05)


def test_the_bootstrap_has_the_variance_of_the_t_test() -> None:
    """Seeds matter more than users here, and a hypothesis at the interval's end has a p-value of 1 − level."""
    values = normal(5, 2000, 8)
    found = compare(values, np.zeros((2000, 1)), draws=8000)
    half = (found.high - found.low) / 2
    assert half > 2.2 * found.standard_error
    assert compare(values - found.difference + half, np.zeros((2000, 1))).p_t == pytest.approx(0.05, rel=0.15)


def test_the_effect_has_the_interval_of_its_sampling() -> None:
    """With one seed d_z·√n is noncentral t: for normal differences Var(d_z) ≈ 1/n + d_z²/2n."""
    values = np.random.default_rng(6).normal(0.8, 1, (1500, 1))
    found = compare(values, np.zeros((1500, 1)), draws=6000)
    se = math.sqrt(1 / 1500 + found.effect**2 / 3000)
    assert found.effect_low == pytest.approx(found.effect - 1.96 * se, abs=0.006)
    assert found.effect_high == pytest.approx(found.effect + 1.96 * se, abs=0.006)


@given(st.integers(0, 10**6), st.integers(2, 40), st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_intervals_hold_their_estimates_and_swapping_changes_only_signs(seed: int, n_users: int, n_seeds: int) -> None:
    a, b = normal(seed, n_users, n_seeds), normal(seed + 1, n_users, n_seeds)
    one = estimate(a, draws=300)
    assert one.low <= one.mean <= one.high
    ab, ba = compare(a, b, draws=300, permutations=200), compare(b, a, draws=300, permutations=200)
    assert ab.low <= ab.difference <= ab.high
    assert (ab.p_t, ab.p_randomisation) == (ba.p_t, ba.p_randomisation)
    for mine, theirs in [(ab.difference, ba.difference), (ab.low, ba.high), (ab.effect, ba.effect)]:
        assert mine == pytest.approx(-theirs)
    assert ab.effect_low == pytest.approx(-ba.effect_high)


def test_undefined_users_are_left_out_and_counted() -> None:
    values, other = normal(7, 50, 3), normal(8, 50, 3)
    holed, other_holed = values.copy(), other.copy()
    holed[4, 1] = holed[9] = other_holed[20, 0] = np.nan
    rest = np.delete(np.arange(50), [4, 9])
    found, expected = estimate(holed), estimate(values[rest])
    assert (found.n_users, found.n_undefined) == (48, 2)
    assert (found.mean, found.low, found.high) == pytest.approx((expected.mean, expected.low, expected.high))
    rest = np.delete(np.arange(50), [4, 9, 20])
    compared = compare(holed, other_holed)
    assert (compared.n_users, compared.n_undefined) == (47, 3)
    assert compared.p_t == pytest.approx(compare(values[rest], other[rest]).p_t)


def test_many_systems_share_their_draws_and_not_their_undefined_users() -> None:
    values = normal(9, 300, 2)
    holed = values.copy()
    holed[:100] = np.nan
    both = estimates({"whole": values, "holed": holed, "empty": np.full((300, 1), np.nan)})
    alone = estimate(values)
    assert (both["whole"].low, both["whole"].high) == pytest.approx((alone.low, alone.high))
    assert both["holed"].mean == pytest.approx(values[100:].mean())
    alone = estimate(values[100:])
    assert both["holed"].high - both["holed"].low == pytest.approx(alone.high - alone.low, rel=0.1)
    assert math.isnan(both["empty"].mean)


def test_a_seed_fixes_the_draws() -> None:
    values = normal(10, 100, 3)
    assert estimate(values, seed=1) == estimate(values, seed=1)
    assert estimate(values, seed=1).low != estimate(values, seed=2).low


@pytest.mark.parametrize("n_seeds", [1, 3])
def test_systems_that_agree_for_every_user_do_not_differ(n_seeds: int) -> None:
    values = normal(11, 30, n_seeds)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = compare(values, values)
    assert (found.p_t, found.p_randomisation) == (1, 1)
    assert (found.difference, found.low, found.high, found.effect, found.effect_low) == (0, 0, 0, 0, 0)


def test_a_difference_that_all_users_share_has_no_effect_size() -> None:
    found = compare(np.ones((10, 1)), np.zeros((10, 1)))
    assert (found.difference, found.low, found.high, found.p_t) == (1, 1, 1, 0)
    assert math.isnan(found.effect)


@pytest.mark.parametrize("n_users", [0, 1])
@pytest.mark.parametrize("n_seeds", [1, 2])
def test_too_few_users_have_no_interval_and_no_p(n_users: int, n_seeds: int) -> None:
    values = np.full((3, n_seeds), np.nan)
    values[:n_users] = 0.5
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        one, two = estimate(values), compare(values, np.zeros((3, n_seeds)))
    assert np.isnan([one.low, one.high, one.users_se, two.low, two.effect, two.p_t, two.p_randomisation]).all()
    assert (one.n_users, two.n_users, two.n_undefined) == (n_users, n_users, 3 - n_users)
    assert one.mean == 0.5 if n_users else math.isnan(one.mean)


def test_a_single_seed_stands_for_all_and_extra_seeds_are_left_out() -> None:
    values, fixed = normal(12, 40, 4), normal(13, 40, 1)
    assert compare(values, fixed) == compare(values, np.tile(fixed, 4))
    assert compare(fixed, values).n_seeds == 4
    assert compare(values, normal(14, 40, 2)) == compare(values[:, :2], normal(14, 40, 2))


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(UsageError, match=r"same number of rows. Got shapes \(3, 1\), \(4, 1\)"):
        compare(np.zeros((3, 1)), np.zeros((4, 1)))
    with pytest.raises(UsageError, match=r"Got shape \(3,\)"):
        estimate(np.zeros(3))
    with pytest.raises(UsageError, match="Got level 95"):
        estimate(np.zeros((3, 1)), level=95)
    with pytest.raises(UsageError, match="Got none in 1 systems"):
        separate_from_best({"a": np.full((3, 1), np.nan)})


def test_holm_worked_by_hand() -> None:
    np.testing.assert_allclose(holm([0.01, 0.04, np.nan, 0.03, 0.005]), [0.03, 0.06, np.nan, 0.06, 0.02])
    np.testing.assert_allclose(holm([0.4, 0.6]), [0.8, 0.8])
    assert holm([]).shape == (0,)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_keeps_the_order_and_lies_between_the_p_value_and_bonferroni(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    assert (np.diff(adjusted[np.argsort(p_values, kind="stable")]) >= 0).all()
    assert (adjusted >= p_values).all()
    assert (adjusted <= np.minimum(1, np.array(p_values) * len(p_values))).all() or len(set(p_values)) > 1
    assert adjusted.min() == min(1, min(p_values) * len(p_values))


def test_the_minimum_detectable_effect_is_cohens() -> None:
    # G*Power, paired t, two-sided: d_z 0.5 needs 34 users for a power of 0.8
    assert minimum_detectable_effect(1, 34) == pytest.approx(0.5, rel=0.02)
    assert minimum_detectable_effect(2, 10**6) == pytest.approx(2 * (1.959964 + 0.841621) / 1000, rel=1e-4)
    assert minimum_detectable_effect(1, 1) == math.inf


def test_the_best_is_told_apart_with_a_correction_over_all_pairs() -> None:
    rng = np.random.default_rng(17)
    user = rng.normal(size=(400, 1))
    gains = {"low": 0.0, "best": 1.0, "near": 0.98}
    systems = {name: user + gain + 0.5 * rng.normal(size=(400, 1)) for name, gain in gains.items()}
    found = separate_from_best(systems)
    assert (found.best, found.tied) == ("best", ("near",))
    assert found.comparisons["low"] == compare(systems["low"], systems["best"])
    pairs = itertools.combinations(gains, 2)
    low_best, _, best_near = holm([compare(systems[a], systems[b], draws=1).p_t for a, b in pairs])
    assert found.p_adjusted == pytest.approx({"low": low_best, "near": best_near})
    worst = separate_from_best(systems, higher_is_better=False)
    assert (worst.best, worst.tied) == ("low", ())


def test_a_system_that_shares_no_user_with_the_best_is_tied() -> None:
    values = normal(16, 20, 1)
    found = separate_from_best({"a": values, "b": np.full((20, 1), np.nan)})
    assert (found.best, found.tied) == ("a", ("b",))
    assert math.isnan(found.p_adjusted["b"])


def test_false_alarms_between_equal_means_of_different_shape() -> None:
    """One seed, 200 users, zero-inflated values with means of 0.15."""
    rng, trials = np.random.default_rng(20), 300
    alarms = np.zeros(3)
    for _ in range(trials):
        a, b = like_ndcg(rng, 200, 0.3, (2, 2)), like_ndcg(rng, 200, 0.6, (1, 3))
        found = compare(a, b, draws=300, permutations=400)
        outside = not found.low <= 0 <= found.high
        alarms += np.array([found.p_t < 0.05, found.p_randomisation < 0.05, outside])
    low, high = central(trials, 0.05)
    assert ((low <= alarms) & (alarms <= high)).all(), alarms


def test_wilcoxon_would_call_equal_means_of_different_shape_different() -> None:
    rng, trials = np.random.default_rng(26), 100
    alarms = 0
    for _ in range(trials):
        a, b = like_ndcg(rng, 2000, 0.3, (2, 2)), like_ndcg(rng, 2000, 0.6, (1, 3))
        alarms += float(stats.wilcoxon(a[:, 0], b[:, 0]).pvalue) < 0.05
    assert alarms > central(trials, 0.05)[1]


def test_false_alarms_with_a_seed_effect_and_many_users() -> None:
    """Five seeds that vary by 2 % of the mean, 5,000 users. Over users alone every fourth trial would find a winner."""
    rng, trials = np.random.default_rng(21), 200
    alarms = over_users = 0
    for _ in range(trials):
        user = rng.beta(1, 4, (5000, 1))  # mean 0.2
        a, b = (user + 0.004 * rng.normal(size=(1, 5)) + 0.2 * rng.normal(size=(5000, 5)) for _ in "ab")
        alarms += compare(a, b, draws=1, permutations=1).p_t < 0.05
        over_users += stats.ttest_rel(a.mean(axis=1), b.mean(axis=1)).pvalue < 0.05
    low, high = central(trials, 0.05)
    assert low <= alarms <= high
    assert over_users >= central(trials, 0.25)[0] > high


@pytest.mark.parametrize(("n_seeds", "seed_sd"), [(1, 0.0), (3, 0.02)])
def test_six_equal_systems_are_rarely_separated(n_seeds: int, seed_sd: float) -> None:
    """The chance that any is called separate is at most 5 %."""
    rng, trials = np.random.default_rng(22), 150
    alarms = uncorrected = 0
    for _ in range(trials):
        user = rng.beta(1, 4, (200, 1))
        seeds, rest = seed_sd * rng.normal(size=(6, n_seeds)), 0.2 * rng.normal(size=(6, 200, n_seeds))
        systems = {str(n): user + seeds[n] + rest[n] for n in range(6)}
        found = separate_from_best(systems, draws=1, permutations=1)
        alarms += len(found.tied) < 5
        uncorrected += min(each.p_t for each in found.comparisons.values()) < 0.05
    assert alarms <= central(trials, 0.05)[1]
    assert uncorrected > central(trials, 0.05)[1]


def test_a_correction_over_the_comparisons_with_the_best_alone_would_not_do() -> None:
    """That the best was chosen by the same data doubles the alarms: 10 % of six equal systems, not 5 %."""
    rng, trials = np.random.default_rng(25), 3000
    means = rng.normal(size=(trials, 6))
    z = (means.max(axis=1) - means.min(axis=1)) / math.sqrt(2)
    among_five, among_pairs = (int((2 * stats.norm.sf(z) * n < 0.05).sum()) for n in (5, 15))
    assert among_five > central(trials, 0.05)[1] >= among_pairs


def test_a_planted_difference_is_found_as_often_as_the_minimum_detectable_effect_says() -> None:
    rng, trials = np.random.default_rng(23), 400
    planted = minimum_detectable_effect(0.3, 200, power=0.8)
    found = np.zeros(2)
    for _ in range(trials):
        result = compare(rng.normal(planted, 0.3, (200, 1)), np.zeros((200, 1)), draws=1, permutations=400)
        found += np.array([result.p_t < 0.05, result.p_randomisation < 0.05])
    low, high = central(trials, 0.8)
    assert ((low <= found) & (found <= high)).all(), found


def test_five_seeds_find_a_planted_difference_of_four_standard_errors() -> None:
    """Allowing for seeds costs little power where they matter little: a z test would find 97.9 %."""
    rng, trials = np.random.default_rng(27), 200
    planted = 4 * math.sqrt((0.3**2 + 0.2**2 / 5) / 300 + 0.005**2 / 5)
    found = 0
    for _ in range(trials):
        differences = planted + 0.3 * rng.normal(size=(300, 1)) + 0.005 * rng.normal(size=(1, 5))
        differences = differences + 0.2 * rng.normal(size=(300, 5))
        found += compare(differences, np.zeros((300, 1)), draws=1, permutations=1).p_t < 0.05
    assert found >= central(trials, 0.979)[0]


@pytest.mark.parametrize(("n_seeds", "seed_sd"), [(1, 0.0), (5, 0.0), (5, 0.01), (3, 0.05)])
def test_intervals_hold_the_truth_as_often_as_they_say(n_seeds: int, seed_sd: float) -> None:
    """Zero-inflated users, mean 0.2; seeds that do not matter, matter as the users do, and matter far more."""
    rng, trials = np.random.default_rng(24), 250
    covered = 0
    for _ in range(trials):
        rest = 0.1 * rng.normal(size=(300, n_seeds))
        found = estimate(like_ndcg(rng, 300, 0.4, (2, 2)) + seed_sd * rng.normal(size=(1, n_seeds)) + rest, draws=300)
        covered += found.low <= 0.2 <= found.high
    low, high = central(trials, 0.95)
    assert low <= covered <= high


@pytest.mark.parametrize("undefined", ["nowhere", "alike", "differently"])
@pytest.mark.parametrize("seeds", [(1, 1, 1), (4, 4, 4), (4, 1, 4), (4, 2, 3)])
def test_the_p_values_of_all_pairs_are_those_of_each_pair(seeds: tuple[int, ...], undefined: str) -> None:
    rng = np.random.default_rng(1)
    users = rng.random((50, 1))
    systems = {
        name: users + 0.1 * rng.normal(size=(50, s)) + 0.02 * rng.normal(size=s)
        for name, s in zip("abc", seeds, strict=True)
    }
    if undefined != "nowhere":
        for place, values in enumerate(systems.values()):
            values[3 + (place if undefined == "differently" else 0)] = np.nan
    found = pairwise_p(systems)
    assert list(found) == [("a", "b"), ("a", "c"), ("b", "c")]
    for (one, two), p in found.items():
        assert p == pytest.approx(compare(systems[one], systems[two], draws=1, permutations=1).p_t, rel=1e-9)
    assert pairwise_p({"a": systems["a"], "b": systems["a"].copy()}) == {("a", "b"): 1.0}


@pytest.mark.parametrize("n_seeds", [1, 3])
@pytest.mark.parametrize("shift", [-0.05, -0.02, 0.0, 0.03])
def test_bounds_and_tests_against_a_margin_agree(n_seeds: int, shift: float) -> None:
    rng = np.random.default_rng(3)
    b = rng.beta(1, 3, (200, n_seeds))
    a = b + shift + rng.normal(0, 0.1, b.shape) + rng.normal(0, 0.005, (1, n_seeds))
    found = against_margin(a, b, 0.02)
    assert found.p_above + found.p_below == pytest.approx(1)
    assert (found.low > -0.02) == (found.p_above < 0.05)
    assert (found.high < -0.02) == (found.p_below < 0.05)
    two_sided = compare(a, b, draws=1, permutations=1).p_t
    assert 2 * min(against_margin(a, b, 0.0).p_above, against_margin(a, b, 0.0).p_below) == pytest.approx(two_sided)


def test_at_the_margin_either_error_is_as_rare_as_promised() -> None:
    passed = regressed = 0
    rng = np.random.default_rng(8)
    for _ in range(400):
        b = rng.beta(1, 3, (200, 1))
        found = against_margin(b - 0.02 + rng.normal(0, 0.2, b.shape), b, 0.02)
        passed += found.p_above < 0.05
        regressed += found.p_below < 0.05
    low, high = central(400, 0.05)
    assert low <= passed <= high
    assert low <= regressed <= high


def test_against_a_margin_one_user_says_nothing_and_equal_values_all() -> None:
    assert math.isnan(against_margin(np.zeros((1, 1)), np.zeros((1, 1)), 0.1).p_above)
    same = against_margin(np.ones((5, 2)), np.ones((5, 2)), 0.1)
    assert (same.low, same.high, same.p_above, same.p_below) == (0, 0, 0, 1)
