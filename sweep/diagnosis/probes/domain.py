"""Whether the images of two sides are of one kind: in how they look within a class, and in how often classes occur.

A classifier learns which side an image is from; each image is scored by a fit that did not see it. Its area under the
ROC curve is held against that of sides drawn at random and put through the same pipeline: held-out areas do not scatter
about 0.5, and their usual standard error is too small by a third (simulated with 1,600 against 400 images).

Source: D. Lopez-Paz and M. Oquab, Revisiting Classifier Two-Sample Tests (2017), arXiv:1610.06545.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sweep.diagnosis.permutations import DRAWS, permutation_p
from sweep.diagnosis.ridge import RidgeProbe, one_hot
from sweep.diagnosis.sources import source_blocks
from sweep.records import IndexArray

__all__ = ["Domain", "Sides", "tell_apart"]

FloatArray = NDArray[np.float64]

_PENALTY = 1.0  # fixed beforehand: p of one split ranged from .003 to .24 over penalties, so choosing one is cheating


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sides:
    """The images of both sides.

    Attributes:
        features: float64, shape (n_images, n_features).
        labels: int64, shape (n_images,).
        validation: whether each image is on the validation side, bool, shape (n_images,).
        sources: int64, shape (n_images,); None where each image is its own.
        num_classes: how many classes there are.
    """

    features: FloatArray
    labels: IndexArray
    validation: NDArray[np.bool_]
    sources: IndexArray | None
    num_classes: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Domain:
    """How well the sides are told apart.

    Attributes:
        area: under the ROC curve, of pairs of one class; 0.5 too where no class stands on both sides.
        expected: its mean where sides are drawn at random.
        p_features: one-sided, that images of one class do not look different.
        p_labels: that classes occur equally often.
        scores: how much each image looks like validation for its class, shape (n_images,).
    """

    area: float
    expected: float
    p_features: float
    p_labels: float
    scores: FloatArray

    @property
    def p(self) -> float:
        """That the sides do not differ at all."""
        return min(1.0, 2 * min(self.p_features, self.p_labels))


def tell_apart(sides: Sides, *, rng: np.random.Generator, draws: int = DRAWS) -> Domain:
    """Test both differences by permuting which images, or whole sources, are on which side.

    Args:
        sides: a source that stands on both is taken as two, for whole it could not be moved; that may hide a difference
            and feigns none.
        rng: of the permutations.
        draws: permutations of each test.
    """
    # In an order of chance, ties among scores favour neither side.
    order = rng.permutation(len(sides.labels))
    mixed = Sides(
        features=sides.features[order],
        labels=sides.labels[order],
        validation=sides.validation[order],
        sources=None if sides.sources is None else sides.sources[order],
        num_classes=sides.num_classes,
    )
    own = mixed.validation.astype(np.float64)[:, None]
    classes, moves = one_hot(mixed.labels, mixed.num_classes), _Moves(mixed, rng)
    classifier = _SideClassifier(mixed, classes)
    scores = classifier.scores(own)
    area = float(_areas(scores, own, classes)[0])

    def areas(count: int) -> FloatArray:
        moved = moves.within_classes(count)
        return _areas(classifier.scores(moved), moved, classes)

    def imbalances(count: int) -> FloatArray:
        return _imbalances(moves.anywhere(count), classes)

    p_features, random_areas = permutation_p(area, areas, draws=draws)
    p_labels, _ = permutation_p(float(_imbalances(own, classes)[0]), imbalances, draws=draws)
    in_order = np.empty(len(order))
    in_order[order] = scores[:, 0]
    return Domain(
        area=area,
        expected=float(random_areas.mean()),
        p_features=p_features,
        p_labels=p_labels,
        scores=in_order,
    )


class _SideClassifier:
    """Says of each image how much it looks like validation, from fits without it, or without its source.

    Two fits add up: one to all images, for what classes have in common, and one to those of the image's class, for what
    they do not.
    """

    def __init__(self, sides: Sides, classes: FloatArray) -> None:
        self._classes, self._in_class = classes, np.maximum(1.0, classes.sum(axis=0))[:, None]
        alone = np.arange(len(sides.labels)) if sides.sources is None else sides.sources
        parts = [np.arange(len(alone)), *(np.flatnonzero(column) for column in classes.T)]
        self._fits = [
            (rows, RidgeProbe(sides.features[rows]), None if sides.sources is None else source_blocks(alone[rows]))
            for rows in parts
            if len(np.unique(alone[rows])) > 1  # else nothing is left to fit to
        ]

    def scores(self, validation: FloatArray) -> FloatArray:
        """Of sides in columns, 1 for validation, shape (n_images, n_sides)."""
        # Less the class's share of validation: nothing is to be gained by telling classes apart.
        share = self._classes.T @ validation / self._in_class
        targets = validation - self._classes @ share
        scores = np.zeros_like(validation)
        for rows, probe, blocks in self._fits:
            scores[rows] += probe.held_out(targets[rows], _PENALTY, blocks)
        return scores


class _Moves:
    """Draws which images are on the validation side: of as many images, or sources, as there are."""

    def __init__(self, sides: Sides, rng: np.random.Generator) -> None:
        self._rng = rng
        alone = np.arange(len(sides.labels)) if sides.sources is None else sides.sources
        _, first, self._units = np.unique(2 * alone + sides.validation, return_index=True, return_inverse=True)
        self._side = sides.validation[first]
        images = np.zeros((len(first), sides.num_classes))
        np.add.at(images, (self._units, sides.labels), 1.0)
        main = images.argmax(axis=1)
        self._strata = [np.flatnonzero(main == label) for label in np.unique(main)]

    def within_classes(self, count: int) -> FloatArray:
        """1 for validation, shape (n_images, count); a source counts for the class that most of its images have."""
        return self._moved(self._strata, count)

    def anywhere(self, count: int) -> FloatArray:
        """The same across classes."""
        return self._moved([np.arange(len(self._side))], count)

    def _moved(self, strata: Sequence[IndexArray], count: int) -> FloatArray:
        moved = np.empty((len(self._side), count))
        for members in strata:
            moved[members] = self._rng.permuted(np.tile(self._side[members], (count, 1)), axis=1).T
        return moved[self._units]


def _areas(scores: FloatArray, validation: FloatArray, classes: FloatArray) -> FloatArray:
    """Share of the pairs of one image of each side, of one class, that are scored in the right order; per column."""
    right, pairs = np.zeros(scores.shape[1]), np.zeros(scores.shape[1])
    for column in classes.T:
        members = np.flatnonzero(column)
        side = validation[members].T
        ranked = np.take_along_axis(side, np.argsort(scores[members].T, axis=1, kind="stable"), axis=1)
        there = side.sum(axis=1)
        right += ranked @ np.arange(1.0, len(members) + 1) - there * (there + 1) / 2
        pairs += there * (len(members) - there)
    return np.where(pairs > 0, right / np.maximum(1.0, pairs), 0.5)


def _imbalances(validation: FloatArray, classes: FloatArray) -> FloatArray:
    """Pearson's chi-square of the counts of classes on both sides, per column."""
    images, in_class = len(validation), np.maximum(1.0, classes.sum(axis=0))[:, None]
    there = validation.sum(axis=0)
    excess = classes.T @ validation - in_class * there / images
    return np.asarray((excess**2 / in_class).sum(axis=0) * images**2 / np.maximum(1.0, there * (images - there)))
