"""Where bars stand in the page, in percent of the width that they share."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from sweep.diagnosis.ranking import RankedTrial

__all__ = ["AccuracyBar", "accuracy_bars", "accuracy_scale", "even_marks"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyBar:
    """Where a trial's train and validation accuracy stand on a common scale, in percent of its width."""

    train: float
    validation: float
    low: float
    high: float
    gap_start: float
    gap_width: float


def accuracy_scale(rows: Iterable[RankedTrial]) -> tuple[int, ...]:
    """The labelled positions of the common accuracy scale, in percent, the first and the last its ends."""
    lowest = min((100 * min(row.validation.low, row.measurement.train_accuracy) for row in rows), default=0.0)
    start = 10 * int(lowest // 10)
    step = 10 if 100 - start <= 50 else 20
    return tuple(sorted({*range(100, start, -step), start}))


def accuracy_bars(rows: Iterable[RankedTrial]) -> dict[int, AccuracyBar]:
    """The bar of every row, by trial."""
    every = list(rows)
    start = accuracy_scale(every)[0]
    return {row.number: _bar(row, start) for row in every}


def even_marks(low: float, high: float, *, most: int = 6) -> tuple[float, ...]:
    """Round numbers at even steps of 1, 2 or 5 times a power of ten, 0 among them where it lies between the bounds.

    Raises:
        ValueError: `high` is not above `low`.
    """
    if not high > low:
        raise ValueError(f"expected bounds in ascending order, got {low} and {high}")
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    step = next(factor * power for factor in (1, 2, 5, 10) if (high - low) / (factor * power) <= most)
    return tuple(place * step for place in range(math.ceil(low / step), math.floor(high / step) + 1))


def _bar(row: RankedTrial, start: int) -> AccuracyBar:
    def place(share: float) -> float:
        return round(100 * (100 * share - start) / (100 - start), 2)

    train, validation = place(row.measurement.train_accuracy), place(row.validation.estimate)
    return AccuracyBar(
        train=train,
        validation=validation,
        low=place(row.validation.low),
        high=place(row.validation.high),
        gap_start=min(train, validation),
        gap_width=round(abs(train - validation), 2),
    )
