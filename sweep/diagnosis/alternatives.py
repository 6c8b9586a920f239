"""The best of several alternatives to what is configured, judged on the same images, the choice of it accounted for.

Each alternative is a fit of its own, and fits to a few hundred images vary: another sample of images would favour
another one of several that are equally good. Simulated with ridge regressions (60 to 400 images, 8 to 600 features, the
penalty chosen anew for each), the difference of two held-out accuracies has 1.0 to 1.3 times the standard deviation
that the images they disagree on account for, so its variance is taken 1.5 times as large here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from sweep.diagnosis.permutations import permutation_p
from sweep.diagnosis.quantiles import even_odds
from sweep.diagnosis.sources import Groups, source_codes
from sweep.diagnosis.statistics import paired_accuracy_difference
from sweep.records import Interval

__all__ = ["Alternative", "best_alternative"]

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]
Name = TypeVar("Name", str, int)

_FITS_VARY = math.sqrt(1.5)  # see the module
_STREAM = 0xA17E  # of this module's random numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative(Generic[Name]):
    """What the best alternative would bring.

    Attributes:
        name: of the one with the highest accuracy, the first of several.
        gain: its accuracy minus that of what is configured. The interval is of the largest gain that any alternative
            would truly bring, whichever it is.
        p: one-sided, that none of them is better.
    """

    name: Name
    gain: Interval
    p: float


def best_alternative(
    correct: Mapping[Name, BoolArray], configured: Name, *, groups: Groups | None = None, level: float = 0.95
) -> Alternative[Name]:
    """Hold every alternative against what is configured, on the same images.

    No true gain exceeds the largest one, so the largest of the upper bounds bounds it from above at the level of each.
    From below it is bounded by all lower bounds together, so those are Bonferroni's for the number of alternatives. So
    is p, of exact McNemar tests; with sources it is that of the largest gain under flipped signs. To choose on one half
    of the images and judge on the other, both ways round, would not do: where both halves choose the same alternative,
    both flatter it.

    Args:
        correct: name -> whether each image is predicted rightly, bool, shape (n_images,), what is configured included.
        configured: the name of what is configured.
        groups: source of every image.
        level: of the interval.

    Raises:
        ValueError: there is no alternative.
    """
    own = correct[configured]
    others = {name: right for name, right in correct.items() if name != configured}
    if not others:
        raise ValueError(f"expected alternatives to {configured!r}, got none")
    strict = 1 - (1 - level) / len(others)
    plain = {name: _gain(right, own, groups, level) for name, right in others.items()}
    best = max(plain, key=lambda name: plain[name].estimate)
    gain = Interval(
        estimate=plain[best].estimate,
        low=max(_gain(right, own, groups, strict).low for right in others.values()),
        high=max(interval.high for interval in plain.values()),
        level=level,
    )
    return Alternative(name=best, gain=gain, p=_none_better(list(others.values()), own, groups))


def _gain(right: BoolArray, own: BoolArray, groups: Groups | None, level: float) -> Interval:
    plain = paired_accuracy_difference(right, own, groups=groups, level=level)
    return Interval(
        estimate=plain.estimate,
        low=max(-1.0, plain.estimate - _FITS_VARY * (plain.estimate - plain.low)),
        high=min(1.0, plain.estimate + _FITS_VARY * (plain.high - plain.estimate)),
        level=level,
    )


def _none_better(others: Sequence[BoolArray], own: BoolArray, groups: Groups | None) -> float:
    if groups is None:
        return min(1.0, len(others) * min(_mcnemar(right, own) for right in others))
    codes = source_codes(groups)
    columns = [np.bincount(codes, weights=right.astype(np.float64) - own).astype(np.float64) for right in others]
    return _flipped(np.stack(columns, axis=1))


def _mcnemar(right: BoolArray, own: BoolArray) -> float:
    """One-sided p of McNemar's exact test, with its count moved towards the middle as far as fits vary."""
    only, both = int(np.sum(right > own)), int(np.sum(right != own))
    if only <= both / 2:
        return 1.0
    return even_odds(math.floor(both / 2 + (only - both / 2) / _FITS_VARY), both, "greater")


def _flipped(gains: FloatArray) -> float:
    """One-sided p that no alternative gains, by letting chance decide, source by source, who of two is who.

    Student's t is no way out: of 40 sources it finds 6 to 7 % of nothing at a level of 5 %, as some sources count for
    much more than others.

    Args:
        gains: images that each alternative gains in each source, shape (n_sources, n_alternatives).

    Source: R. A. Fisher, The Design of Experiments (1935), section 21; of the largest statistic P. H. Westfall and
    S. S. Young, Resampling-Based Multiple Testing (1993).
    """
    rng = np.random.default_rng(np.random.SeedSequence(_STREAM))
    scale = np.sqrt((gains**2).sum(axis=0))
    scaled = gains / np.where(scale > 0, scale, 1.0)

    def flipped(count: int) -> FloatArray:
        signs = rng.choice([-1.0, 1.0], size=(count, len(scaled)))
        return np.asarray((signs @ scaled).max(axis=1))

    return permutation_p(float(scaled.sum(axis=0).max()) / _FITS_VARY, flipped)[0]
