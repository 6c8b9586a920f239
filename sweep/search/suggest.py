"""Ranges of a study file as Optuna's distributions, and a trial's draws in the notation of the database."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from sweep.records import Scalar
from sweep.studyfile.space import Choices, FieldRange, NumberRange, grid_size

__all__ = ["distributions", "draw", "settled", "space_size", "suggest"]


def distributions(space: Mapping[str, FieldRange]) -> dict[str, BaseDistribution]:
    """Optuna's form of each range."""
    return {name: _distribution(values) for name, values in space.items()}


def suggest(trial: optuna.Trial, space: Mapping[str, FieldRange]) -> dict[str, Scalar]:
    """Draw every field of the space in its order; values in stored notation."""
    return {name: _draw(trial, name, distribution) for name, distribution in distributions(space).items()}


def draw(trial: optuna.Trial, name: str, values: FieldRange) -> Scalar:
    """Draw one value; a stored one."""
    return _draw(trial, name, _distribution(values))


def settled(value: Scalar, distribution: BaseDistribution) -> Scalar:
    """A drawn value without the rounding that Optuna leaves in stepped ranges: 0.30000000000000004 becomes 0.3."""
    if not isinstance(distribution, FloatDistribution) or distribution.step is None:
        return value
    return _grid_value(distribution, round((float(value) - distribution.low) / distribution.step))


def space_size(space: Mapping[str, FieldRange]) -> int | None:
    """Number of different configurations, or None where a range is continuous."""
    sizes = [grid_size(values) for values in space.values()]
    return None if None in sizes else math.prod(size for size in sizes if size is not None)


def _distribution(values: FieldRange) -> BaseDistribution:
    if isinstance(values, Choices):
        return CategoricalDistribution(values.values)
    if values.integer:
        step = _whole_step(values)
        low, high = int(values.low), int(values.high)
        return IntDistribution(low, low + (high - low) // step * step, log=values.log, step=step)
    if values.step is not None:
        # Optuna warns where the step does not divide the range, and then shortens the range as we do.
        return FloatDistribution(values.low, _grid_value(values, _intervals(values)), step=values.step)
    return FloatDistribution(values.low, values.high, log=values.log)


def _draw(trial: optuna.Trial, name: str, distribution: BaseDistribution) -> Scalar:
    if isinstance(distribution, FloatDistribution):
        return trial.suggest_float(
            name, distribution.low, distribution.high, step=distribution.step, log=distribution.log
        )
    if isinstance(distribution, IntDistribution):
        return trial.suggest_int(
            name, distribution.low, distribution.high, step=distribution.step, log=distribution.log
        )
    assert isinstance(distribution, CategoricalDistribution)
    choice: Scalar = trial.suggest_categorical(name, distribution.choices)  # type: ignore[assignment]
    return choice


def _whole_step(values: NumberRange) -> int:
    return 1 if values.step is None else int(values.step)


def _intervals(values: NumberRange) -> int:
    return int((Decimal(str(values.high)) - Decimal(str(values.low))) / Decimal(str(values.step)))


def _grid_value(values: NumberRange | FloatDistribution, position: int) -> float:
    """Reckoned in decimals: 3 steps of 0.1 are 0.3."""
    return float(Decimal(str(values.low)) + position * Decimal(str(values.step)))
