"""Quantiles and tail probabilities, remembered: thousands of trials ask for the same few, and scipy takes its time."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, TypeAlias

from scipy.stats import binomtest, norm, t

__all__ = ["Alternative", "even_odds", "normal_quantile", "student_quantile"]

Alternative: TypeAlias = Literal["two-sided", "less", "greater"]


@lru_cache(maxsize=1024)
def normal_quantile(level: float) -> float:
    """Standard errors from the middle to either end of a two-sided interval of a normal variable."""
    return float(norm.ppf((1 + level) / 2))


@lru_cache(maxsize=1024)
def student_quantile(level: float, units: int) -> float:
    """The same for the mean of so many units, whose spread is estimated; NaN for a single one."""
    return float(t.ppf((1 + level) / 2, units - 1))


@lru_cache(maxsize=65_536)
def even_odds(successes: int, n: int, alternative: Alternative) -> float:
    """Exact p of so many successes of n where both outcomes are equally likely."""
    return float(binomtest(successes, n, 0.5, alternative=alternative).pvalue)
