"""The training image that shows most nearly the same picture: features propose a few, pixels choose among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sweep.diagnosis.likeness import HASH_BITS, Pictures, is_flat, likeness, smoothed
from sweep.records import IndexArray

__all__ = ["REFERENCE", "Album", "Twins", "make_album", "nearest_pictures", "same_pictures"]

REFERENCE = 3
"""The neighbour against which the nearest one is held: two copies of a picture do not hide each other."""

_PROPOSED = 5
_LEAST_DISTANCE = 1e-6  # rounding
_ROWS_AT_ONCE = 500  # of a matrix of similarities


@dataclass(frozen=True, slots=True, eq=False)
class Album:
    """What is known of every image of a study.

    Attributes:
        directions: features of length 1, float32, shape (n_images, n_features).
        pictures: smoothed thumbnails.
        codes: equal for equal pictures, int64, shape (n_images,).
        labels: int64, shape (n_images,).
        groups: source of every image, or None.
    """

    directions: NDArray[np.float32]
    pictures: Pictures
    codes: IndexArray
    labels: IndexArray
    groups: IndexArray | None


@dataclass(frozen=True, slots=True, eq=False)
class Twins:
    """Of each image that was asked its nearest training image in pixels; arrays of the shape (n_asked,).

    Attributes:
        image: positions; -1 where there is no other image.
        distance: see `Likeness`; infinite where there is none.
        bits: see `Likeness`.
        ratio: of that distance to the one of neighbour `REFERENCE`, 1 where there is none.
    """

    image: IndexArray
    distance: NDArray[np.float64]
    bits: IndexArray
    ratio: NDArray[np.float64]


def make_album(
    features: ArrayLike,
    thumbnails: ArrayLike,
    content_hashes: Sequence[str],
    labels: ArrayLike,
    groups: ArrayLike | None,
) -> Album:
    """Bring everything into the form that comparisons need.

    Equal files have equal pixels, so pixels tell equal pictures; of those without contrast, the files alone.

    Args:
        features: shape (n_images, n_features).
        thumbnails: uint8, shape (n_images, 32, 32, 3).
        content_hashes: of the files.
        labels: shape (n_images,).
        groups: source of every image.
    """
    raw = np.asarray(features, dtype=np.float32)
    length = np.linalg.norm(raw, axis=1, keepdims=True)
    pixels = np.ascontiguousarray(thumbnails, dtype=np.uint8)
    pictures = smoothed(pixels)
    keys = [
        content_hash if flat else picture.tobytes()
        for content_hash, flat, picture in zip(content_hashes, is_flat(pictures), pixels, strict=True)
    ]
    codes = {key: code for code, key in enumerate(dict.fromkeys(keys))}
    return Album(
        directions=np.asarray(raw / np.where(length > 0, length, 1.0), dtype=np.float32),
        pictures=pictures,
        codes=np.array([codes[key] for key in keys], dtype=np.int64),
        labels=np.asarray(labels, dtype=np.int64),
        groups=None if groups is None else np.asarray(groups),
    )


def same_pictures(album: Album, train: IndexArray, asked: IndexArray, *, same_class: bool) -> IndexArray:
    """The first training image with the pixels of each image asked, of its class or of another one; -1 for none."""
    by_code: dict[int, list[int]] = {}
    for position in train.tolist():
        by_code.setdefault(int(album.codes[position]), []).append(position)
    found = np.full(len(asked), -1, dtype=np.int64)
    for place, position in enumerate(asked.tolist()):
        equal = by_code.get(int(album.codes[position]), [])
        wanted = [one for one in equal if (album.labels[one] == album.labels[position]) == same_class]
        found[place] = wanted[0] if wanted else -1
    return found


def nearest_pictures(album: Album, train: IndexArray, asked: IndexArray, *, same_class: bool) -> Twins:
    """Compare the pixels of each image asked with those of the training images nearest in features.

    Only with images of its class, or only with those of other ones; never with equal pictures or its own source.
    """
    proposed = np.concatenate(
        [
            _proposed(album, train, asked[start : start + _ROWS_AT_ONCE], same_class=same_class)
            for start in range(0, len(asked), _ROWS_AT_ONCE)
        ]
    )
    distance, bits = np.full(proposed.shape, np.inf), np.full(proposed.shape, HASH_BITS)
    rows, columns = np.nonzero(proposed >= 0)
    compared = likeness(album.pictures, asked[rows], proposed[rows, columns])
    distance[rows, columns], bits[rows, columns] = compared.distance, compared.bits
    best = np.arange(len(asked)), distance.argmin(axis=1)
    reference = np.sort(distance, axis=1)[:, REFERENCE - 1]
    with np.errstate(invalid="ignore"):
        ratio = distance[best] / np.maximum(reference, _LEAST_DISTANCE)
    return Twins(
        image=proposed[best],
        distance=distance[best],
        bits=bits[best],
        ratio=np.where(np.isfinite(reference), ratio, 1.0),
    )


def _proposed(album: Album, train: IndexArray, asked: IndexArray, *, same_class: bool) -> IndexArray:
    """The training images nearest in features, shape (n_asked, `_PROPOSED`); -1 where there are no more."""
    similar = album.directions[asked] @ album.directions[train].T
    barred = (album.labels[asked][:, None] == album.labels[train]) != same_class
    barred |= album.codes[asked][:, None] == album.codes[train]
    if album.groups is not None:
        barred |= album.groups[asked][:, None] == album.groups[train]
    similar[barred] = -np.inf
    similar = np.pad(similar, ((0, 0), (0, _PROPOSED)), constant_values=-np.inf)
    nearest = np.argpartition(-similar, _PROPOSED - 1, axis=1)[:, :_PROPOSED]
    missing = np.isneginf(np.take_along_axis(similar, nearest, axis=1))
    return np.where(missing, -1, np.pad(train, (0, _PROPOSED))[nearest])
