"""Linear probes in closed form: a ridge regression on features, each image predicted by a fit that never saw it.

One eigendecomposition serves every penalty, every set of labels and every way of leaving images out, so that hundreds
of permuted labels cost seconds. Features are standardised by all images, those that a fit leaves out too; their labels
have no part in that.

Source: the leave-one-out residual of a linear smoother, R. D. Cook and S. Weisberg, Residuals and Influence in
Regression (1982), section 2.2; for blocks of images, with the block of the hat matrix in place of its diagonal.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sweep.diagnosis.sources import Groups, source_codes
from sweep.records import IndexArray

__all__ = ["PENALTIES", "RidgeProbe", "one_hot", "stratified_blocks", "stratified_order"]

FloatArray = NDArray[np.float64]

PENALTIES = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""In mean eigenvalues of the Gram matrix of the images: from hardly anything to nearly all shrunk away."""

_CHOICES = tuple(float(f"{penalty:.2g}") for penalty in np.geomspace(1e-3, 10, 9))
_SCALES = np.geomspace(0.25, 32, 15)  # of logits, from nearly even odds to certainty
_LEAST_SPREAD = 1e-6  # of a feature's largest value: what float32 leaves of one that is constant
_LEAST_EIGENVALUE = 1e-9  # of the largest


class RidgeProbe:
    """Ridge regressions with an intercept on standardised features; the intercept is not penalised.

    Holds n · k + d · k float64 numbers, k = min(n, d), and twice that while it is made.

    Args:
        features: shape (n_images, n_features); constant ones count for nothing.

    Raises:
        ValueError: a feature is infinite or NaN.
    """

    def __init__(self, features: ArrayLike) -> None:
        centred = np.array(features, dtype=np.float64)
        n, d = centred.shape
        self._mean = centred.mean(axis=0)
        if not np.isfinite(self._mean).all():
            raise ValueError("expected finite features")
        largest = np.maximum(centred.max(axis=0), -centred.min(axis=0))
        centred -= self._mean
        spread = np.sqrt(np.einsum("ij,ij->j", centred, centred) / n)
        self._scale = np.where(spread <= _LEAST_SPREAD * largest, np.inf, spread)
        centred /= self._scale
        values, vectors = np.linalg.eigh(centred @ centred.T if n <= d else centred.T @ centred)
        kept = values > max(values[-1], 0.0) * _LEAST_EIGENVALUE
        self._values, vectors = values[kept], np.ascontiguousarray(vectors[:, kept])
        other = (centred.T if n <= d else centred) @ vectors
        other /= np.sqrt(self._values)
        # Directions in the space of the images, (n, k), and in that of the features, (d, k).
        self._left: FloatArray = vectors if n <= d else other
        self._right: FloatArray = other if n <= d else vectors
        self._mean_eigenvalue = float(self._values.mean()) if len(self._values) else 1.0

    def fitted(self, targets: ArrayLike, penalty: float) -> FloatArray:
        """What the fit to all images says of them, shape of the targets: (n_images, n_targets)."""
        given = np.asarray(targets, dtype=np.float64)
        mean = given.mean(axis=0)
        return np.asarray(mean + self._left @ (self._shrunk(penalty)[:, None] * (self._left.T @ (given - mean))))

    def held_out(self, targets: ArrayLike, penalty: float, blocks: Sequence[IndexArray] | None = None) -> FloatArray:
        """What fits without an image, or without its whole block, say of it; shape (n_images, n_targets).

        Args:
            targets: shape (n_images, n_targets); as many as wanted, permuted ones too, at hardly more cost.
            penalty: above 0, see `PENALTIES`.
            blocks: positions that are left out together, each position in at most one block; positions in none of them
                keep the fitted value. None: every image is left out by itself.

        Raises:
            ValueError: a block leaves no image to fit to.
        """
        given = np.asarray(targets, dtype=np.float64)
        residual = given - self.fitted(given, penalty)
        shrunk, share = self._shrunk(penalty), 1 / len(given)
        largest = 1 if blocks is None else max(map(len, blocks), default=0)
        if largest == len(given):
            raise ValueError(f"expected images to fit to beside the {len(given)} that are left out")
        if blocks is None:
            leverage = self._left**2 @ shrunk + share
            return np.asarray(given - residual / (1 - leverage)[:, None])
        predicted = given - residual
        for block in blocks:
            rows = self._left[block]
            kept = np.eye(len(block)) - (rows * shrunk) @ rows.T - share
            predicted[block] = given[block] - np.linalg.solve(kept, residual[block])
        return np.asarray(predicted)

    def fitted_to(self, images: IndexArray, targets: ArrayLike, penalty: float) -> FloatArray:
        """What the fit to some of the images says of all of them, shape (n_images, n_targets).

        But for the penalty's unit what `held_out` says of all others as one block, for less where few are fitted to.

        Args:
            images: positions of those that are fitted to, each once.
            targets: of all images, shape (n_images, n_targets).
            penalty: above 0, in mean eigenvalues of the Gram matrix of those that are fitted to, so that one number
                shrinks fits to few images and to many alike.
        """
        given = np.asarray(targets, dtype=np.float64)[images]
        root = np.sqrt(self._values)
        rows = self._left[images] * root
        middle, mean = rows.mean(axis=0), given.mean(axis=0)
        total = float(np.sum(rows**2)) - len(rows) * float(middle @ middle)
        weight = penalty * total / max(1, min(len(rows) - 1, len(root)))
        if len(rows) <= len(root):
            rows -= middle
            inner = rows.T @ _solved(rows @ rows.T, weight, given - mean)
        else:
            others = np.delete(self._left, images, axis=0) * root
            # Of all images together the matrix is diagonal: the smaller part of them is multiplied out.
            gram = np.diag(self._values) - others.T @ others if len(others) < len(rows) else rows.T @ rows
            gram -= len(rows) * np.outer(middle, middle)
            inner = _solved(gram, weight, rows.T @ (given - mean))
        return np.asarray(self._left @ (root[:, None] * inner) + (mean - middle @ inner))

    def predict(self, targets: ArrayLike, penalty: float, features: ArrayLike) -> FloatArray:
        """What the fit to all images says of other ones, shape (n_others, n_targets)."""
        given = np.asarray(targets, dtype=np.float64)
        mean = given.mean(axis=0)
        kept = self._shrunk(penalty) / np.sqrt(self._values)
        weights = self._right @ (kept[:, None] * (self._left.T @ (given - mean)))
        others = (np.asarray(features, dtype=np.float64) - self._mean) / self._scale
        return np.asarray(mean + others @ weights)

    def chosen_penalty(self, targets: ArrayLike, blocks: Sequence[IndexArray] | None = None) -> float:
        """The penalty that classifies held-out images best: by the cross-entropy of its predictions as logits.

        The logits' scale is the best one for each penalty, as it changes no prediction. Measured on 42 worlds of 50,
        200 and 800 images, this loses 0.6, 0.1 and 0.1 points of accuracy against the best penalty; the least squared
        error loses 1.1, 1.1 and 0.8 and up to 8, since it pays for large predictions; the best held-out accuracy, of
        few different values, 1.2, 0.4 and 0.1.

        Args:
            targets: of `one_hot`.
            blocks: as for `held_out`; images in none of them have no say.
        """
        labels = np.asarray(targets).argmax(axis=1)
        judged = np.arange(len(labels)) if blocks is None else np.concatenate(list(blocks))
        told = (self.held_out(targets, penalty, blocks)[judged] for penalty in _CHOICES)
        return _CHOICES[int(np.argmin([_cross_entropy(one, labels[judged]) for one in told]))]

    def degrees_of_freedom(self, penalty: float) -> float:
        """Of the fit, without the intercept."""
        return float(self._shrunk(penalty).sum())

    def _shrunk(self, penalty: float) -> FloatArray:
        """The share of each direction that is kept."""
        return np.asarray(self._values / (self._values + penalty * self._mean_eigenvalue))


