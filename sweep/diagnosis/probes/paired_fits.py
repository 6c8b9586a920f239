"""What one configuration gains over another: short trainings of both, compared image by image on the same validation.

Two things were drawn, the validation images and the luck of the trainings, and another draw of either would give
another difference. Most of a training's luck strikes each image by itself, and so it shows in the scatter of the
differences over the images. The rest lifts or lowers all images of one training together, and no number of images
averages it out. It is hardly there in trainings that agree on nearly every image, and large in those that do not,
because few units are left to learn with, some die, or training ends too early.

Measured with 56 heads on frozen features of four real image sets, 48 trainings each: means over three trainings of one
and the same head, told apart by the scatter over the images alone, have p < 0.01 in 2 % of the pairs where heads fit
well, 14 % where they underfit and 22 % where they have four units; with the error below in 0.3, 0.2 and 5 %, and with a
repetition in 0.2, 0.2 and 1 %. With 24 other heads, on other splits and one more set, none of which had a part in
choosing the constants, it is 0.4 % where heads fit well and 1.3 % elsewhere, with a repetition 0.2 and 1 %.

Where the accuracy of each training is known, their own variance is pooled with that error, which then counts for a few
trainings. Elsewhere a repetition, the baseline trained again with other seeds, makes up for it: where both differ by
more than that error says, so much more is taken for every comparison.

Source: K. Jordan, On the variance of neural network training with respect to test sets and distributions, ICLR (2024),
https://arxiv.org/abs/2304.01910, for well-trained networks: nearly independent errors, given each image's rate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from sweep.diagnosis.probes.gains import Gain
from sweep.diagnosis.statistics import effective_counts, standard_error
from sweep.records import FitRecord

__all__ = [
    "FITS_SOURCE",
    "Groups",
    "Yardstick",
    "accuracy_gained",
    "cross_entropy_saved",
    "train_accuracy_gained",
    "yardstick",
]

FloatArray = NDArray[np.float64]
Groups = Sequence[Any] | NDArray[Any]
Number = TypeVar("Number", float, FloatArray)

SHARED, SHARED_AT_MOST = 5.0, 0.08
"""Standard deviation of a training's accuracy that its images share: so many squares of the variance between trainings
of whether one image is classified correctly, and no more than that."""
KNOWN_BEFORE = 4
"""Trainings that these constants are worth beside those at hand, once five or more say how far they end apart."""
SHARED_IN_NATS = 0.07
"""Variance of a training's cross-entropy that its images share, in the variance of differences over images."""
_ENOUGH = 5  # trainings, fewer of which say little of how far they end apart
FITTED = 0.08
"""Standard deviation of a training's accuracy on its own images, besides what is shared and the luck of single images,
in that of one Bernoulli draw: it depends on the epoch whose weights are kept."""

