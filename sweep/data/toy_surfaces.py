"""Materials: colours, noise, and the patterns of floors, walls and cloths."""

from __future__ import annotations

import colorsys
import functools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["Colour", "Plane", "noise_window", "random_colour", "surface"]

Colour = tuple[float, float, float]
"""Red, green and blue, 0 to 1."""
Plane = NDArray[np.float32]

_TILE = 512


def random_colour(rng: np.random.Generator) -> Colour:
    """Any hue, seldom a garish one."""
    return colorsys.hsv_to_rgb(rng.random(), rng.beta(1.2, 2.6), rng.uniform(0.35, 1.0))


def noise_window(rng: np.random.Generator, height: int, width: int) -> Plane:
    """Short-haired noise of zero mean and unit spread, a random window of an endless tile, shape (height, width)."""
    top, left = rng.integers(0, _TILE, 2)
    rows, columns = (top + np.arange(height)) % _TILE, (left + np.arange(width)) % _TILE
    window: Plane = _noise_tile()[rows[:, None], columns]
    return window


def surface(rng: np.random.Generator, u: Plane, v: Plane) -> Plane:
    """A material with a random pattern over the coordinates u and v, 0 to about 1, shape (3, *shape of u + v)."""
    pattern = _PATTERNS[rng.integers(len(_PATTERNS))]
    amount = pattern(rng, u, v)
    first = np.array(random_colour(rng))
    second = np.array(random_colour(rng)) if rng.random() < 0.35 else first * rng.uniform(0.6, 0.9, 3)
    one, other = (colour.astype(np.float32)[:, None, None] for colour in (first, second))
    grain = 1 + np.float32(rng.uniform(0.01, 0.07)) * noise_window(rng, *amount.shape)
    material: Plane = (one + (other - one) * amount) * grain
    return material


@functools.cache
def _noise_tile() -> Plane:
    """Band-limited noise that repeats without a seam, shape (512, 512)."""
    frequency = np.hypot(np.fft.fftfreq(_TILE)[:, None], np.fft.rfftfreq(_TILE)[None, :])
    band = np.exp(-((frequency / 0.16) ** 2)) * (0.15 + (frequency / 0.08) ** 2)
    white = np.random.default_rng(0).normal(size=(_TILE, _TILE))
    tile = np.fft.irfft2(np.fft.rfft2(white) * band)
    even: Plane = ((tile - tile.mean()) / tile.std()).astype(np.float32)
    return even


# ---- patterns: how much of the second colour lies at (u, v), whose period is about 1 ---------------------------------


def _plain(rng: np.random.Generator, u: Plane, v: Plane) -> Plane:
    return np.full(np.broadcast_shapes(u.shape, v.shape), rng.random(), np.float32)


def _planks(rng: np.random.Generator, u: Plane, v: Plane) -> Plane:
    row = np.floor(u * 2)
    board = np.floor(v * np.float32(0.6) + np.float32(0.37) * (row % 5)) * 7 + row
    tone = (np.sin(board * np.float32(12.9898)) * 437.58) % 1
    fibre = np.sin(u * 37 + np.sin(v * 3))
    seam = (u * 2 - row < np.float32(0.06)).astype(np.float32)
    return np.clip(np.float32(0.7) * tone + np.float32(0.12) * fibre + np.float32(0.6) * seam, 0, 1.3)


def _stripes(rng: np.random.Generator, u: Plane, v: Plane) -> Plane:
    return _band(u, rng) + np.zeros_like(v)


def _dots(rng: np.random.Generator, u: Plane, v: Plane) -> Plane:
    distance = (u * 2 % 1 - np.float32(0.5)) ** 2 + (v * 2 % 1 - np.float32(0.5)) ** 2
    return (distance < np.float32(rng.uniform(0.03, 0.12))).astype(np.float32)


def _checks(rng: np.random.Generator, u: Plane, v: Plane) -> Plane:
    return np.float32(0.5) * (_band(u, rng) + _band(v, rng))


def _band(axis: Plane, rng: np.random.Generator) -> Plane:
    return (axis * np.float32(1.5) % 1 < np.float32(rng.uniform(0.2, 0.6))).astype(np.float32)


_PATTERNS: tuple[Callable[[np.random.Generator, Plane, Plane], Plane], ...] = (
    _plain,
    _planks,
    _stripes,
    _dots,
    _checks,
)