def _solved(matrix: FloatArray, weight: float, right: FloatArray) -> FloatArray:
    """The solution of (matrix + weight · I) x = right; the matrix, of no negative eigenvalue, is overwritten."""
    matrix[np.diag_indices_from(matrix)] += weight
    # Not by Cholesky's method, which is scipy's: the threads of its library and of numpy's wait for one another.
    return np.asarray(np.linalg.solve(matrix, right))


def _cross_entropy(scores: FloatArray, labels: IndexArray) -> float:
    """Mean cross-entropy, nats, of scores taken as logits at the best of `_SCALES`."""
    length = math.sqrt(float(scores.var(axis=1).mean())) or 1.0
    below = (scores - scores.max(axis=1, keepdims=True)) / length
    own = float(below[np.arange(len(labels)), labels].mean())
    return min(float(np.log(np.exp(scale * below).sum(axis=1)).mean() - scale * own) for scale in _SCALES)


def one_hot(labels: ArrayLike, num_classes: int) -> FloatArray:
    """Labels as targets, float64, shape (n_images, num_classes)."""
    return np.asarray(np.eye(num_classes)[np.asarray(labels)])


def stratified_order(
    labels: ArrayLike, rng: np.random.Generator, groups: Groups | None = None
) -> tuple[IndexArray, IndexArray]:
    """Images in a random order, any stretch of which has about as much of each class as the whole.

    Args:
        labels: int, shape (n_images,).
        rng: draws the order.
        groups: source of every image; the images of one stand together, and count for the class that most of them have.

    Returns:
        Positions, shape (n_images,); and after how many of them a source ends, ascending, shape (n_sources,).
    """
    given = np.asarray(labels)
    sources = np.arange(len(given)) if groups is None else source_codes(groups)
    sizes = np.bincount(sources)
    tally = np.zeros((len(sizes), int(given.max()) + 1), np.int64)
    np.add.at(tally, (sources, given), 1)
    shuffled = rng.permutation(len(sizes))
    main = tally.argmax(axis=1)[shuffled]
    place = np.empty(len(sizes))
    for label in np.unique(main):
        members = shuffled[main == label]
        place[members] = (np.arange(len(members)) + rng.random(len(members))) / len(members)
    return np.argsort(place[sources], kind="stable"), np.cumsum(sizes[np.argsort(place)])


def stratified_blocks(
    labels: ArrayLike, count: int, rng: np.random.Generator, groups: Groups | None = None
) -> list[IndexArray]:
    """Images cut into blocks of about equal size for `RidgeProbe.held_out`, drawn as `stratified_order` says.

    Args:
        labels: int, shape (n_images,).
        count: of the blocks; fewer where there are not so many sources.
        rng: draws them.
        groups: source of every image; all of one are in the same block.
    """
    order, ends = stratified_order(labels, rng, groups)
    wanted = np.arange(1, count) * len(order) / count
    cuts = np.unique(ends[np.searchsorted(ends, wanted)])
    return [np.sort(block) for block in np.split(order, cuts) if len(block)]
