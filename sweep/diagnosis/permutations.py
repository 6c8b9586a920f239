"""Permutation tests: p from how often permuted data do as well, given up early where nothing can come of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["DRAWS", "permutation_p"]

FloatArray = NDArray[np.float64]

DRAWS = 5_999
"""Two such tests in one, so twice the p, among 25 causes must be able to fall below 0.01: 2 · 25 / (5,999 + 1) does. A
single one among 22 with 2,199 draws does not: it ends at 0.01 at best."""

_FIRST = 199
_HOPELESS = 0.1  # p after the first draws beyond which no verdict can change
_BATCH = 400  # draws held in memory at once
_SAME = 1e-12  # statistics that differ by rounding alone are equal


def permutation_p(
    observed: float, permuted: Callable[[int], FloatArray], *, draws: int = DRAWS
) -> tuple[float, FloatArray]:
    """One-sided p of a statistic, and what it was on permuted data.

    p = (1 + permuted ones at least as large) / (draws + 1) is never 0. After the first 199 draws the test ends where p
    is above 0.1; p stays valid, as what goes on is a part of what had a small p by then.

    Args:
        observed: the statistic of the data as they are; large values speak against the null hypothesis.
        permuted: gives the statistics of so many further permutations, shape (n,).
        draws: how many permutations at most.

    Source: B. Phipson and G. K. Smyth, Permutation p-values should never be zero, Stat. Appl. Genet. Mol. Biol. 9
    (2010), arXiv:1603.05766.
    """
    found = [permuted(min(_FIRST, draws))]
    p = _share(observed, found[0])
    if p <= _HOPELESS:
        found += [permuted(min(_BATCH, draws - start)) for start in range(_FIRST, draws, _BATCH)]
        p = _share(observed, np.concatenate(found))
    return p, np.concatenate(found)


def _share(observed: float, permuted: FloatArray) -> float:
    return (1 + int(np.sum(permuted >= observed - _SAME))) / (len(permuted) + 1)
