"""The tests and bounds of `statistics` for many resamples and many trials at once, by products of matrices.

Units are what is drawn: images, or whole sources where images are grouped, then with sums over the images of each.
Everything returned has the shape (draws, n_trials).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, stdtr

from sweep.diagnosis.quantiles import normal_quantile
from sweep.records import IndexArray

__all__ = ["Resamples", "holm_rejected", "mcnemar_less", "mean_above", "wilson_low"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_SAME = 12  # decimals to which two equal means agree, whatever the order in which a product was summed


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Resamples:
    """How often each unit was drawn.

    Attributes:
        counts: float64, shape (draws, n_units).
        sizes: images of each unit, float64, shape (n_units,).
    """

    counts: FloatArray
    sizes: FloatArray

    @property
    def units(self) -> FloatArray:
        """Units drawn, shape (draws, 1)."""
        return np.asarray(self.counts.sum(axis=1, keepdims=True))

    @property
    def images(self) -> FloatArray:
        """Images drawn, shape (draws, 1)."""
        return (self.counts @ self.sizes)[:, None]

    def sums(self, values: FloatArray) -> FloatArray:
        """Sums over the drawn units of values of the shape (n_units, n_trials)."""
        return self.counts @ values

    def clustered_error(self, mean: FloatArray, square: FloatArray, cross: FloatArray) -> FloatArray:
        """`statistics.standard_error` of a mean of images, infinite with a single unit.

        Args:
            mean: over the images.
            square: sum over units of the square of each unit's sum.
            cross: sum over units of each unit's sum times its size.
        """
        own = (self.counts @ self.sizes**2)[:, None]
        residuals = np.maximum(0.0, square - 2 * mean * cross + mean**2 * own)
        spread = residuals * self.units / np.maximum(1.0, self.units - 1)
        return np.where(self.units < 2, np.inf, np.sqrt(spread) / self.images)


def wilson_low(right: FloatArray, resamples: Resamples, *, single: bool, level: float) -> FloatArray:
    """Lower bounds of `statistics.wilson`, on `statistics.effective_counts` unless units are single images.

    Args:
        right: images of each unit that each trial gets right, shape (n_units, n_trials).
        resamples: of the same units.
        single: whether each unit is one image.
        level: of the interval.
    """
    z = normal_quantile(level)
    n = resamples.images
    share = resamples.sums(right) / n
    if not single:
        n = n / _design_effect(right, share, resamples)
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return np.maximum(0.0, centre - half)


def mean_above(values: FloatArray, against: IndexArray, resamples: Resamples) -> FloatArray:
    """`statistics.mean_above_zero` of each trial's values minus those of one trial of each resample.

    Args:
        values: sums over the images of each unit, shape (n_units, n_trials).
        against: the column to subtract, shape (draws,).
        resamples: of the same units.
    """
    own = np.arange(len(against)), against
    total, square = resamples.sums(values), resamples.sums(values**2)
    cross = resamples.sums(resamples.sizes[:, None] * values)
    product = (resamples.counts * values[:, against].T) @ values
    mean = np.round((total - total[own][:, None]) / resamples.images, _SAME)
    error = resamples.clustered_error(mean, square - 2 * product + square[own][:, None], cross - cross[own][:, None])
    with np.errstate(divide="ignore", invalid="ignore"):
        p = stdtr(np.maximum(1.0, resamples.units - 1), -mean / error)
    return np.where((mean == 0.0) | (resamples.units < 2), 1.0, p)


def mcnemar_less(right: FloatArray, against: IndexArray, resamples: Resamples) -> FloatArray:
    """`statistics.mcnemar_exact` of each trial against one trial of each resample, alternative "less".

    Args:
        right: 1 where a trial gets an image right, else 0, shape (n_images, n_trials).
        against: the column of the other trial, shape (draws,).
        resamples: of single images.
    """
    hits = resamples.sums(right)
    both = (resamples.counts * right[:, against].T) @ right
    only_own = np.rint(hits - both).astype(np.int64)
    only_other = np.rint(hits[np.arange(len(against)), against][:, None] - both).astype(np.int64)
    return np.asarray(bdtr(only_own, only_own + only_other, 0.5))


def holm_rejected(p_values: FloatArray, alpha: float, *, accepted: int = 0) -> BoolArray:
    """Whether `statistics.holm` puts each p below alpha, row by row.

    Args:
        p_values: infinite where a trial is not compared.
        alpha: of each row's family.
        accepted: further comparisons in each row that are not rejected, whatever their p.
    """
    compared = np.isfinite(p_values).sum(axis=1, keepdims=True) + accepted
    order = np.argsort(p_values, axis=1, kind="stable")
    factors = np.maximum(1, compared - np.arange(p_values.shape[1]))
    adjusted = np.maximum.accumulate(np.take_along_axis(p_values, order, axis=1) * factors, axis=1)
    rejected = np.empty_like(p_values, dtype=np.bool_)
    np.put_along_axis(rejected, order, adjusted < alpha, axis=1)
    return rejected


def _design_effect(right: FloatArray, share: FloatArray, resamples: Resamples) -> FloatArray:
    square, cross = resamples.sums(right**2), resamples.sums(resamples.sizes[:, None] * right)
    single = share * (1 - share) / np.maximum(1.0, resamples.images - 1)
    largest = ((resamples.counts > 0) * resamples.sizes).max(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        effect = np.clip(resamples.clustered_error(share, square, cross) ** 2 / single, 1.0, largest)
    return np.where((resamples.units < 2) | (single == 0.0), resamples.images / resamples.units, effect)
