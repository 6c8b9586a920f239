"""Cells of rows with similar measures, and how well they tell the classes of their rows.

Cells are cut at medians, blind to the classes, down to about as many rows in each as there are cells: outliers do no
harm, many rows of one value share a cell, and a permutation of the classes needs no new cells.

Source: L. Devroye, L. Györfi and G. Lugosi, A Probabilistic Theory of Pattern Recognition (1996), chapter 20, median
trees.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sweep.diagnosis.quantiles import normal_quantile
from sweep.diagnosis.statistics import wilson
from sweep.records import IndexArray, Interval

__all__ = ["Cells"]

FloatArray = NDArray[np.float64]

_LEAST_ROWS = 10  # of a cell; the square root of all where that is more


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cells:
    """The cells of rows, and the rows' classes.

    Attributes:
        cells: the cell of each row, from 0.
        classes: of each row, from 0.
    """

    cells: IndexArray
    classes: IndexArray

    @classmethod
    def of(cls, measures: FloatArray, classes: IndexArray) -> Cells:
        """Cut the cells.

        Args:
            measures: shape (n_rows, n_measures).
            classes: shape (n_rows,), from 0, none without two rows.
        """
        ranks = np.stack([_ranks(column) for column in measures.T], axis=1)
        least = max(_LEAST_ROWS, math.isqrt(len(classes)))
        cells = np.empty(len(classes), np.int64)
        for cell, rows in enumerate(_cut(ranks, np.arange(len(classes)), least)):
            cells[rows] = cell
        return cls(cells=cells, classes=classes)

    @property
    def in_class(self) -> IndexArray:
        """Rows of each class."""
        return np.bincount(self.classes)

    @property
    def recalls(self) -> FloatArray:
        """Share of each class's rows that their cells tell rightly, shape (n_classes,)."""
        return np.asarray(self._recalls(self.classes[None])[0])

    @property
    def balanced(self) -> float:
        """Mean recall."""
        return float(self.recalls.mean())

    def reached(self, scatter: float) -> Interval:
        """The mean recall, with the wider of two intervals.

        One takes rows as independent, which they are where cells tell their classes clearly. Where they hardly do, a
        single row turns what all of its cell is taken for, and the mean recall scatters as that of shuffled classes.

        Args:
            scatter: standard deviation of the latter.

        Source: of the first, squared distances from estimates to Wilson bounds added up, R. G. Newcombe, Statist. Med.
        17 (1998).
        """
        bounds = [wilson(recall * n, n) for recall, n in zip(self.recalls, self.in_class, strict=True)]
        below = math.hypot(*(bound.estimate - bound.low for bound in bounds)) / len(bounds)
        above = math.hypot(*(bound.high - bound.estimate for bound in bounds)) / len(bounds)
        least = normal_quantile(0.95) * scatter
        return Interval(
            estimate=self.balanced, low=self.balanced - max(least, below), high=self.balanced + max(least, above)
        )

    def shuffled(self, count: int, rng: np.random.Generator) -> IndexArray:
        """The classes in random orders, shape (count, n_rows)."""
        return rng.permuted(np.tile(self.classes, (count, 1)), axis=1)

    def mean_recalls(self, classes: IndexArray) -> FloatArray:
        """Of classes in rows, shape (n_draws, n_rows)."""
        return np.asarray(self._recalls(classes).mean(axis=1))

    def associations(self, classes: IndexArray) -> FloatArray:
        """Pearson's chi-square of cells against classes in rows, shape (n_draws, n_rows)."""
        found = self._counts(classes)
        expected = np.bincount(self.cells)[:, None] * self.in_class / len(self.classes)
        return np.asarray(((found - expected) ** 2 / expected).sum(axis=(1, 2)))

    def _counts(self, classes: IndexArray) -> IndexArray:
        """Rows of each cell and class, shape (n_draws, n_cells, n_classes)."""
        cells, kinds = int(self.cells.max()) + 1, len(self.in_class)
        place = (np.arange(len(classes))[:, None] * cells + self.cells) * kinds + classes
        return np.bincount(place.ravel(), minlength=len(classes) * cells * kinds).reshape(-1, cells, kinds)

    def _recalls(self, classes: IndexArray) -> FloatArray:
        """Of classes in rows, shape (n_draws, n_rows): every row is told by the others of its cell."""
        found, n = self._counts(classes), self.in_class
        share = found / n
        ordered = np.sort(share, axis=2)
        rival = np.where(share == ordered[..., -1:], ordered[..., -2:-1], ordered[..., -1:])
        own = (found - 1) / (n - 1)
        right = np.where(own > rival, 1.0, np.where(own == rival, 1 / len(n), 0.0))
        return np.asarray((found * right).sum(axis=1) / n)


def _ranks(values: FloatArray) -> FloatArray:
    """Equal values get the middle of their ranks, as a share of all."""
    ordered = np.sort(values)
    ends = [np.searchsorted(ordered, values, side=side) for side in ("left", "right")]
    return np.asarray((ends[0] + ends[1]) / (2 * len(values)))


def _cut(ranks: FloatArray, rows: IndexArray, least: int) -> list[IndexArray]:
    """Cut a cell in two where its measures differ most, and its halves in turn, down to cells of about `least` rows."""
    spread = np.ptp(ranks[rows], axis=0)
    if len(rows) < 2 * least or not spread.any():
        return [rows]
    values = ranks[rows, spread.argmax()]
    ordered = np.sort(values)
    steps = np.flatnonzero(np.diff(ordered)) + 1
    middle = ordered[steps[np.abs(steps - len(rows) / 2).argmin()]]
    return [*_cut(ranks, rows[values < middle], least), *_cut(ranks, rows[values >= middle], least)]
