"""Nearest neighbours in a space of features, and what they say of the least error that is possible there.

Source: T. M. Cover and P. E. Hart, Nearest neighbor pattern classification, IEEE Trans. Inf. Theory 13 (1967),
doi:10.1109/TIT.1967.1053964.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from sweep.diagnosis.statistics import effective_counts, wilson
from sweep.records import IndexArray, Interval

__all__ = ["cover_hart", "nearest_images"]

_ROWS_AT_ONCE = 1_000  # of a matrix of distances, 80 MB for 10,000 images


def cover_hart(features: ArrayLike, labels: ArrayLike, groups: ArrayLike | None = None) -> Interval:
    """The error that no classifier of these features gets below, from leave-one-out nearest neighbours.

    The estimate is Cover and Hart's lower bound of the least possible error; the interval reaches from that bound, at
    the lower end of the neighbours' error, to the upper end of the neighbours' error itself, which is an upper bound of
    the least one. It holds for many images: where they are few for the features' dimension, neighbours err more often
    and the estimate is too high.

    Args:
        features: shape (n_images, n_features).
        labels: int, shape (n_images,).
        groups: source of every image; neighbours are looked for in other sources.

    Source: Cover and Hart (1967), equation 45.
    """
    given = np.asarray(labels)
    nearest = nearest_images(features, 1, groups)[:, 0]
    wrong = (nearest < 0) | (given[nearest] != given)
    error = wilson(*effective_counts(wrong, None if groups is None else np.asarray(groups)))
    classes = len(np.unique(given))
    if classes < 2:
        return Interval(estimate=0.0, low=0.0, high=error.high)
    most = (classes - 1) / classes
    bounds = [most * (1 - math.sqrt(max(0.0, 1 - share / most))) for share in (error.estimate, error.low)]
    return Interval(estimate=bounds[0], low=bounds[1], high=error.high)


def nearest_images(features: ArrayLike, count: int, groups: ArrayLike | None = None) -> IndexArray:
    """Positions of the nearest other images, nearest first, by Euclidean distance; shape (n_images, count).

    Args:
        features: shape (n_images, n_features).
        count: neighbours asked for; -1 stands for those that do not exist.
        groups: source of every image; an image's own source is passed over.
    """
    points = np.asarray(features, dtype=np.float64)
    n = len(points)
    own = np.arange(n) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    squares = np.einsum("ij,ij->i", points, points)
    found = np.full((n, count), -1, dtype=np.int64)
    asked = min(count, n)
    for start in range(0, n, _ROWS_AT_ONCE):
        rows = slice(start, min(n, start + _ROWS_AT_ONCE))
        distances = squares - 2 * points[rows] @ points.T  # less the row's own square, the same for all of its others
        distances[own[rows, np.newaxis] == own] = np.inf
        nearest = np.argpartition(distances, asked - 1, axis=1)[:, :asked]
        away = np.take_along_axis(distances, nearest, axis=1)
        order = np.argsort(away, axis=1, kind="stable")
        nearest = np.take_along_axis(nearest, order, axis=1)
        found[rows, :asked] = np.where(np.isinf(np.take_along_axis(away, order, axis=1)), -1, nearest)
    return found
