"""The Pareto front: what nobody beats in one measure without losing in the other."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["pareto_front"]


def pareto_front(points: Sequence[tuple[float, float]]) -> tuple[bool, ...]:
    """Whether each point stands on the front where both coordinates are to be small.

    A point is off the front where another one is no larger in either coordinate and smaller in at least one. Equal
    points share their fate; a point with a NaN is never on it.
    """
    on_front = [False] * len(points)
    known = [index for index, point in enumerate(points) if not any(map(math.isnan, point))]
    best, last = math.inf, (math.nan, math.nan)
    for index in sorted(known, key=lambda index: points[index]):
        if points[index][1] < best:
            best, last = points[index][1], points[index]
        on_front[index] = points[index] == last
    return tuple(on_front)
