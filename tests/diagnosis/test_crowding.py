"""How near nearest neighbours are by chance: the law against formulas and against drawn points."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import kstest

from sweep.diagnosis.crowding import chance_of_ratio, dimension_of_ratios, ratio_of_chance


def drawn_ratios(dimension: float, neighbour: int, count: int) -> NDArray[np.float64]:
    """The least of so many even numbers, as a ratio of distances."""
    rng = np.random.default_rng(0)
    return np.asarray(rng.random((count, neighbour - 1)).min(axis=1) ** (1 / dimension))


def test_the_chance_is_that_of_the_least_of_even_numbers() -> None:
    assert chance_of_ratio([0.0, 0.3, 1.0], 1.0, 2).tolist() == pytest.approx([0.0, 0.3, 1.0])
    assert float(chance_of_ratio(0.5, 2.0, 3)) == pytest.approx(1 - 0.75**2)
    assert float(chance_of_ratio(0.5, 3.0, 6)) == pytest.approx(1 - 0.875**5)


def test_small_chances_keep_their_digits() -> None:
    assert float(chance_of_ratio(1e-5, 4.0, 3)) == pytest.approx(2e-20)


def test_points_in_a_square_follow_it() -> None:
    # Distances around a square without edges, of 200 independent sets of 40 points: one ratio each.
    rng = np.random.default_rng(1)
    ratios = []
    for _ in range(200):
        away = np.abs(rng.random((40, 2)) - 0.5)  # from a point in the middle
        distances = np.sort(np.hypot(*away.T))
        ratios.append(distances[0] / distances[4])
    assert kstest(chance_of_ratio(ratios, 2.0, 5), "uniform").pvalue > 0.01
    assert kstest(chance_of_ratio(ratios, 3.0, 5), "uniform").pvalue < 1e-4


@pytest.mark.parametrize("chance", [1e-30, 1e-9, 0.3])
def test_the_ratio_of_any_chance_has_it(chance: float) -> None:
    assert float(chance_of_ratio(ratio_of_chance(chance, 20.0, 50), 20.0, 50)) == pytest.approx(chance)


def test_the_ratio_of_a_chance_is_its_inverse() -> None:
    ratio = ratio_of_chance(0.005, 7.0, 3)
    assert ratio == pytest.approx((1 - 0.995**0.5) ** (1 / 7))
    assert float(chance_of_ratio(ratio, 7.0, 3)) == pytest.approx(0.005)


@pytest.mark.parametrize("dimension", [2.0, 12.0])
@pytest.mark.parametrize("bounds", [(0.0, 1.0), (0.5, 1.0), (0.3, 0.8)])
def test_the_dimension_is_found_from_ratios_between_bounds(dimension: float, bounds: tuple[float, float]) -> None:
    found = dimension_of_ratios(drawn_ratios(dimension, 3, 20_000), *bounds, 3)
    assert found == pytest.approx(dimension, rel=0.1)


def test_copies_below_the_bound_do_not_count() -> None:
    ratios = drawn_ratios(12.0, 3, 2_000)
    among_copies = np.concatenate([ratios, np.full(500, 0.01)])
    assert dimension_of_ratios(among_copies, 0.5, 1.0, 3) == dimension_of_ratios(ratios, 0.5, 1.0, 3)


def test_too_few_ratios_tell_no_dimension() -> None:
    ratios = np.linspace(0.6, 0.9, 19)
    assert dimension_of_ratios(ratios, 0.5, 1.0, 3) is None
    assert dimension_of_ratios(np.append(ratios, 0.7), 0.5, 1.0, 3) is not None
