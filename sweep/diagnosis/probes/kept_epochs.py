"""What keeping the last epoch's weights costs against the best one's, where the best is a winner among many.

The epoch that looks best on some images does so by luck in part, even where all are equally good. So it is picked on
one half of the images and judged on the other; where only the winner's answers are known, p and lower bounds count for
all the epochs that it was picked from.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from sweep.diagnosis.quantiles import normal_quantile, student_quantile
from sweep.diagnosis.statistics import (
    Groups,
    mean_above_zero,
    paired_accuracy_difference,
    paired_difference,
    standard_error,
    unpaired_difference,
    wilson,
)
from sweep.diagnosis.validated import images_validated
from sweep.records import FitRecord, IndexArray, Interval, Measurement

__all__ = [
    "Calibration",
    "EpochAnswers",
    "Excess",
    "calibrated",
    "excess_by_halves",
    "excess_of_fits",
    "excess_of_means",
]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_STREAM = 504  # of this module's random numbers
_LEVEL = 0.95
_DRAWS = 4000  # of the bootstrap: intervals for many epochs reach into its tails
_FLIPS, _FIRST_FLIPS = 9999, 199  # the first decide whether the others can still matter
_HOPELESS = 0.1
_ROUNDING = 1e-9
_BISECTIONS = 50
_COLDEST, _HOTTEST = 0.05, 20.0  # temperatures looked at


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EpochAnswers:
    """Clean answers of one training on the validation side after each of its epochs, the kept one last.

    Attributes:
        cross_entropy: nats, shape (n_epochs, n_images).
        correct: bool, shape (n_epochs, n_images).
    """

    cross_entropy: FloatArray
    correct: BoolArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Excess:
    """What the last epoch has of its own.

    Attributes:
        nats: cross-entropy of the last epoch less that of the best one.
        lost: accuracy of the best epoch less that of the last one.
        p: that the last epoch's cross-entropy is no higher, one-sided.
        best: epochs that were picked, from 1, ascending, each once.
        how: a word for how the best epoch was kept from being lucky.
    """

    nats: Interval
    lost: Interval
    p: float
    best: tuple[int, ...]
    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What one temperature would do to the kept weights' answers, fitted on one half and judged on the other.

    Attributes:
        temperature: by which logits are divided, the mean of the two halves.
        saved: nats of cross-entropy.
    """

    temperature: float
    saved: Interval


def excess_by_halves(answers: EpochAnswers, groups: Groups | None, seed: int) -> Excess:
    """Pick the best epoch on one half of the images, judge it on the other, and the other way round.

    The two differences are averaged, and so are the bounds of their intervals at 97.5 %, which holds whatever the
    halves have in common (Bonferroni). A half that picks the last epoch finds nothing. The p is that of all epochs and
    all images at once, `_p_of_the_best`: that of halves needs twice the images.
    """
    codes = _codes(answers.cross_entropy.shape[1], groups)
    first = _half(codes, seed)
    level = 1 - (1 - _LEVEL) / 2
    picked, nats, lost = [], [], []
    for chosen_on, place in ((first, 0), (~first, 1)):
        best = int(answers.cross_entropy[:, chosen_on].mean(axis=1).argmin())
        judged = ~chosen_on
        last, other = answers.cross_entropy[-1, judged], answers.cross_entropy[best, judged]
        right, kept = answers.correct[best, judged], answers.correct[-1, judged]
        own = codes[judged]
        picked.append(best + 1)
        nats.append(paired_difference(last, other, groups=own, seed=(seed, _STREAM, place), draws=_DRAWS, level=level))
        lost.append(paired_accuracy_difference(right, kept, groups=own, level=level))
    return Excess(
        nats=_averaged(nats),
        lost=_averaged(lost),
        p=_p_of_the_best(answers.cross_entropy[-1] - answers.cross_entropy[:-1], codes, seed),
        best=tuple(sorted(set(picked))),
        how="picked on one half of the images and judged on the other",
    )


