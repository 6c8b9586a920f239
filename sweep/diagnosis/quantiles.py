"""Quantiles and tail probabilities, remembered: thousands of trials ask for the same few, and scipy takes its time.

From `scipy.special`: importing `scipy.stats` alone takes half a second.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, TypeAlias

from scipy.special import bdtr, bdtrc, ndtri, stdtr, stdtrit

__all__ = ["Alternative", "even_odds", "normal_quantile", "student_quantile", "student_tails"]

Alternative: TypeAlias = Literal["two-sided", "less", "greater"]


@lru_cache(maxsize=1024)
def normal_quantile(level: float) -> float:
    """Standard errors from the middle to either end of a two-sided interval of a normal variable."""
    return float(ndtri((1 + level) / 2))


@lru_cache(maxsize=1024)
def student_quantile(level: float, units: int) -> float:
    """The same for the mean of so many units, whose spread is estimated; NaN for a single one."""
    return float(stdtrit(units - 1, (1 + level) / 2))


def student_tails(distance: float, units: int) -> float:
    """Probability that the mean of so many units is as many estimated standard errors off, on either side."""
    return 2 * float(stdtr(units - 1, -abs(distance)))


@lru_cache(maxsize=65_536)
def even_odds(successes: int, n: int, alternative: Alternative) -> float:
    """Exact p of so many successes of n where both outcomes are equally likely."""
    if alternative == "two-sided":  # the distribution is symmetric
        return min(1.0, 2 * float(bdtr(min(successes, n - successes), n, 0.5)))
    return float(bdtr(successes, n, 0.5) if alternative == "less" else bdtrc(successes - 1, n, 0.5))
