"""Differences and their errors: Student's quantiles, Welch's degrees of freedom, equivalence, sums."""

from __future__ import annotations

import math

import pytest
from scipy.stats import t as student

from sweep.diagnosis.probes.gains import LUCK_DEGREES, Gain


def gain(estimate: float, *, images: float = 0.0, training: float = 0.0, units: int = 101) -> Gain:
    return Gain(estimate=estimate, centre=estimate, images_variance=images, training_variance=training, units=units)


def test_degrees_of_freedom_are_those_of_what_is_uncertain() -> None:
    few_images, few_trainings = gain(0.1, images=1e-3), gain(0.1, training=1e-3)
    assert few_images.above() == pytest.approx(student.sf(0.1 / math.sqrt(1e-3), 100))
    assert few_trainings.above() == pytest.approx(student.sf(0.1 / math.sqrt(1e-3), LUCK_DEGREES))
    both = gain(0.1, images=1e-3, training=1e-3)
    degrees = 4 / (1 / 100 + 1 / LUCK_DEGREES)
    assert both.above() == pytest.approx(student.sf(0.1 / math.sqrt(2e-3), degrees))


def test_more_images_help_only_against_their_own_error() -> None:
    assert gain(0.1, images=2e-3, training=1e-3).images == 101
    assert gain(0.1, images=1e-3, training=2e-3).images == 0


def test_a_difference_without_error_is_certain() -> None:
    assert gain(0.1).above() == 0.0
    assert gain(0.1).above(0.1) == 1.0
    assert gain(0.1).interval().low == gain(0.1).interval().high == 0.1


def test_equivalence_takes_the_nearer_margin() -> None:
    found = gain(0.005, images=1e-4)
    assert found.within(0.02) == pytest.approx(student.sf(0.015 / 0.01, 100))
    assert found.turned().within(0.02) == pytest.approx(found.within(0.02))


def test_sums_add_variances() -> None:
    total = gain(0.1, images=1e-4, units=50).plus(gain(-0.02, training=3e-4, units=0))
    assert total.estimate == pytest.approx(0.08)
    assert total.error == pytest.approx(0.02)
    assert total.units == 50


def test_a_single_unit_leaves_everything_possible() -> None:
    alone = gain(0.3, images=math.inf, units=1)
    assert alone.above() == 1.0
    assert (alone.interval().low, alone.interval().high) == (-1.0, 1.0)