FITS_SOURCE = (
    "K. Jordan, On the variance of neural network training with respect to test sets and distributions, ICLR (2024), "
    "https://arxiv.org/abs/2304.01910; intervals after D. G. Bonett and R. M. Price, Adjusted Wald confidence interval "
    "for a difference of binomial proportions based on paired data, J. Educ. Behav. Stat. 37 (2012)"
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Yardstick:
    """What variants are compared with.

    Attributes:
        fit: the baseline, the mean over all of its trainings.
        restless: by how much the variance of a training's shared luck exceeds the ordinary one, at least 1; of
            accuracies.
        restless_in_nats: the same of cross-entropies.
    """

    fit: FitRecord
    restless: float = 1.0
    restless_in_nats: float = 1.0

    def accuracy_gained(self, variant: FitRecord | FloatArray, groups: Groups | None = None) -> Gain:
        """Validation accuracy of a variant minus the baseline's."""
        return accuracy_gained(variant, self.fit, groups=groups, restless=self.restless)

    def cross_entropy_saved(self, variant: FitRecord, groups: Groups | None = None) -> Gain:
        """Validation cross-entropy of the baseline minus a variant's, nats."""
        return cross_entropy_saved(variant, self.fit, groups=groups, restless=self.restless_in_nats)

    def train_accuracy_gained(self, variant: FitRecord, images: int) -> Gain:
        """Clean training accuracy of a variant minus the baseline's, over so many images."""
        return train_accuracy_gained(variant, self.fit, images=images, restless=self.restless)


def yardstick(baseline: FitRecord, again: FitRecord | None, groups: Groups | None = None) -> Yardstick:
    """The baseline with what a repetition of it tells: more trainings, and how much whole trainings differ.

    That is estimated from the one difference between baseline and repetition, so it can only add to the error.

    Args:
        baseline: its trainings.
        again: the same configuration trained with other seeds.
        groups: source of every validation image.
    """
    if again is None:
        return Yardstick(fit=baseline)
    share = again.seeds / (baseline.seeds + again.seeds)
    fit = replace(
        baseline,
        seeds=baseline.seeds + again.seeds,
        train_accuracy=_mixed(baseline.train_accuracy, again.train_accuracy, share),
        train_cross_entropy=_mixed(baseline.train_cross_entropy, again.train_cross_entropy, share),
        correct=_mixed(baseline.correct, again.correct, share),
        accuracies=(*baseline.accuracies, *again.accuracies),
        cross_entropy=_mixed(baseline.cross_entropy, again.cross_entropy, share),
    )
    return Yardstick(
        fit=fit,
        restless=1.0 if _known(fit) else _restless(accuracy_gained(again, baseline, groups=groups)),
        restless_in_nats=_restless(cross_entropy_saved(again, baseline, groups=groups)),
    )


def accuracy_gained(
    first: FitRecord | FloatArray, second: FitRecord, *, groups: Groups | None = None, restless: float = 1.0
) -> Gain:
    """Validation accuracy of the first minus that of the second, image by image.

    As in Bonett and Price's interval two images are added, one on which either alone is right, so that nothing is
    certain where all agree; with groups all counts are divided by the design effect of the differences.

    Args:
        first: a fit, or what a closed form gets right, shape (n_validation,), which no training's luck is in.
        second: a fit.
        groups: source of every validation image.
        restless: see `Yardstick`.

    Raises:
        ValueError: they are not of the same images.
    """
    fits = [one for one in (first, second) if isinstance(one, FitRecord)]
    ours = first.correct if isinstance(first, FitRecord) else np.asarray(first, dtype=np.float64)
    differences = _differences(ours, second.correct)
    independent = effective_counts(differences, groups)[1]
    shrunk, count = independent / len(differences), independent + 2
    squares = float(differences @ differences)
    centre = float(differences.sum()) * shrunk / count
    units = standard_error(differences, groups)[1]
    # Nothing repeats a single training: all that differs may be its luck.
    singles = sum(fit.seeds < 2 for fit in fits)
    unknown = squares / len(differences) / max(1, singles)
    return Gain(
        estimate=float(differences.mean()),
        centre=centre,
        images_variance=((squares * shrunk + 2) / count - centre**2) / count if units > 1 else math.inf,
        training_variance=restless * sum(_pooled(fit, 1, _shared(fit, unknown)) / fit.seeds for fit in fits),
        units=units,
    )


def cross_entropy_saved(
    first: FitRecord, second: FitRecord, *, groups: Groups | None = None, restless: float = 1.0
) -> Gain:
    """Validation cross-entropy of the second minus that of the first, nats.

    What part of a mean over trainings is luck is not recorded, so all scatter of the differences is taken for it.
    """
    differences = _differences(second.cross_entropy, first.cross_entropy)
    error, units = standard_error(differences, groups)
    mean = float(differences.mean())
    return Gain(
        estimate=mean,
        centre=mean,
        images_variance=error**2,
        training_variance=restless * SHARED_IN_NATS * float(differences.var()),
        units=units,
        largest=math.inf,
    )


def train_accuracy_gained(first: FitRecord, second: FitRecord, *, images: int, restless: float = 1.0) -> Gain:
    """Clean training accuracy of the first minus that of the second: of all images, so with the trainings' luck alone.

    What a training's images share on validation, they share on the training side too. How much of the rest is luck is
    not recorded: all of it may be.

    Args:
        first: a fit.
        second: a fit.
        images: on the training side.
        restless: see `Yardstick`.
    """
    difference = first.train_accuracy - second.train_accuracy
    luck = 0.0
    for fit in (first, second):
        own = (FITTED**2 + 1 / images) * _bernoulli(fit.train_accuracy)
        shared = _shared(fit, _bernoulli(float(fit.correct.mean())))
        luck += _pooled(fit, 0, own + shared) / fit.seeds
    return Gain(estimate=difference, centre=difference, images_variance=0.0, training_variance=restless * luck, units=0)


def _differences(first: FloatArray, second: FloatArray) -> FloatArray:
    if first.shape != second.shape:
        raise ValueError(f"fits must be judged on the same images, got {first.shape} and {second.shape}")
    return np.asarray(first - second, dtype=np.float64)


def _shared(fit: FitRecord, unknown: float) -> float:
    """Variance of one training's accuracy that its images share, by how much trainings of it disagree.

    Args:
        fit: the trainings.
        unknown: what the variance between trainings is taken for where there is but one.
    """
    between = unknown
    if fit.seeds > 1:
        between = float((fit.correct * (1 - fit.correct)).mean()) * fit.seeds / (fit.seeds - 1)
    return min(SHARED * between**2, SHARED_AT_MOST) ** 2


def _known(fit: FitRecord) -> bool:
    return len(fit.accuracies) >= _ENOUGH


def _pooled(fit: FitRecord, side: int, before: float) -> float:
    """Variance of the accuracy of one training, of its training side (0) or of validation (1).

    Args:
        fit: its trainings.
        side: which.
        before: what it is taken for where the trainings themselves do not say.
    """
    if not _known(fit):
        return before
    own = np.array([one[side] for one in fit.accuracies])
    degrees = len(own) - 1
    return float((KNOWN_BEFORE * before + degrees * own.var(ddof=1)) / (KNOWN_BEFORE + degrees))


def _restless(same: Gain) -> float:
    """Squared difference between two means of one configuration, in what the luck of trainings would give."""
    if not same.training_variance:
        return 1.0
    return max(1.0, (same.estimate**2 - same.images_variance) / same.training_variance)


def _mixed(first: Number, second: Number, share: float) -> Number:
    return first + share * (second - first)


def _bernoulli(share: float) -> float:
    return share * (1 - share)
