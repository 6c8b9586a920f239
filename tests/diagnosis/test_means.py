"""How far intervals of skewed means reach, against hand calculation and against simulated truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import t

from sweep.diagnosis.means import draw_counts, skewed_reach, symmetric_reach


def test_every_resample_draws_as_many_units_as_there_are() -> None:
    counts = np.concatenate(list(draw_counts(7, 500, np.random.default_rng(0))))
    assert counts.shape == (500, 7)
    assert (counts.sum(axis=1) == 7).all()
    # Multinomial: each unit is drawn once on average, with variance 6/7.
    assert counts.mean(axis=0) == pytest.approx(np.ones(7), abs=0.15)
    assert counts.var() == pytest.approx(6 / 7, abs=0.08)


def test_resamples_come_in_batches_that_fit_into_memory() -> None:
    batches = list(draw_counts(4, 10, np.random.default_rng(0), width=1_000_000))
    assert [len(batch) for batch in batches] == [2, 2, 2, 2, 2]


def test_symmetric_values_reach_as_far_as_students_t() -> None:
    # t(0.975; 2) = 4.30265.
    assert skewed_reach(np.array([-1.0, 0.0, 1.0]), 0.95) == pytest.approx((4.30265, 4.30265), abs=1e-5)
    assert skewed_reach(np.zeros(3), 0.95) == pytest.approx((4.30265, 4.30265), abs=1e-5)


def test_halls_transformation_by_hand() -> None:
    # Nine 0s and one 10: mean 1, residuals nine -1s and one 9. Second moment 9, third 72; skewness 72/27 = 2.6667,
    # times sqrt(90)/8 = 3.1623; a = 3.1623/sqrt(10) = 1. t(0.975; 9) = 2.26216.
    # Down: 3 (cbrt(1 + 2.26216 - 1/6) - 1) = 1.37218. Up: -3 (cbrt(1 - 2.26216 - 1/6) - 1) = 6.37894.
    residuals = np.array([9.0] + [-1.0] * 9)
    down, up = skewed_reach(residuals, 0.95)
    assert (down, up) == pytest.approx((1.37218, 6.37894), abs=1e-5)
    assert skewed_reach(-residuals, 0.95) == pytest.approx((up, down))


def test_the_transformed_interval_covers_a_skewed_mean_where_students_does_not() -> None:
    rng = np.random.default_rng(1)
    student, hall = 0, 0
    for _ in range(1500):
        values = rng.gamma(0.4, 1.0, 60)  # skewness 3.2
        mean, error = values.mean(), values.std(ddof=1) / math.sqrt(60)
        down, up = skewed_reach(values - mean, 0.95)
        student += abs(mean - 0.4) <= t.ppf(0.975, 59) * error
        hall += mean - down * error <= 0.4 <= mean + up * error
    assert student / 1500 < 0.93
    assert 0.935 < hall / 1500 < 0.965


def test_the_bootstrap_t_of_normal_values_reaches_as_far_as_students_t() -> None:
    residuals = np.random.default_rng(2).normal(0, 1, 200)
    residuals -= residuals.mean()
    reach = symmetric_reach(residuals, np.ones(200), rng=np.random.default_rng(0), draws=4000, level=0.95)
    assert reach == pytest.approx(float(t.ppf(0.975, 199)), rel=0.05)


def test_the_bootstrap_t_reaches_farther_where_a_few_values_carry_the_sum() -> None:
    residuals = np.random.default_rng(5).gamma(0.1, 1.0, 50)
    residuals -= residuals.mean()
    reach = symmetric_reach(residuals, np.ones(50), rng=np.random.default_rng(0), draws=2000, level=0.95)
    assert reach > 1.5 * float(t.ppf(0.975, 49))


def test_it_never_reaches_less_far_than_students_t() -> None:
    # Of two units a resample holds both, whose mean is the mean itself, or one twice, which has no standard error.
    reach = symmetric_reach(np.array([-1.0, 1.0]), np.ones(2), rng=np.random.default_rng(0), draws=100, level=0.95)
    assert reach == pytest.approx(12.7062, abs=1e-4)
    assert symmetric_reach(np.zeros(2), np.ones(2), rng=np.random.default_rng(0), draws=9, level=0.95) == reach


def test_a_sources_size_counts() -> None:
    # Residuals are of sums, so a source of five images that say the same weighs as its images do.
    once = np.random.default_rng(3).normal(0, 1, 80)
    once -= once.mean()
    plain = symmetric_reach(once, np.ones(80), rng=np.random.default_rng(0), draws=500, level=0.95)
    fives = symmetric_reach(5 * once, np.full(80, 5.0), rng=np.random.default_rng(0), draws=500, level=0.95)
    assert fives == pytest.approx(plain)
