"""Who is beaten by nobody in both measures at once."""

from __future__ import annotations

import math

import numpy as np

from sweep.diagnosis.pareto import pareto_front


def test_a_front_by_hand() -> None:
    # (0.5, 0.3) and (0.6, 0.1) trade one for the other; (0.6, 0.3) loses to both, (0.55, 0.3) to the first.
    points = [(0.6, 0.3), (0.5, 0.3), (0.6, 0.1), (0.55, 0.3)]
    assert pareto_front(points) == (False, True, True, False)


def test_equal_points_share_their_fate() -> None:
    assert pareto_front([(0.5, 0.2), (0.5, 0.2), (0.5, 0.3), (0.5, 0.3)]) == (True, True, False, False)


def test_no_gap_at_all_belongs_to_the_best_of_those_without() -> None:
    assert pareto_front([(0.7, 0.0), (0.8, 0.0), (0.9, 0.0)]) == (True, False, False)


def test_a_point_that_is_not_a_number_is_never_on_the_front() -> None:
    assert pareto_front([(math.nan, 0.0), (0.5, math.nan), (0.9, 0.9)]) == (False, False, True)
    assert pareto_front([]) == ()


def test_the_front_is_what_the_definition_says() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        points = [(int(x), int(y)) for x, y in rng.integers(0, 6, (12, 2))]
        beaten = [any(x <= a and y <= b and (x, y) != (a, b) for x, y in points) for a, b in points]
        assert pareto_front(points) == tuple(not one for one in beaten)
