"""Balanced accuracy: every class counts alike, however many images it has."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sweep.diagnosis.statistics import effective_counts, wilson
from sweep.records import IndexArray, Interval

__all__ = ["balanced_accuracy", "classes_unequal"]

_UNEQUAL_FROM = 1.2


def balanced_accuracy(
    correct: NDArray[np.bool_],
    labels: IndexArray,
    *,
    groups: IndexArray | None = None,
    level: float = 0.95,
) -> Interval:
    """Mean of the classes' own accuracies, with an interval put together from the classes' Wilson intervals (MOVER).

    Classes without an image are left out. Classes are taken for independent, so where one source holds images of
    several classes its errors are counted within each class only.

    Args:
        correct: shape (n_images,), at least one image.
        labels: of the same images.
        groups: source of every image, as numbers; each class's counts are divided by its own design effect.
        level: of the interval.

    Source: G. Y. Zou and A. Donner, Construction of confidence limits about effect measures: a general approach,
    Statist. Med. 27 (2008), doi:10.1002/sim.3095.
    """
    classes = []
    for label in np.unique(labels):
        members = labels == label
        counts = effective_counts(correct[members], None if groups is None else groups[members])
        classes.append(wilson(*counts, level=level))
    mean = sum(one.estimate for one in classes) / len(classes)
    below = math.hypot(*(one.estimate - one.low for one in classes)) / len(classes)
    above = math.hypot(*(one.high - one.estimate for one in classes)) / len(classes)
    return Interval(estimate=mean, low=max(0.0, mean - below), high=min(1.0, mean + above), level=level)


def classes_unequal(class_counts: Sequence[int]) -> bool:
    """Whether the largest class has at least 1.2 times the images of the smallest: from there accuracies part.

    At 1.2 to 1, with two classes of accuracy 100 % and 50 %, accuracy lies 2.3 points above balanced accuracy, about
    the harm margin of a study (2 points); a stratified split of equal classes stays far below.
    """
    return len(class_counts) > 1 and max(class_counts) >= _UNEQUAL_FROM * min(class_counts)
