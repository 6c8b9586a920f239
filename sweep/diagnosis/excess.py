"""By how much one share exceeds what another one makes expected, with an interval from those of both."""

from __future__ import annotations

import math

from sweep.diagnosis.statistics import wilson
from sweep.records import Interval

__all__ = ["excess_over_share"]


def excess_over_share(inside: float, outside: float, share: float, images: float, level: float) -> Interval:
    """(1 - share) · inside - share · outside, from two shares of so many images.

    Source: G. Y. Zou, W. Huang and X. Zhang, A note on confidence interval estimation for a linear function of binomial
    proportions, Comput. Stat. Data Anal. 53 (2009).
    """
    one, other = (wilson(rate * images, images, level=level) for rate in (inside, outside))
    estimate = (1 - share) * inside - share * outside
    down = math.hypot((1 - share) * (inside - one.low), share * (other.high - outside))
    up = math.hypot((1 - share) * (one.high - inside), share * (outside - other.low))
    return Interval(estimate=estimate, low=estimate - down, high=estimate + up, level=level)
