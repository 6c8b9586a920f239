"""The space of a hypermodel is what its trials have drawn from."""

from __future__ import annotations

from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from sweep.search.drawn import drawn_space
from sweep.studyfile.space import Choices, NumberRange


def test_a_parameter_has_the_range_that_it_was_drawn_from() -> None:
    space = drawn_space(
        {
            "rate": [FloatDistribution(1e-4, 1e-2, log=True)],
            "dropout": [FloatDistribution(0.0, 0.6, step=0.2)],
            "width": [IntDistribution(32, 128, step=32)],
            "wide": [CategoricalDistribution((False, True))],
        }
    )
    assert space == {
        "rate": NumberRange(low=1e-4, high=1e-2, log=True),
        "dropout": NumberRange(low=0.0, high=0.6, step=0.2),
        "width": NumberRange(low=32, high=128, integer=True, step=32),
        "wide": Choices(values=(False, True)),
    }


def test_a_parameter_of_two_scopes_spans_both() -> None:
    space = drawn_space({"width": [IntDistribution(8, 16), IntDistribution(64, 128, step=32)]})
    assert space == {"width": NumberRange(low=8, high=128, integer=True)}
