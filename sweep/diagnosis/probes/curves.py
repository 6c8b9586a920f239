"""What curves over epochs tell: whether the last epochs still fall, and whether validation falls or jumps."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from sweep.diagnosis.quantiles import even_odds, normal_quantile
from sweep.records import Interval

__all__ = ["LEAST_EPOCHS", "falling", "last_slope", "turning"]

LEAST_EPOCHS = 5
"""Below it the interval of a slope is wider than from the least to the greatest one that two epochs give."""


def last_slope(curve: ArrayLike, *, level: float = 0.95) -> Interval | None:
    """Slope over the last third of the epochs, at least five of them; None where there are fewer.

    Args:
        curve: shape (n_epochs,).
        level: of the interval.

    Returns:
        The median of the slopes between any two epochs, per epoch.

    Source: P. K. Sen, Estimates of the regression coefficient based on Kendall's tau, JASA 63 (1968).
    """
    values = np.asarray(curve, dtype=np.float64)
    last = values[-max(LEAST_EPOCHS, math.ceil(len(values) / 3)) :]
    count = len(last)
    if count < LEAST_EPOCHS:
        return None
    earlier, later = np.triu_indices(count, k=1)
    slopes = np.sort((last[later] - last[earlier]) / (later - earlier))
    reach = normal_quantile(level) * math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    low = max(0, math.floor((len(slopes) - reach) / 2) - 1)
    return Interval(
        estimate=float(np.median(slopes)), low=float(slopes[low]), high=float(slopes[-1 - low]), level=level
    )


def falling(curve: ArrayLike) -> float:
    """P of the sign test that a curve does not fall: one-sided, over its steps from epoch to epoch; 1 without any.

    Source: W. J. Dixon and A. M. Mood, The statistical sign test, JASA 41 (1946).
    """
    steps = np.diff(np.asarray(curve, dtype=np.float64))
    steps = steps[steps != 0]
    return even_odds(int(np.sum(steps < 0)), len(steps), "greater") if len(steps) else 1.0


def turning(curve: ArrayLike) -> float:
    """Share of the epochs at which a curve turns; 2/3 where it jumps about a level, 0 where it goes one way.

    NaN with fewer than three epochs.

    Source: M. G. Kendall, Time-Series, 2nd ed. (1976), section 2.2: turning points.
    """
    steps = np.diff(np.asarray(curve, dtype=np.float64))
    return float(np.mean(steps[1:] * steps[:-1] < 0)) if len(steps) > 1 else math.nan
