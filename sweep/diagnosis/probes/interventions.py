"""What follows from changes that were tried: the best of several, an effect that counts under a condition, a remedy."""

from __future__ import annotations

from collections.abc import Sequence

from sweep.diagnosis.probes.gains import Gain
from sweep.records import FitRecord, Interval, Remedy, Scalar

__all__ = ["CONDITION", "bounded", "credited", "greatest", "p_under", "remedy_of", "shared_level", "spoken"]

ERROR_RATE = 0.05
"""Of the intervals of all changes that were tried, taken together."""
CONDITION = 0.05
"""Error rate, on one side, of what must hold beside an effect for it to be this cause's."""


def shared_level(number: int) -> float:
    """Level of each of so many intervals that hold at once (Bonferroni)."""
    return 1 - ERROR_RATE / number


def greatest(gains: Sequence[Gain], *, beside: int = 0) -> tuple[int, float, Interval]:
    """The surest of several gains: its position, p that none of them is above 0, and the greatest one's interval.

    Both hold for all of them at once, so that choosing the best of many gains nothing.

    Args:
        gains: at least one.
        beside: how many others, in another unit, they are to hold at once with.
    """
    number = len(gains) + beside
    intervals = [gain.interval(shared_level(number)) for gain in gains]
    chosen = max(range(len(gains)), key=lambda position: intervals[position].low)
    effect = Interval(
        estimate=gains[chosen].estimate, low=intervals[chosen].low, high=max(one.high for one in intervals)
    )
    return chosen, min(1.0, number * gains[chosen].above()), effect


def credited(effect: Interval, condition: Gain, *, least: float = 0.0, threshold: float = 0.0) -> Interval:
    """An effect so far as its condition is met: nothing where it is shown not to be, open where it may not be.

    Args:
        effect: of the cause, if the condition is met.
        condition: of what must be above the threshold, at `CONDITION`.
        least: where the condition is shown to lie below it, the cause is not at work.
        threshold: at most `least`.
    """
    level = 1 - 2 * CONDITION
    if condition.interval(level).high < least:
        return Interval(estimate=0.0, low=0.0, high=0.0)
    low = effect.low if condition.above(threshold) <= CONDITION else min(0.0, effect.low)
    return Interval(estimate=effect.estimate, low=low, high=effect.high)


def p_under(p: float, condition: float) -> float:
    """P of an effect under a condition, whose own p is held to `CONDITION` alone: it tells causes apart, not harm."""
    return p if condition <= CONDITION else max(p, condition)


def remedy_of(fit: FitRecord) -> Remedy:
    """What was changed in a fit, as a remedy."""
    return Remedy(sentence=f"Set {spoken(fit)}." if fit.changes else f"Train as in {fit.name!r}.", changes=fit.changes)


def spoken(fit: FitRecord) -> str:
    """Its changed fields in words: "head_width = none and dropout = 0.5"; its name where none are given."""
    *first, last = [f"{field.rpartition('.')[2]} = {_written(value)}" for field, value in fit.changes.items()] or [
        fit.name
    ]
    return f"{', '.join(first)} and {last}" if first else last


def bounded(name: str, interval: Interval) -> dict[str, Scalar]:
    """An interval as evidence: the estimate under its name, the bounds under "…_low" and "…_high"."""
    return {name: interval.estimate, f"{name}_low": interval.low, f"{name}_high": interval.high}


def _written(value: Scalar) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)
