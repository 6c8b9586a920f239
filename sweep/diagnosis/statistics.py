"""Intervals and tests for accuracies, gaps and cross-entropies: pure functions of counts and arrays.

Accuracies and differences are fractions, cross-entropies nats. `groups` names the source of every image, in any type
that numpy can sort; images of one source err together, so whole sources are the units wherever it is given.

The train side is a fact about a finite set that the model has seen, not a sample from its error law. So every interval
of a gap carries the sampling error of the validation side alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtr

from sweep.diagnosis.means import skewed_reach, symmetric_reach
from sweep.diagnosis.quantiles import Alternative, even_odds, normal_quantile
from sweep.records import Interval

__all__ = [
    "cross_entropy_gap_interval",
    "effective_counts",
    "gap_difference",
    "gap_interval",
    "holm",
    "mcnemar_exact",
    "mean_above_zero",
    "paired_accuracy_difference",
    "paired_difference",
    "standard_error",
    "unpaired_difference",
    "wilson",
]

FloatArray = NDArray[np.float64]
Groups = Sequence[Any] | NDArray[Any]


def wilson(successes: float, n: float, *, level: float = 0.95) -> Interval:
    """Wilson's score interval of a share.

    Counts may be fractions (`effective_counts`), which scipy's `proportion_ci` refuses.

    Raises:
        ValueError: n is not positive, or successes lie outside 0..n.

    Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927).
    """
    if n <= 0 or not 0 <= successes <= n:
        raise ValueError(f"wilson needs 0 <= successes <= n and n > 0, got {successes} of {n}")
    z = normal_quantile(level)
    share = successes / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return Interval(estimate=share, low=max(0.0, centre - half), high=min(1.0, centre + half), level=level)


def effective_counts(correct: ArrayLike, groups: Groups | None = None) -> tuple[float, float]:
    """Successes and number of images, both divided by the design effect of the groups: what `wilson` needs.

    The design effect is the variance of the mean over sources by that over single images, at least 1: groups only ever
    widen an interval. Where all images agree nothing can be estimated, and sources count as one image each.

    Source: J. N. K. Rao, A. J. Scott, A simple method for the analysis of clustered binary data, Biometrics 48 (1992).
    """
    values = _values(correct)
    effect = _design_effect(values, groups)
    return float(values.sum()) / effect, len(values) / effect


def gap_interval(train_accuracy: float, validation_correct: float, n: float, *, level: float = 0.95) -> Interval:
    """Clean train accuracy minus clean validation accuracy, with validation's Wilson interval turned round.

    Source: `wilson`; the train side carries no sampling error (see the module).
    """
    validation = wilson(validation_correct, n, level=level)
    return Interval(
        estimate=train_accuracy - validation.estimate,
        low=train_accuracy - validation.high,
        high=train_accuracy - validation.low,
        level=level,
    )


def cross_entropy_gap_interval(
    train_cross_entropy: float,
    validation_cross_entropy: ArrayLike,
    *,
    groups: Groups | None = None,
    level: float = 0.95,
) -> Interval:
    """Validation's mean cross-entropy minus train's, with the validation mean's interval by `skewed_reach`.

    Args:
        train_cross_entropy: mean over the whole training set.
        validation_cross_entropy: shape (n_images,); one image or one source alone gives infinite bounds.
        groups: source of every validation image.
        level: of the interval.
    """
    values = _values(validation_cross_entropy)
    estimate = float(values.mean()) - train_cross_entropy
    residuals, _ = _residuals(values, groups)
    if len(residuals) < 2:
        return Interval(estimate=estimate, low=-math.inf, high=math.inf, level=level)
    error = _error_of_mean(residuals, len(values))
    down, up = skewed_reach(residuals, level)
    return Interval(estimate=estimate, low=estimate - down * error, high=estimate + up * error, level=level)


def standard_error(values: ArrayLike, groups: Groups | None = None) -> tuple[float, int]:
    """Standard error of a mean, and the number of independent units (sources, else images) behind it.

    With groups it is the linearised error of a ratio of sums over sources; with one unit it is infinite.

    Source: W. G. Cochran, Sampling Techniques, 3rd ed. (1977), section 9.7.
    """
    flat = _values(values)
    residuals, _ = _residuals(flat, groups)
    units = len(residuals)
    return (_error_of_mean(residuals, len(flat)) if units > 1 else math.inf), units


def mcnemar_exact(correct_a: ArrayLike, correct_b: ArrayLike, *, alternative: Alternative = "two-sided") -> float:
    """Test that a and b are equally often right: p from the images on which one alone is right, 1.0 if none.

    Args:
        correct_a: bool, shape (n_images,).
        correct_b: bool, the same images in the same order.
        alternative: "less": a is right less often than b.

    Source: Q. McNemar, Note on the sampling error of the difference between correlated proportions, Psychometrika 12
    (1947); exact form.
    """
    a, b = _pair(correct_a, correct_b)
    only_a, only_b = int(np.sum(a > b)), int(np.sum(a < b))
    if only_a + only_b == 0:
        return 1.0
    return even_odds(only_a, only_a + only_b, alternative)


def mean_above_zero(differences: ArrayLike, groups: Groups | None = None) -> float:
    """One-sided p of Student's t test that a mean of paired differences is above 0.

    No differences at all give 1.0; the same difference everywhere gives 0.0 or 1.0; one image or one source gives 1.0.
    """
    values = _values(differences)
    mean = float(values.mean())
    error, units = standard_error(values, groups)
    if units < 2 or mean == 0.0:
        return 1.0
    return float(stdtr(units - 1, -mean / error if error else math.copysign(math.inf, -mean)))


def paired_difference(
    values_a: ArrayLike,
    values_b: ArrayLike,
    *,
    groups: Groups | None = None,
    seed: int | Sequence[int],
    draws: int = 2000,
    level: float = 0.95,
) -> Interval:
    """Mean of a minus b with the interval of a bootstrap over images, over whole sources where given.

    Values without spread, or a single source, give bounds equal to the estimate: for accuracies prefer
    `paired_accuracy_difference`.

    Args:
        values_a: any measure per image, shape (n_images,).
        values_b: the same measure of the same images.
        groups: source of every image.
        seed: the same seed gives the same bounds.
        draws: number of resamples.
        level: of the interval.

    Source: the symmetric bootstrap-t (`symmetric_reach`, which says why no other one).
    """
    a, b = _pair(values_a, values_b)
    differences = a - b
    estimate = float(differences.mean())
    error, units = standard_error(differences, groups)
    if units < 2:
        return Interval(estimate=estimate, low=estimate, high=estimate, level=level)
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    half = symmetric_reach(*_residuals(differences, groups), rng=rng, draws=draws, level=level) * error
    return Interval(estimate=estimate, low=estimate - half, high=estimate + half, level=level)


def paired_accuracy_difference(
    correct_a: ArrayLike, correct_b: ArrayLike, *, groups: Groups | None = None, level: float = 0.95
) -> Interval:
    """Accuracy of a minus accuracy of b on the same images, with Bonett and Price's interval.

    Unlike the bootstrap it never shrinks to a point where a and b happen to agree on every image.

    Source: D. G. Bonett and R. M. Price, Adjusted Wald confidence interval for a difference of binomial proportions
    based on paired data, J. Educ. Behav. Stat. 37 (2012); with groups, on counts divided by the design effect.
    """
    a, b = _pair(correct_a, correct_b)
    effect = _design_effect(a - b, groups)
    n = len(a) / effect + 2
    share_a, share_b = (float(np.sum(a > b)) / effect + 1) / n, (float(np.sum(a < b)) / effect + 1) / n
    centre = share_a - share_b
    half = normal_quantile(level) * math.sqrt((share_a + share_b - centre**2) / n)
    return Interval(
        estimate=float((a - b).mean()), low=max(-1.0, centre - half), high=min(1.0, centre + half), level=level
    )


def gap_difference(train_a: float, train_b: float, validation: Interval) -> Interval:
    """Gap of a minus gap of b, from their train accuracies and the interval of validation accuracy a minus b."""
    train = train_a - train_b
    return Interval(
        estimate=train - validation.estimate,
        low=train - validation.high,
        high=train - validation.low,
        level=validation.level,
    )


def unpaired_difference(a: Interval, b: Interval) -> Interval:
    """Estimate of a minus estimate of b as if their images were different ones: wider than the paired interval.

    Source: R. G. Newcombe, Interval estimation for the difference between independent proportions, Statist. Med. 17
    (1998), method 10.
    """
    estimate = a.estimate - b.estimate
    below = math.hypot(a.estimate - a.low, b.high - b.estimate)
    above = math.hypot(a.high - a.estimate, b.estimate - b.low)
    return Interval(estimate=estimate, low=estimate - below, high=estimate + above, level=a.level)


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Adjust p values for their number, in the order given: below 0.05 means significant among all of them.

    Source: S. Holm, A simple sequentially rejective multiple test procedure, Scand. J. Statist. 6 (1979).
    """
    raw = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(raw, kind="stable")
    factors = np.arange(len(raw), 0, -1)
    adjusted = np.empty_like(raw)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(raw[order] * factors))
    return tuple(float(p) for p in adjusted)