def excess_of_fits(best: FitRecord, last: FitRecord, groups: Groups | None, seed: int) -> Excess:
    """Trainings that keep the best epoch against the same ones that keep the last.

    Each training has picked its best epoch on these very images. So the excess is that over the one epoch that is best
    for all of them together, of which the mean is known. Its p and its lower bound are those of one test, Student's of
    the means over the trainings, image by image, and hold for whichever of the epochs that is (Bonferroni). The upper
    bound need not: the epoch that is best in truth looks no better than the one that was picked. It allows for a few
    images that carry most of the sum instead (bootstrap-t), as Student's does not upwards: downwards such images make
    it cautious.
    """
    picks = max(1, len(last.validation_curve) - 1)
    # Beyond float16's largest value cross-entropies were stored as infinite.
    kept, other = (np.minimum(one.cross_entropy, float(np.finfo(np.float16).max)) for one in (last, best))
    differences = kept - other
    # No single epoch is better than each training's own best, but for the rounding of what is stored.
    estimate = min(float(kept.mean() - last.validation_curve.min()), float(differences.mean()))
    error, units = standard_error(differences, groups)
    around = paired_difference(kept, other, groups=groups, seed=(seed, _STREAM), draws=_DRAWS, level=_LEVEL)
    single = all(bool(np.isin(one.correct, (0.0, 1.0)).all()) for one in (best, last))
    if single:
        lost = paired_accuracy_difference(best.correct, last.correct, groups=groups)
    else:
        lost = paired_difference(best.correct, last.correct, groups=groups, seed=(seed, _STREAM, 1))
    return Excess(
        nats=Interval(
            estimate=estimate,
            low=estimate - student_quantile(1 - (1 - _LEVEL) / picks, units) * error,
            high=estimate + around.high - around.estimate,
        ),
        lost=lost,
        p=min(1.0, picks * mean_above_zero(differences - differences.mean() + estimate, groups)),
        best=(int(np.argmin(last.validation_curve)) + 1,),
        how=f"judged for the best of {picks + 1} epochs",
    )


def excess_of_means(measurement: Measurement) -> Excess:
    """From the means after each epoch alone: as if every epoch had answered other images, and for all epochs at once.

    The best epoch's standard error is not stored, and is taken for the last one's, which training makes the larger.
    """
    curve = [epoch.validation_cross_entropy for epoch in measurement.epochs]
    best = int(np.argmin(curve))
    picks = max(1, len(curve) - 1)
    estimate, error = curve[-1] - curve[best], math.sqrt(2) * measurement.validation_cross_entropy_error
    half = normal_quantile(1 - (1 - _LEVEL) / picks) * error
    images = images_validated(measurement.validation_images, measurement.folds, None)
    shares = [wilson(min(measurement.epochs[at].validation_accuracy, 1.0) * images, images) for at in (best, -1)]
    return Excess(
        nats=Interval(estimate=estimate, low=estimate - half, high=estimate + half),
        lost=unpaired_difference(shares[0], shares[1]),
        p=min(1.0, picks * float(ndtr(-estimate / error))) if estimate > 0 else 1.0,
        best=(best + 1,),
        how=f"known by the means of {len(curve)} epochs alone",
    )


def calibrated(logits: NDArray[np.float16], labels: IndexArray, groups: Groups | None, seed: int) -> Calibration:
    """Cross-entropy that one temperature for all images saves, on images that it was not fitted to.

    Args:
        logits: of the kept weights, shape (n_images, num_classes).
        labels: int64, shape (n_images,).
        groups: source of every image; whole sources lie in one half.
        seed: of the halves, and of the bootstrap.

    Source: C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, On calibration of modern neural networks, ICML 2017,
    arXiv:1706.04599.
    """
    wide = logits.astype(np.float64)
    codes = _codes(len(labels), groups)
    first = _half(codes, seed)
    plain, cooled = _nats(wide, labels, 1.0), np.empty(len(labels))
    temperatures = []
    for fitted_to in (first, ~first):
        inverse = _inverse_temperature(wide[fitted_to], labels[fitted_to])
        cooled[~fitted_to] = _nats(wide[~fitted_to], labels[~fitted_to], inverse)
        temperatures.append(1 / inverse)
    saved = paired_difference(plain, cooled, groups=codes, seed=(seed, _STREAM, 2))
    return Calibration(temperature=float(np.mean(temperatures)), saved=saved)


