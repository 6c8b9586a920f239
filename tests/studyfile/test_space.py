"""Which values lie in a range, and its grid."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweep.records import Scalar
from sweep.studyfile.space import Choices, FieldRange, NumberRange, contains, ends, grid, grid_size

RATES = NumberRange(low=0.0, high=0.9)
TENTHS = NumberRange(low=0.0, high=0.9, step=0.1)
LAYERS = NumberRange(low=0, high=40, integer=True, step=10)
WIDTHS = Choices(values=("none", "64", "512-256"))


@pytest.mark.parametrize(
    ("values", "value"),
    [(RATES, 0.0), (RATES, 0.9), (RATES, 0.123), (TENTHS, 0.3), (TENTHS, 0.7), (LAYERS, 40), (WIDTHS, "none")],
)
def test_ends_steps_and_choices_are_inside(values: FieldRange, value: Scalar) -> None:
    assert contains(values, value)


@pytest.mark.parametrize(
    ("values", "value"),
    [
        (RATES, 0.91), (RATES, -0.1), (RATES, "0.5"), (RATES, "0.5-0.3"), (RATES, True), (TENTHS, 0.35), (LAYERS, 5),
        (LAYERS, 50), (NumberRange(low=1, high=9, integer=True), 2.5), (WIDTHS, "128"), (WIDTHS, 64),
        (Choices(values=(0, 1)), False), (Choices(values=(0.0, 0.5)), 0),
    ],
)  # fmt: skip
def test_other_numbers_and_other_types_are_outside(values: FieldRange, value: Scalar) -> None:
    assert not contains(values, value)


@pytest.mark.parametrize(
    ("values", "points"),
    [
        (TENTHS, (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)),
        (LAYERS, (0, 10, 20, 30, 40)),
        (NumberRange(low=2, high=4, integer=True), (2, 3, 4)),
        (WIDTHS, ("none", "64", "512-256")),
        (RATES, None),
    ],
)
def test_a_grid_holds_what_a_person_would_write(values: FieldRange, points: tuple[Scalar, ...] | None) -> None:
    assert grid(values) == points
    assert grid_size(values) == (None if points is None else len(points))


@given(st.integers(-50, 50), st.integers(1, 20), st.integers(1, 30))
def test_every_point_of_a_grid_is_inside(low: int, hundredths: int, steps: int) -> None:
    step = hundredths / 100
    values = NumberRange(low=low / 10, high=round(low / 10 + step * steps, 2), step=step)
    points = grid(values)
    assert points is not None
    assert len(points) == steps + 1
    assert all(contains(values, point) for point in points)


def test_ends_are_the_extremes_or_all_choices() -> None:
    assert ends(LAYERS) == (0, 40)
    assert ends(WIDTHS) == ("none", "64", "512-256")
