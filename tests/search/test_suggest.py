"""Ranges and Optuna's distributions."""

from __future__ import annotations

import optuna
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from sweep.records import Scalar
from sweep.search.suggest import distributions, settled, space_size, suggest
from sweep.studyfile.space import Choices, FieldRange, NumberRange

TENTHS = NumberRange(low=0.0, high=0.9, step=0.1)
LAYERS = NumberRange(low=0, high=45, integer=True, step=10)
WIDTHS = Choices(values=("none", 128, "512-256"))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (NumberRange(low=0.0, high=0.9), FloatDistribution(0.0, 0.9)),
        (NumberRange(low=1e-6, high=1e-1, log=True), FloatDistribution(1e-6, 1e-1, log=True)),
        (TENTHS, FloatDistribution(0.0, 0.9, step=0.1)),
        # The step does not divide the range: 40 is the last value.
        (LAYERS, IntDistribution(0, 40, step=10)),
        (NumberRange(low=0.0, high=1.0, step=0.3), FloatDistribution(0.0, 0.9, step=0.3)),
        (NumberRange(low=1, high=64, integer=True, log=True), IntDistribution(1, 64, log=True)),
        (WIDTHS, CategoricalDistribution(("none", 128, "512-256"))),
    ],
)
def test_each_range_has_its_distribution(values: FieldRange, expected: BaseDistribution) -> None:
    assert distributions({"field": values}) == {"field": expected}


def test_the_size_of_a_space_is_known_unless_a_range_is_continuous() -> None:
    assert space_size({"dropout": TENTHS, "unfrozen_layers": LAYERS, "head_width": WIDTHS}) == 10 * 5 * 3
    assert space_size({"dropout": NumberRange(low=0.0, high=0.9), "head_width": WIDTHS}) is None
    assert space_size({}) == 1


def test_draws_come_in_stored_notation_and_in_the_order_of_the_space() -> None:
    space: dict[str, FieldRange] = {"unfrozen_layers": LAYERS, "head_width": WIDTHS, "dropout": TENTHS}
    study = optuna.create_study()
    study.enqueue_trial({"dropout": 0.3, "unfrozen_layers": 20, "head_width": "512-256"})
    drawn = suggest(study.ask(), space)
    assert list(drawn.items()) == [("unfrozen_layers", 20), ("head_width", "512-256"), ("dropout", 0.3)]
    assert isinstance(drawn["unfrozen_layers"], int)


@pytest.mark.parametrize(
    ("drawn", "distribution", "expected"),
    [
        (0.30000000000000004, FloatDistribution(0.0, 0.9, step=0.1), 0.3),
        (0.1 + 0.2 + 0.4, FloatDistribution(0.1, 0.9, step=0.2), 0.7),
        (0.0123456789, FloatDistribution(1e-6, 0.1, log=True), 0.0123456789),
        (20, IntDistribution(0, 40, step=10), 20),
        ("512-256", CategoricalDistribution(("none", "512-256")), "512-256"),
    ],
)
def test_values_of_stepped_ranges_are_freed_of_rounding(
    drawn: Scalar, distribution: BaseDistribution, expected: Scalar
) -> None:
    assert settled(drawn, distribution) == expected
