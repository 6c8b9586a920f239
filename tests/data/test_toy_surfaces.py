"""Materials: seamless noise, and patterns within bounds."""

from __future__ import annotations

import numpy as np
import pytest

from sweep.data import toy_surfaces
from sweep.data.toy_surfaces import noise_window, random_colour, surface


def test_noise_has_zero_mean_and_unit_spread_and_repeats_endlessly() -> None:
    window = noise_window(np.random.default_rng(0), 1024, 512)
    assert window.mean() == pytest.approx(0, abs=1e-3)
    assert window.std() == pytest.approx(1, abs=1e-3)
    np.testing.assert_array_equal(window[:512], window[512:])


@pytest.mark.parametrize("pattern", range(len(toy_surfaces._PATTERNS)))
def test_every_pattern_covers_the_grid_with_shares_of_two_colours(pattern: int) -> None:
    axis = np.arange(40, dtype=np.float32) / np.float32(10)
    amount = toy_surfaces._PATTERNS[pattern](np.random.default_rng(1), axis[None, :], axis[:, None])
    assert amount.shape == (40, 40)
    assert amount.dtype == np.float32
    assert 0 <= amount.min() <= amount.max() <= 1.3


def test_a_surface_has_three_planes() -> None:
    axis = np.arange(30, dtype=np.float32) / np.float32(10)
    material = surface(np.random.default_rng(0), axis[None, :], axis[:, None])
    assert material.shape == (3, 30, 30)


def test_colours_are_shares_of_red_green_and_blue() -> None:
    colours = np.array([random_colour(np.random.default_rng(seed)) for seed in range(50)])
    assert 0 <= colours.min() < colours.max() <= 1
