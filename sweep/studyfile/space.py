"""Ranges of swept fields, and which values lie in them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from sweep.records import Scalar

__all__ = ["Choices", "FieldRange", "NumberRange", "contains", "ends", "grid", "grid_size"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberRange:
    """Numbers from `low` to `high`, both included.

    Attributes:
        integer: whole numbers only.
        log: drawn uniformly on a logarithmic scale; excludes `step`.
        step: distance of neighbouring values, or None for a continuous range.
    """

    low: float
    high: float
    integer: bool = False
    log: bool = False
    step: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """A finite set of values in their stored notation (a list of widths is "512-256", an empty one "none")."""

    values: tuple[Scalar, ...]


FieldRange = NumberRange | Choices


def contains(values: FieldRange, value: Scalar) -> bool:
    """Whether `value`, in stored notation, is one that the range can give."""
    if isinstance(values, Choices):
        return any(type(choice) is type(value) and choice == value for choice in values.values)
    if isinstance(value, (bool, str)) or not values.low <= value <= values.high:
        return False
    if values.integer and value != int(value):
        return False
    return values.step is None or (_decimal(value) - _decimal(values.low)) % _decimal(values.step) == 0


def grid_size(values: FieldRange) -> int | None:
    """How many values a range has, or None for a continuous one."""
    if isinstance(values, Choices):
        return len(values.values)
    step = _step(values)
    return None if step is None else int((_decimal(values.high) - _decimal(values.low)) / step) + 1


def grid(values: FieldRange) -> tuple[Scalar, ...] | None:
    """Every value of a range, numbers in ascending order, or None for a continuous one."""
    if isinstance(values, Choices):
        return values.values
    step, size = _step(values), grid_size(values)
    if step is None or size is None:
        return None
    kind = int if values.integer else float
    return tuple(kind(_decimal(values.low) + position * step) for position in range(size))


def ends(values: FieldRange) -> tuple[Scalar, ...]:
    """The lowest and the highest number of a range, or every choice."""
    return values.values if isinstance(values, Choices) else (values.low, values.high)


def _step(values: NumberRange) -> Decimal | None:
    step = values.step or (1 if values.integer else None)
    return None if step is None else _decimal(step)


def _decimal(number: float) -> Decimal:
    """Exact for what the user wrote: 0.1 is a tenth, and 3 steps of it are 0.3."""
    return Decimal(repr(number))
