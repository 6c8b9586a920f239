"""Whether two thumbnails show one picture: their correlation at the best small shift, zoom and mirroring, and a hash.

A copy survives as another compression, size, brightness or crop, or mirrored; on 32 × 32 smoothed pixels these leave
the correlation near 1. Pictures without contrast agree with nothing.

Source of the hash: C. Zauner, Implementation and benchmarking of perceptual image hash functions (2010), phash.org.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from sweep.records import IndexArray

__all__ = ["HASH_BITS", "SIZE", "Likeness", "Pictures", "is_flat", "likeness", "smoothed"]

Pictures = NDArray[np.float32]
"""Smoothed thumbnails, float32, shape (n_images, 3, SIZE, SIZE)."""

SIZE = 32
HASH_BITS = 63
_SHIFT = 2  # pixels to either side that a copy may be shifted
_WINDOW = SIZE - 2 * _SHIFT
_ZOOMS = (0.9, 0.95, 1.0, 1.05, 1.1)  # to either side what a crop by a tenth does
_CONTRAST = 2.0  # grey levels of standard deviation, below which only noise would be compared
_PAIRS_AT_ONCE = 64  # what is made of them stays in a processor's cache


def smoothed(thumbnails: NDArray[np.uint8]) -> Pictures:
    """Blur by a pixel, which makes half a pixel's shift and another way of resizing hardly count.

    Args:
        thumbnails: uint8, shape (n_images, SIZE, SIZE, 3).
    """
    pictures = np.ascontiguousarray(np.moveaxis(thumbnails, -1, 1), dtype=np.float32)
    padded = np.pad(pictures, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    rows = (padded[:, :, :-2] + 2 * padded[:, :, 1:-1] + padded[:, :, 2:]) / 4
    return np.asarray((rows[..., :-2] + 2 * rows[..., 1:-1] + rows[..., 2:]) / 4)


def is_flat(pictures: Pictures) -> NDArray[np.bool_]:
    """Whether there is too little to compare in each picture, shape (n_images,)."""
    return np.asarray(pictures.mean(axis=1).std(axis=(1, 2)) < _CONTRAST)


@dataclass(frozen=True, slots=True, eq=False)
class Likeness:
    """How alike the two pictures of each pair are at their best alignment; arrays of the shape (n_pairs,).

    Attributes:
        distance: square root of 1 less the correlation: 0 for the same picture, near 1 for unrelated ones.
        bits: of the `HASH_BITS` of their hashes, those that differ: half for unrelated ones, give or take four.
    """

    distance: NDArray[np.float64]
    bits: IndexArray


def likeness(pictures: Pictures, first: IndexArray, second: IndexArray) -> Likeness:
    """Compare pairs of pictures. Brightness, contrast and a cast of colour do not count.

    The alignment is chosen on grey values; there colours are correlated, and the hashes taken.

    Args:
        pictures: of `smoothed`.
        first: position of one picture of each pair.
        second: position of the other one.
    """
    distance, bits = np.empty(len(first)), np.empty(len(first), dtype=np.int64)
    for start in range(0, len(first), _PAIRS_AT_ONCE):
        part = slice(start, start + _PAIRS_AT_ONCE)
        template, window = _aligned(pictures, first[part], second[part])
        agreement = _normalised(_without_cast(template)) * _normalised(_without_cast(window))
        distance[part] = np.sqrt(np.maximum(0.0, 1.0 - agreement.sum(axis=-1, dtype=np.float64)))
        bits[part] = np.sum(_hash(template) != _hash(window), axis=1)
    return Likeness(distance=distance, bits=bits)


def _hash(pictures: Pictures) -> NDArray[np.bool_]:
    """Which of the lowest frequencies of each grey picture are above their median, shape (n, HASH_BITS)."""
    frequency, place = np.arange(8)[:, None], np.arange(_WINDOW)[None]
    cosines = np.cos(np.pi * frequency * (2 * place + 1) / (2 * _WINDOW)).astype(np.float32)
    spectrum = (cosines @ pictures.mean(axis=1) @ cosines.T).reshape(len(pictures), -1)[:, 1:]
    return np.asarray(spectrum > np.median(spectrum, axis=1, keepdims=True))


def _aligned(pictures: Pictures, first: IndexArray, second: IndexArray) -> tuple[Pictures, Pictures]:
    """The parts of both pictures of each pair that agree best, shape (n, 3, `_WINDOW`, `_WINDOW`)."""
    own, of = np.unique(first, return_inverse=True)
    templates = _normalised(_variants(pictures[own].mean(axis=1)))[of]
    grey = pictures[second].mean(axis=1)
    windows = _windows(grey)
    steps = windows.shape[1]
    agreement = templates @ windows.reshape(len(first), steps * steps, -1).swapaxes(1, 2)
    best = (agreement / _lengths(grey)[:, None]).reshape(len(first), -1).argmax(axis=1)
    variant, offset = np.divmod(best, steps * steps)
    zooms, mirrored = _ZOOM_MATRICES[variant % len(_ZOOMS)][:, None], variant >= len(_ZOOMS)
    template = zooms @ pictures[first] @ zooms.swapaxes(2, 3)
    template[mirrored] = template[mirrored, ..., ::-1]
    window = _windows(pictures[second])[np.arange(len(first)), :, offset // steps, offset % steps]
    return template, window


def _lengths(grey: Pictures) -> NDArray[np.float64]:
    """Of each window less its mean, shape (n, windows), by cumulative sums; infinite for one without contrast."""
    values = grey.astype(np.float64)
    sums = np.zeros((2, len(grey), SIZE + 1, SIZE + 1))
    sums[:, :, 1:, 1:] = np.stack([values, values**2]).cumsum(axis=2).cumsum(axis=3)
    down = sums[:, :, _WINDOW:] - sums[:, :, :-_WINDOW]
    total, squares = (down[..., _WINDOW:] - down[..., :-_WINDOW]).reshape(2, len(grey), -1)
    length = np.sqrt(np.maximum(0.0, squares - total**2 / _WINDOW**2))
    return np.where(length < _CONTRAST * _WINDOW, np.inf, length)


def _variants(grey: Pictures) -> Pictures:
    """The middle of each picture at every zoom, as it is and mirrored, flattened: (n, variants, pixels)."""
    zoomed = _ZOOM_MATRICES @ grey[:, None] @ _ZOOM_MATRICES.swapaxes(1, 2)
    return np.concatenate([zoomed, zoomed[..., ::-1]], axis=1).reshape(len(grey), 2 * len(_ZOOMS), -1)


def _windows(pictures: Pictures) -> Pictures:
    """Every part of the templates' size; its place in two new axes before the last two."""
    return np.asarray(sliding_window_view(pictures, (_WINDOW, _WINDOW), axis=(-2, -1)))


def _without_cast(pictures: Pictures) -> Pictures:
    """Less the mean of each channel, flattened: (n, values)."""
    return np.asarray((pictures - pictures.mean(axis=(-2, -1), keepdims=True)).reshape(len(pictures), -1))


def _normalised(values: Pictures) -> Pictures:
    """Of mean 0 and length 1 along the last axis; without contrast 0, so that it correlates with nothing."""
    centred = values - values.mean(axis=-1, keepdims=True)
    length = np.linalg.norm(centred, axis=-1, keepdims=True)
    return np.asarray(centred / np.where(length < _CONTRAST * values.shape[-1] ** 0.5, np.inf, length))


def _zoom_matrix(zoom: float) -> Pictures:
    """Takes the middle `_WINDOW` of SIZE pixels as seen through a zoom, interpolated linearly."""
    wanted = (SIZE - 1) / 2 + (np.arange(_WINDOW) - (_WINDOW - 1) / 2) / zoom
    weights = np.maximum(0.0, 1.0 - np.abs(wanted[:, None] - np.arange(SIZE)[None]))
    return np.asarray(weights, dtype=np.float32)


_ZOOM_MATRICES = np.stack([_zoom_matrix(zoom) for zoom in _ZOOMS])