def _p_of_the_best(differences: FloatArray, codes: IndexArray, seed: int) -> float:
    """P that no epoch is better than the last: its largest standardised difference against flipped signs.

    The signs of all of a source's differences are flipped together, so that epochs stay as alike as they are.

    Args:
        differences: of the last epoch from every other one, shape (n_others, n_images).
        codes: source of every image.
        seed: of the signs.

    Source: P. Westfall and S. Young, Resampling-Based Multiple Testing (1993), for the largest of many; J. Romano, On
    the behavior of randomization tests without a group invariance assumption, JASA 85 (1990), for flipped signs of
    means.
    """
    sums = np.stack([np.bincount(codes, weights=row) for row in differences])
    norms = np.sqrt((sums**2).sum(axis=1))
    standard = sums[norms > 0] / norms[norms > 0, np.newaxis]
    if not len(standard):
        return 1.0
    found = standard.sum(axis=1).max() - _ROUNDING
    rng = np.random.default_rng(np.random.SeedSequence((seed, _STREAM, 3)))
    above = 0
    for flips in (_FIRST_FLIPS, _FLIPS - _FIRST_FLIPS):
        signs = rng.choice((-1.0, 1.0), (flips, sums.shape[1]))
        above += int(((signs @ standard.T).max(axis=1) >= found).sum())
        if flips == _FIRST_FLIPS and above >= _HOPELESS * flips:
            return (1 + above) / (1 + flips)
    return (1 + above) / (1 + _FLIPS)


def _inverse_temperature(logits: FloatArray, labels: IndexArray) -> float:
    """Of least mean cross-entropy, which is convex in the inverse: by bisection of its slope."""
    cold, hot = 1 / _HOTTEST, 1 / _COLDEST
    own = logits[np.arange(len(labels)), labels].mean()
    for _ in range(_BISECTIONS):
        middle = math.sqrt(cold * hot)
        weights = np.exp(middle * (logits - logits.max(axis=1, keepdims=True)))
        expected = float(((weights * logits).sum(axis=1) / weights.sum(axis=1)).mean())
        cold, hot = (cold, middle) if expected > own else (middle, hot)
    return math.sqrt(cold * hot)


def _nats(logits: FloatArray, labels: IndexArray, inverse: float) -> FloatArray:
    scaled = inverse * (logits - logits.max(axis=1, keepdims=True))
    return np.asarray(np.log(np.exp(scaled).sum(axis=1)) - scaled[np.arange(len(labels)), labels])


def _codes(images: int, groups: Groups | None) -> IndexArray:
    """The source of every image as a number from 0; without groups each is its own."""
    if groups is None:
        return np.arange(images)
    return np.unique(np.asarray(groups), return_inverse=True)[1].astype(np.int64)


def _half(codes: IndexArray, seed: int) -> BoolArray:
    """Whether each image is of the first half of the sources, drawn at random."""
    rng = np.random.default_rng(np.random.SeedSequence((seed, _STREAM)))
    sources = int(codes.max()) + 1
    return np.asarray(np.isin(codes, rng.permutation(sources)[: sources // 2]))


def _averaged(intervals: Sequence[Interval]) -> Interval:
    return Interval(
        estimate=float(np.mean([one.estimate for one in intervals])),
        low=float(np.mean([one.low for one in intervals])),
        high=float(np.mean([one.high for one in intervals])),
    )
