"""Slopes against scipy's Theil-Sen, signs and turns against counting."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import theilslopes

from sweep.diagnosis.probes.curves import falling, last_slope, turning


def test_the_slope_is_sens_median_with_its_interval() -> None:
    rng = np.random.default_rng(3)
    curve = 1.0 - 0.02 * np.arange(30) + rng.normal(0.0, 0.03, 30)
    found = last_slope(curve)
    theirs = theilslopes(curve[-10:], np.arange(10))
    assert found is not None
    assert found.estimate == pytest.approx(theirs.slope)
    assert found.low <= theirs.low_slope < theirs.slope < theirs.high_slope <= found.high
    assert found.low < -0.02 < found.high


def test_five_epochs_are_spanned_whole_and_four_are_too_few() -> None:
    found = last_slope([5.0, 4.0, 3.5, 2.0, 1.5])
    assert found is not None
    assert (found.low, found.high) == (-1.5, -0.5)
    assert last_slope([4.0, 3.0, 2.0, 1.0]) is None


def test_only_the_last_third_counts() -> None:
    found = last_slope(np.concatenate([np.linspace(9, 1, 20), np.ones(10)]))
    assert found is not None
    assert (found.estimate, found.low, found.high) == (0.0, 0.0, 0.0)


def test_the_covered_slope_is_the_true_one() -> None:
    rng = np.random.default_rng(4)
    covered = 0
    for _ in range(300):
        found = last_slope(-0.1 * np.arange(24) + rng.standard_t(3, 24))
        assert found is not None
        covered += found.low <= -0.1 <= found.high
    assert covered / 300 > 0.92


def test_falling_counts_steps_down() -> None:
    assert falling([5.0, 4.0, 3.0, 2.0, 1.0]) == pytest.approx(1 / 16)
    assert falling([1.0, 2.0, 1.0, 2.0]) == pytest.approx(7 / 8)
    assert falling([1.0, 1.0]) == 1.0
    assert falling([]) == 1.0


def test_turning_is_the_share_of_turns() -> None:
    assert turning([1.0, 2.0, 1.0, 2.0]) == 1.0
    assert turning([4.0, 3.0, 2.0, 1.0]) == 0.0
    assert math.isnan(turning([1.0, 2.0]))
    assert turning(np.random.default_rng(7).normal(size=4000)) == pytest.approx(2 / 3, abs=0.03)
