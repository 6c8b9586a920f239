"""The space of a hypermodel, put together from what its trials have drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from sweep.records import Scalar
from sweep.studyfile.space import Choices, FieldRange, NumberRange

__all__ = ["drawn_space"]


def drawn_space(distributions: Mapping[str, Sequence[BaseDistribution]]) -> dict[str, FieldRange]:
    """One range for each parameter; it spans all that a parameter of several scopes was drawn from."""
    return {name: _joined(found) for name, found in distributions.items()}


def _joined(found: Sequence[BaseDistribution]) -> FieldRange:
    numbers = [one for one in found if isinstance(one, (IntDistribution, FloatDistribution))]
    if not numbers:
        choices: list[Scalar] = [
            choice  # type: ignore[misc] # of None, which a hyperparameter cannot be
            for one in found
            if isinstance(one, CategoricalDistribution)
            for choice in one.choices
        ]
        return Choices(values=tuple(dict.fromkeys(choices)))
    steps = {one.step for one in numbers}
    integer = isinstance(numbers[0], IntDistribution)
    step = steps.pop() if len(steps) == 1 else None
    return NumberRange(
        low=min(one.low for one in numbers),
        high=max(one.high for one in numbers),
        integer=integer,
        log=all(one.log for one in numbers),
        step=None if integer and step == 1 else step,
    )