def _values(values: ArrayLike) -> FloatArray:
    flat = np.asarray(values, dtype=np.float64)
    if flat.ndim != 1 or not len(flat):
        raise ValueError(f"expected one value per image, shape (n_images,), got shape {flat.shape}")
    return flat


def _pair(values_a: ArrayLike, values_b: ArrayLike) -> tuple[FloatArray, FloatArray]:
    a, b = _values(values_a), _values(values_b)
    if len(a) != len(b):
        raise ValueError(f"paired values must be of the same images, got {len(a)} and {len(b)}")
    return a, b


def _by_group(values: FloatArray, groups: Groups | None) -> tuple[FloatArray, FloatArray]:
    """Sum and number of values of each source; without groups each image is its own."""
    if groups is None:
        return values, np.ones_like(values)
    if len(groups) != len(values):
        raise ValueError(f"expected a group for each of {len(values)} images, got {len(groups)}")
    _, codes = np.unique(np.asarray(groups), return_inverse=True)
    return np.bincount(codes, weights=values).astype(np.float64), np.bincount(codes).astype(np.float64)


def _residuals(values: FloatArray, groups: Groups | None) -> tuple[FloatArray, FloatArray]:
    """Sum of each source less its size times the overall mean, and its size."""
    sums, sizes = _by_group(values, groups)
    return sums - sizes * values.mean(), sizes


def _error_of_mean(residuals: FloatArray, images: int) -> float:
    """Standard error of a mean over so many images, from the residuals of two units or more."""
    units = len(residuals)
    return math.sqrt(units / (units - 1) * float(residuals @ residuals)) / images


def _design_effect(values: FloatArray, groups: Groups | None) -> float:
    if groups is None:
        return 1.0
    _, sizes = _by_group(values, groups)
    single, _ = standard_error(values)
    clustered, units = standard_error(values, groups)
    if units < 2 or single == 0.0:
        return len(values) / units
    return min(max(1.0, (clustered / single) ** 2), float(sizes.max()))
