"""Mask arithmetic with the numbers of a head of four units under dropout 0.8, and of pooled feature maps."""

from __future__ import annotations

import numpy as np
import pytest

from sweep.diagnosis.probes.masks import HiddenLayers, active_units, mask_arithmetic, narrowest, perturbation

FOUR_OF_FOUR = HiddenLayers(widths=(4, 4), rates=(0.8, 0.0), classes=4)


def test_four_units_under_dropout_four_fifths() -> None:
    found = mask_arithmetic(4, 0.8, 4)
    assert found["active_units"] == pytest.approx(0.8)
    assert found["all_dropped"] == pytest.approx(0.4096)
    assert found["masked_accuracy_at_most"] == pytest.approx(0.6928)
    assert found["masked_accuracy_one_unit_a_class"] == pytest.approx(0.4)


def test_the_ceiling_is_reached_by_a_code_that_any_one_unit_tells() -> None:
    # Two classes, two units that both know the class: wrong only where both are gone, and then half the time.
    rng = np.random.default_rng(5)
    gone = rng.random((200_000, 2)) < 0.6
    guesses = rng.random(200_000) < 0.5
    accuracy = np.where(gone.all(axis=1), guesses, True).mean()
    assert mask_arithmetic(2, 0.6, 2)["masked_accuracy_at_most"] == pytest.approx(accuracy, abs=0.004)


def test_the_narrowest_layer_is_the_one_with_fewest_active_units() -> None:
    assert active_units(FOUR_OF_FOUR) == pytest.approx((0.8, 4.0))
    assert narrowest(FOUR_OF_FOUR) == 0
    # Nine of ten units of the last layer are dead: 0.4 of 4 are left.
    assert active_units(FOUR_OF_FOUR, 0.9) == pytest.approx((0.8, 0.4))
    assert narrowest(FOUR_OF_FOUR, 0.9) == 1


def test_a_convolution_stands_before_the_dense_layers() -> None:
    hidden = HiddenLayers(widths=(64,), rates=(0.5,), classes=10, filters=8)
    assert hidden.layers == ((8, 0.0), (64, 0.5))
    assert active_units(hidden) == (8.0, 32.0)
    assert HiddenLayers(widths=(), rates=(), classes=3, filters=16).layers == ((16, 0.0),)


@pytest.mark.parametrize(
    ("rate", "positions", "expected"), [(0.5, 25, 0.2), (0.5, 1, 1.0), (0.9, 25, 0.6), (0.9, 1, 3.0)]
)
def test_pooling_averages_masks_away(rate: float, positions: int, expected: float) -> None:
    assert perturbation(rate, positions) == pytest.approx(expected)


def test_the_perturbation_is_that_of_simulated_masks() -> None:
    rng = np.random.default_rng(6)
    kept = rng.random((50_000, 16)) >= 0.3
    averages = (kept / 0.7).mean(axis=1)
    assert perturbation(0.3, 16) == pytest.approx(averages.std() / averages.mean(), rel=0.02)
