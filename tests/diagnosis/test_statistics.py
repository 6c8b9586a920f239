"""Every interval and test against the literature, hand calculation, scipy, or statsmodels as an independent opinion."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binomtest, ttest_1samp
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint
from statsmodels.stats.weightstats import DescrStatsW

from sweep.diagnosis.statistics import (
    cross_entropy_gap_interval,
    effective_counts,
    gap_difference,
    gap_interval,
    holm,
    mcnemar_exact,
    mean_above_zero,
    paired_accuracy_difference,
    paired_difference,
    standard_error,
    unpaired_difference,
    wilson,
)
from sweep.records import Interval


def bools(*runs: tuple[int, bool]) -> NDArray[np.bool_]:
    """`bools((3, True), (2, False))` is three hits and two misses."""
    return np.concatenate([np.full(count, value) for count, value in runs])


# R. G. Newcombe, Statist. Med. 17 (1998) 857-872, table I, method 3.
@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_published_intervals(successes: int, n: int, low: float, high: float) -> None:
    interval = wilson(successes, n)
    assert interval.estimate == successes / n
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_wilson_agrees_with_scipy_on_whole_counts(level: float) -> None:
    theirs = binomtest(563, 750).proportion_ci(confidence_level=level, method="wilson")
    ours = wilson(563, 750, level=level)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high))
    assert ours.level == level


@pytest.mark.parametrize(("successes", "n"), [(0, 40), (3, 17), (374.5, 500.5), (1999, 2000)])
def test_wilson_agrees_with_statsmodels(successes: float, n: float) -> None:
    interval = wilson(successes, n, level=0.9)
    theirs = proportion_confint(successes, n, alpha=0.1, method="wilson")
    assert (interval.low, interval.high) == pytest.approx(theirs, abs=1e-12)


def test_wilson_stays_inside_0_and_1_where_everything_is_right() -> None:
    assert wilson(40, 40).high == 1.0
    assert 0.9 < wilson(40, 40).low < 1.0


@pytest.mark.parametrize(("successes", "n"), [(0, 0), (5, 4), (-1, 4)])
def test_wilson_refuses_impossible_counts(successes: int, n: int) -> None:
    with pytest.raises(ValueError, match="needs 0 <= successes <= n"):
        wilson(successes, n)


def test_the_gap_turns_validations_interval_round() -> None:
    # Train 99 % is a fact; validation 0 of 20 lies in [0, 0.1611].
    gap = gap_interval(0.99, 0, 20)
    assert gap.estimate == 0.99
    assert (gap.low, gap.high) == pytest.approx((0.99 - 0.1611, 0.99), abs=5e-5)


def test_the_gap_agrees_with_statsmodels() -> None:
    low, high = proportion_confint(563, 750, method="wilson")
    gap = gap_interval(0.998, 563, 750)
    assert (gap.low, gap.high) == pytest.approx((0.998 - high, 0.998 - low))


def test_a_gap_may_be_negative() -> None:
    assert gap_interval(0.5, 15, 20).estimate == pytest.approx(-0.25)


def test_the_cross_entropy_gap_has_students_interval_of_the_validation_mean() -> None:
    # Mean 2, standard error 1/sqrt(3), t(0.975; 2) = 4.30265.
    gap = cross_entropy_gap_interval(0.5, np.array([1.0, 2.0, 3.0]))
    assert gap.estimate == pytest.approx(1.5)
    assert gap.high - gap.estimate == pytest.approx(4.30265 / math.sqrt(3), abs=1e-5)


def test_cross_entropies_without_skewness_have_statsmodels_interval() -> None:
    half = np.random.default_rng(6).gamma(2.0, 0.3, 40)
    values = np.concatenate([2 + half, 2 - half])
    gap = cross_entropy_gap_interval(0.4, values, level=0.9)
    low, high = DescrStatsW(values).tconfint_mean(alpha=0.1)
    assert (gap.low, gap.high) == pytest.approx((low - 0.4, high - 0.4))


def test_the_cross_entropy_gap_reaches_farther_on_the_side_of_the_few_large_ones() -> None:
    # Nine images of 0.5 nats and one of 10.5: mean 1.5, standard error 1; Hall's reach is 1.37218 down and 6.37894 up
    # (by hand in test_means).
    values = np.array([10.5] + [0.5] * 9)
    gap = cross_entropy_gap_interval(0.5, values)
    assert (gap.estimate, gap.low, gap.high) == pytest.approx((1.0, 1.0 - 1.37218, 1.0 + 6.37894), abs=1e-5)
    sources = cross_entropy_gap_interval(0.5, np.repeat(values, 3), groups=np.repeat(np.arange(10), 3))
    assert (sources.low, sources.high) == pytest.approx((gap.low, gap.high))


def test_one_image_says_nothing_about_the_cross_entropy_gap() -> None:
    gap = cross_entropy_gap_interval(0.5, np.array([1.0]))
    assert (gap.low, gap.high) == (-math.inf, math.inf)


def test_sources_that_agree_within_themselves_count_once() -> None:
    # Two sources of two images, one all right, one all wrong: residuals +1 and -1, error sqrt(2/1 * 2) / 4 = 0.5.
    assert standard_error(bools((2, True), (2, False)), ["a", "a", "b", "b"]) == pytest.approx((0.5, 2))
    assert effective_counts(bools((2, True), (2, False)), ["a", "a", "b", "b"]) == pytest.approx((1, 2))


@pytest.mark.parametrize("sources", [3, 20])
def test_the_clustered_error_agrees_with_statsmodels_regression_on_a_constant(sources: int) -> None:
    rng = np.random.default_rng(sources)
    groups = rng.integers(0, sources, 200)
    values = rng.normal(0.2, 1.0, 200) + rng.normal(0, 1.0, sources)[groups]
    fit = OLS(values, np.ones(200)).fit(cov_type="cluster", cov_kwds={"groups": groups}, use_t=True)
    assert standard_error(values, groups) == pytest.approx((fit.bse[0], sources))
    two_sided = fit.pvalues[0]
    assert mean_above_zero(values, groups) == pytest.approx(two_sided / 2 if values.mean() > 0 else 1 - two_sided / 2)


def test_effective_counts_divide_by_statsmodels_design_effect() -> None:
    rng = np.random.default_rng(7)
    groups = np.repeat(np.arange(30), 6)
    correct = rng.random(180) < np.repeat(rng.beta(4, 1, 30), 6)
    ones = np.ones(180)
    clustered = OLS(correct.astype(float), ones).fit(cov_type="cluster", cov_kwds={"groups": groups}).bse[0]
    effect = (clustered / OLS(correct.astype(float), ones).fit().bse[0]) ** 2
    assert effect > 1
    assert effective_counts(correct, groups) == pytest.approx((correct.sum() / effect, 180 / effect))


def test_without_groups_the_counts_are_the_plain_ones() -> None:
    assert effective_counts(bools((3, True), (1, False))) == (3, 4)


def test_where_all_images_agree_each_source_counts_as_one_image() -> None:
    assert effective_counts(np.ones(12), [0] * 3 + [1] * 9) == (2, 2)


def test_groups_never_narrow_an_interval() -> None:
    # In every source one right and one wrong: the sources' means do not vary at all.
    alternating = np.arange(40) % 2 == 0
    assert effective_counts(alternating, np.arange(40) // 2) == (20, 40)


def test_a_single_source_has_no_standard_error() -> None:
    assert standard_error([0.0, 1.0], ["a", "a"]) == (math.inf, 1)


def test_mcnemar_counts_only_the_images_on_which_one_alone_is_right() -> None:
    # One against eight: 2 * (C(9,0) + C(9,1)) / 2**9 = 20/512.
    a = bools((30, True), (1, True), (8, False), (11, False))
    b = bools((30, True), (1, False), (8, True), (11, False))
    assert mcnemar_exact(a, b) == pytest.approx(20 / 512)
    assert mcnemar_exact(a, b, alternative="less") == pytest.approx(10 / 512)
    assert mcnemar_exact(b, a) == mcnemar_exact(a, b)


@pytest.mark.parametrize(("only_a", "only_b"), [(1, 8), (10, 10), (40, 61), (0, 5)])
def test_mcnemar_agrees_with_statsmodels(only_a: int, only_b: int) -> None:
    a = bools((30, True), (only_a, True), (only_b, False), (11, False))
    b = bools((30, True), (only_a, False), (only_b, True), (11, False))
    assert mcnemar_exact(a, b) == pytest.approx(mcnemar([[30, only_a], [only_b, 11]], exact=True).pvalue)


def test_mcnemar_of_equal_answers_is_1() -> None:
    a = bools((5, True), (5, False))
    assert mcnemar_exact(a, a) == 1.0


def test_measures_of_different_images_are_refused() -> None:
    with pytest.raises(ValueError, match="same images, got 3 and 4"):
        mcnemar_exact(np.ones(3), np.ones(4))
    with pytest.raises(ValueError, match="a group for each of 3 images, got 2"):
        standard_error(np.ones(3), ["a", "b"])
    with pytest.raises(ValueError, match=r"shape \(n_images,\), got shape \(0,\)"):
        standard_error(np.array([]))


def test_the_paired_t_test_is_scipys() -> None:
    differences = np.random.default_rng(0).normal(0.05, 1.0, 200)
    assert mean_above_zero(differences) == pytest.approx(ttest_1samp(differences, 0, alternative="greater").pvalue)
    assert mean_above_zero(differences) == pytest.approx(
        DescrStatsW(differences).ttest_mean(0, alternative="larger")[1]
    )
    assert mean_above_zero(differences, np.arange(200)) == pytest.approx(mean_above_zero(differences))


@pytest.mark.parametrize(
    ("differences", "p"), [([0.0, 0.0], 1.0), ([0.5, 0.5], 0.0), ([-0.5, -0.5], 1.0), ([3.0], 1.0)]
)
def test_the_paired_t_test_has_an_answer_at_the_edges(differences: list[float], p: float) -> None:
    assert mean_above_zero(differences) == p


def test_the_t_test_over_sources_is_more_careful() -> None:
    rng = np.random.default_rng(1)
    differences = np.repeat(rng.normal(0.3, 1.0, 30), 10)  # ten frames of each source say the same thing
    groups = np.repeat(np.arange(30), 10)
    assert mean_above_zero(differences) < 0.001
    assert mean_above_zero(differences, groups) == pytest.approx(
        ttest_1samp(differences[::10], 0, alternative="greater").pvalue
    )


def test_the_bootstrap_finds_the_normal_interval_of_many_images() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.normal(1.0, 1.0, 900), rng.normal(0.8, 1.0, 900)
    interval = paired_difference(a, b, seed=0)
    low, high = DescrStatsW(a - b).tconfint_mean()
    assert interval.estimate == pytest.approx(float((a - b).mean()))
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=0.05 * (high - low))


def test_the_bootstrap_is_the_same_for_the_same_seed() -> None:
    a, b = np.arange(50.0), np.arange(50.0)[::-1]
    assert paired_difference(a, b, seed=[3, 1]) == paired_difference(a, b, seed=[3, 1])
    assert paired_difference(a, b, seed=[3, 1]) != paired_difference(a, b, seed=[3, 2])


def test_the_bootstrap_draws_whole_sources() -> None:
    # Every source tells one number five times: the interval is that of the sources, about sqrt(5) times as wide.
    rng = np.random.default_rng(3)
    once = rng.normal(0, 1, 200)
    five, groups = np.repeat(once, 5), np.repeat(np.arange(200), 5)
    zeros = np.zeros(1000)
    naive = paired_difference(five, zeros, seed=0)
    careful = paired_difference(five, zeros, groups=groups, seed=0)
    assert (careful.high - careful.low) / (naive.high - naive.low) == pytest.approx(math.sqrt(5), rel=0.1)


def test_the_bootstrap_cannot_see_beyond_one_source_or_no_spread() -> None:
    assert paired_difference([1.0, 2.0], [0.0, 0.0], groups=["a", "a"], seed=0) == Interval(
        estimate=1.5, low=1.5, high=1.5
    )
    same = paired_difference(np.ones(20), np.zeros(20), seed=0)
    assert (same.low, same.high) == (1.0, 1.0)


def test_the_bootstrap_covers_differences_of_skewed_cross_entropies() -> None:
    # 80 images, 0.5 and 0.3 nats on average. Of 2,000 such studies the percentiles of the bootstrap cover 92.9 %, this
    # interval 95.6 %.
    rng = np.random.default_rng(8)
    hits = 0
    for _ in range(400):
        shared = rng.gamma(0.2, 1.0, 80)
        interval = paired_difference(
            shared + rng.gamma(0.3, 1.0, 80), shared + rng.gamma(0.1, 1.0, 80), seed=0, draws=400
        )
        hits += interval.low <= 0.2 <= interval.high
    assert 0.93 <= hits / 400 <= 0.97


def test_bonett_and_price_by_hand() -> None:
    # 98 images, 11 for a alone, 1 for b alone: 0.12 - 0.02 = 0.10, +- 1.95996 * sqrt((0.14 - 0.01) / 100) = 0.07067.
    a = bools((60, True), (11, True), (1, False), (26, False))
    b = bools((60, True), (11, False), (1, True), (26, False))
    interval = paired_accuracy_difference(a, b)
    assert interval.estimate == pytest.approx(10 / 98)
    assert (interval.low, interval.high) == pytest.approx((0.02933, 0.17067), abs=1e-5)


def test_bonett_and_price_of_a_small_table_by_hand() -> None:
    # Both right on 1 image, a alone on 1, b alone on 7, neither on 12: 2/23 - 8/23 = -0.26087,
    # +- 1.95996 * sqrt((10/23 - 0.06805) / 23) = 0.24749.
    a = bools((1, True), (1, True), (7, False), (12, False))
    b = bools((1, True), (1, False), (7, True), (12, False))
    interval = paired_accuracy_difference(a, b)
    assert (interval.estimate, interval.low, interval.high) == pytest.approx((-6 / 21, -0.50836, -0.01338), abs=1e-5)


def test_two_models_that_agree_everywhere_may_still_differ() -> None:
    a = bools((50, True), (50, False))
    interval = paired_accuracy_difference(a, a)
    assert interval.estimate == 0
    assert -interval.low == interval.high == pytest.approx(1.95996 * math.sqrt(2 / 102 / 102), abs=1e-6)


def test_sources_widen_the_paired_accuracy_difference() -> None:
    rng = np.random.default_rng(4)
    a, b = np.repeat(rng.random(40) < 0.8, 10), np.repeat(rng.random(40) < 0.6, 10)
    plain = paired_accuracy_difference(a, b)
    careful = paired_accuracy_difference(a, b, groups=np.repeat(np.arange(40), 10))
    assert careful.estimate == plain.estimate
    assert careful.high - careful.low > 2 * (plain.high - plain.low)


def test_the_paired_accuracy_interval_covers_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    hits = 0
    for _ in range(1000):
        draw = rng.random(300)  # a alone is right on 10 % of images, b alone on 6 %
        interval = paired_accuracy_difference(draw < 0.7, (draw > 0.1) & (draw < 0.76))
        hits += interval.low <= 0.04 <= interval.high
    assert 0.935 <= hits / 1000 <= 0.975


def test_the_difference_of_two_gaps_is_trains_difference_minus_validations() -> None:
    # Train 0.99 and 0.91; validation 2 points [-4, 8] lower for a: gaps differ by 8 + 2 = 10 points [0, 12].
    validation = Interval(estimate=-0.02, low=-0.04, high=0.08, level=0.9)
    gap = gap_difference(0.99, 0.91, validation)
    assert (gap.estimate, gap.low, gap.high) == pytest.approx((0.10, 0.0, 0.12))
    assert gap.level == 0.9


# R. G. Newcombe, Statist. Med. 17 (1998) 873-890, table II, method 10.
@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [((56, 70), (48, 80), 0.0524, 0.3339), ((9, 10), (3, 10), 0.1705, 0.8090), ((6, 7), (2, 7), 0.0582, 0.8062)],
)
def test_newcombes_published_intervals_of_unpaired_differences(
    first: tuple[int, int], second: tuple[int, int], low: float, high: float
) -> None:
    interval = unpaired_difference(wilson(*first), wilson(*second))
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=5e-5)


def test_unpaired_differences_agree_with_statsmodels() -> None:
    interval = unpaired_difference(wilson(402, 500, level=0.9), wilson(77, 120, level=0.9))
    theirs = confint_proportions_2indep(402, 500, 77, 120, method="newcomb", compare="diff", alpha=0.1)
    assert (interval.low, interval.high) == pytest.approx(theirs)


def test_holm_by_hand() -> None:
    # Sorted: 0.005 * 4, 0.01 * 3, 0.03 * 2, and 0.04 * 1 raised to the one before it.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))


def test_holm_of_one_or_none_or_hopeless_ones() -> None:
    assert holm([0.04]) == (0.04,)
    assert holm([]) == ()
    assert holm([0.9, 0.8]) == (1.0, 1.0)


def test_holm_agrees_with_statsmodels() -> None:
    raw = np.random.default_rng(9).beta(0.5, 2.0, 30)
    assert holm(list(raw)) == pytest.approx(multipletests(raw, method="holm")[1])
