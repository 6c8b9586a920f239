"""Sources of images guessed from features alone: families of images closer to each other than chance explains.

Each image has a p, of as near a neighbour by chance in its own surroundings (`crowding`). Images whose p passes at a
false discovery rate of a tenth are linked with their neighbours; what hangs together is a source. Where images are
independent of one another next to none is linked, however well their classes are separated or however alike they are.
Sources whose images are not that close stay unseen; what they are worth at most, leaving out `neighbourhoods` tells.

Source: Y. Benjamini and Y. Hochberg, Controlling the false discovery rate, J. R. Statist. Soc. B 57 (1995).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sweep.diagnosis.crowding import chance_of_ratio, ratio_of_chance
from sweep.records import IndexArray

__all__ = ["GuessedSources", "guess_sources", "neighbourhoods"]

FloatArray = NDArray[np.float64]

_DISCOVERY = 0.1
_SURROUNDINGS = 50  # images, and twice as many for the dimension; a source of more images than that is not seen
_SHARE = 8  # of all images surround one, at most, or they are not its surroundings
_FEWEST = 16  # images
_LEAST_LENGTH, _ROUNDING = 1e-12, 1e-6
_ROWS_AT_ONCE = 500
_NEIGHBOURS = 10  # images, of a burst; fewer of a class that has not twice as many


@dataclass(frozen=True, slots=True, eq=False)
class GuessedSources:
    """What was guessed.

    Attributes:
        codes: of the source of each image, from 0, int64, shape (n_images,); an image without a link has its own.
        p: of no links but by chance.
    """

    codes: IndexArray
    p: float


def guess_sources(features: ArrayLike) -> GuessedSources:
    """Link images that are closer in direction than images of their surroundings are by chance.

    Args:
        features: shape (n_images, n_features). Of fewer than 16 images nothing is guessed.

    Source of the p over all images: R. J. Simes, An improved Bonferroni procedure for multiple tests of significance,
    Biometrika 73 (1986).
    """
    from scipy.sparse import coo_array  # noqa: PLC0415 - slow to import
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

    raw = np.asarray(features, dtype=np.float64)  # in single precision close neighbours would be equal
    n, rank = len(raw), min(_SURROUNDINGS, len(raw) // _SHARE)
    if n < _FEWEST:
        return GuessedSources(codes=np.arange(n, dtype=np.int64), p=1.0)
    directions = _directions(raw)
    wanted = [0, rank - 1, 2 * rank - 1]
    nearest, reference, far = np.concatenate(
        [np.partition(rows, wanted, axis=1)[:, wanted] for _, rows in _distances(directions)]
    ).T
    reference, far = np.maximum(reference, _LEAST_LENGTH), np.maximum(far, _LEAST_LENGTH)
    # Half of all images lie closer to their neighbour `rank` than that to the power of 2 ** (1 / dimension).
    dimension = math.log(2) / max(float(np.median(np.log(far / reference))), _LEAST_LENGTH)
    p_values = chance_of_ratio(nearest / reference, dimension, rank)
    level, p = _discovered(p_values)
    if p > _DISCOVERY:
        return GuessedSources(codes=np.arange(n, dtype=np.int64), p=p)
    cut = reference * (ratio_of_chance(level, dimension, rank) + _ROUNDING)
    own = np.where(p_values <= level, nearest * (1 + _ROUNDING), 0.0)
    links = np.concatenate(
        [
            np.argwhere(rows <= np.maximum(np.minimum(cut[part, None], cut), own[part, None])) + np.array([start, 0])
            for start, rows in _distances(directions)
            for part in (slice(start, start + len(rows)),)
        ]
    )
    graph = coo_array((np.ones(len(links)), links.T), shape=(n, n))
    return GuessedSources(codes=connected_components(graph, directed=False)[1].astype(np.int64), p=p)


def neighbourhoods(features: ArrayLike, labels: IndexArray, rng: np.random.Generator) -> IndexArray:
    """Cut each class into families of ten images that are close in direction: stand-ins for sources that are not seen.

    One image after another, in random order, takes the nearest ones that are still free.

    Args:
        features: shape (n_images, n_features).
        labels: shape (n_images,).
        rng: draws the order.

    Returns:
        Codes from 0, int64, shape (n_images,).
    """
    directions, codes, next_code = _directions(np.asarray(features)), np.empty(len(labels), dtype=np.int64), 0
    for label in np.unique(labels):
        free = rng.permutation(np.flatnonzero(labels == label))
        members = min(_NEIGHBOURS, math.ceil(len(free) / 2))
        while len(free):
            nearest = np.argsort(-(directions[free] @ directions[free[0]]), kind="stable")[:members]
            codes[free[nearest]] = next_code
            free, next_code = np.delete(free, nearest), next_code + 1
    return codes


def _directions(features: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), _LEAST_LENGTH))


def _discovered(p_values: NDArray[np.float64]) -> tuple[float, float]:
    """The largest p among the discoveries, and Simes' p of there being any; above `_DISCOVERY` there are none."""
    ordered = np.sort(p_values)
    scaled = ordered * len(ordered) / np.arange(1, len(ordered) + 1)
    return float(np.max(ordered, where=scaled <= _DISCOVERY, initial=0.0)), float(scaled.min())


def _distances(directions: FloatArray) -> Iterator[tuple[int, FloatArray]]:
    """Of a few images at once to all, with the number of the first; none is near itself."""
    for start in range(0, len(directions), _ROWS_AT_ONCE):
        rows = np.sqrt(np.maximum(0.0, 2 - 2 * directions[start : start + _ROWS_AT_ONCE] @ directions.T))
        own = np.arange(len(rows))
        rows[own, own + start] = np.inf
        yield start, rows
