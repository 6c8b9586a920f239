"""How close a nearest neighbour is by chance alone, where images fill their surroundings evenly.

In m dimensions the nearest neighbour's distance in units of the k-th one's, to the power of m, is the least of k - 1
numbers drawn evenly from 0 to 1. Density and unit of length cancel out, so the law holds for crowded sets and sparse
ones; m alone has to be known.

Source: E. Facco, M. d'Errico, A. Rodriguez and A. Laio, Estimating the intrinsic dimension of datasets by a minimal
neighborhood information, Sci. Rep. 7 (2017), arXiv:1803.06992; there for k = 2.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["chance_of_ratio", "dimension_of_ratios", "ratio_of_chance"]

FloatArray = NDArray[np.float64]

_DIMENSIONS = np.geomspace(0.5, 64.0, 100)
_BELOW_ONE = float(np.nextafter(1.0, 0.0))
_FEWEST = 20  # ratios that fit a dimension to within a fifth or so


def chance_of_ratio(ratios: ArrayLike, dimension: ArrayLike, neighbour: int) -> FloatArray:
    """Probability of a ratio as small, or smaller.

    Args:
        ratios: of the nearest neighbour's distance to that of a farther one, from 0 to 1.
        dimension: of the surroundings.
        neighbour: the number of the farther one, 2 or more.
    """
    power = np.asarray(ratios, dtype=np.float64) ** np.asarray(dimension)
    return np.asarray(-np.expm1((neighbour - 1) * np.log1p(-np.minimum(power, _BELOW_ONE))))


def ratio_of_chance(chance: float, dimension: float, neighbour: int) -> float:
    """The ratio below which a nearest neighbour lies with that probability; see `chance_of_ratio`."""
    return math.pow(-math.expm1(math.log1p(-chance) / (neighbour - 1)), 1 / dimension)


def dimension_of_ratios(ratios: FloatArray, low: float, high: float, neighbour: int) -> float | None:
    """The dimension that makes the ratios between two bounds most likely; None where there are too few of them.

    Ratios beyond the bounds do not count, so that neighbours which are near for another reason than chance can be kept
    out.
    """
    known = ratios[(ratios > low) & (ratios < high)]
    if len(known) < _FEWEST:
        return None
    powers = known[:, None] ** _DIMENSIONS
    density = (_DIMENSIONS - 1) * np.log(known)[:, None] + (neighbour - 2) * np.log1p(-powers)
    inside = [chance_of_ratio(bound, _DIMENSIONS, neighbour) for bound in (low, high)]
    total = np.log(_DIMENSIONS) + np.log(neighbour - 1) - np.log(inside[1] - inside[0])
    return float(_DIMENSIONS[np.argmax(len(known) * total + density.sum(axis=0))])
