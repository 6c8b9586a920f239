"""Permutation tests: their p by hand, when they give up, and that giving up leaves p valid."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from sweep.diagnosis.permutations import DRAWS, permutation_p


def counting(values: Callable[[int], NDArray[np.float64]]) -> tuple[list[int], Callable[[int], NDArray[np.float64]]]:
    asked: list[int] = []

    def permuted(count: int) -> NDArray[np.float64]:
        asked.append(count)
        return values(count)

    return asked, permuted


def test_ties_count_and_the_data_as_they_are_count_too() -> None:
    # Of 9 permuted statistics 2 are at least 3.0, one of them equal: (1 + 2) / (9 + 1).
    p, found = permutation_p(3.0, lambda count: np.array([0.0, 1, 2, 3, 4, 0, 0, 0, 0])[:count], draws=9)
    assert p == pytest.approx(0.3)
    assert found.shape == (9,)


def test_equal_up_to_rounding_is_equal() -> None:
    assert permutation_p(0.1 + 0.2, lambda count: np.full(count, 0.3), draws=99)[0] == 1.0


def test_p_is_never_0_and_small_enough_for_twice_it_among_24_causes() -> None:
    asked, permuted = counting(np.zeros)
    p, found = permutation_p(1.0, permuted)
    assert p == 1 / (DRAWS + 1)
    assert 2 * 24 * p < 0.01
    assert sum(asked) == len(found) == DRAWS


def test_it_gives_up_after_199_draws_where_p_is_above_a_tenth() -> None:
    rng = np.random.default_rng(0)
    asked, permuted = counting(rng.random)
    p, _ = permutation_p(0.7, permuted)
    assert asked == [199]
    assert p == pytest.approx(0.3, abs=0.1)


def test_giving_up_leaves_p_valid() -> None:
    rng = np.random.default_rng(1)
    p = np.array([permutation_p(rng.random(), rng.random, draws=999)[0] for _ in range(4000)])
    for level in (0.01, 0.05, 0.1, 0.2, 0.5):
        assert np.mean(p <= level) < level + 3 * np.sqrt(level * (1 - level) / 4000)
    # Not conservative either: nothing is lost below the level at which it gives up.
    assert np.mean(p <= 0.05) > 0.038
