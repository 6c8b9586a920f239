"""Sets without a copy in which pictures are far apart, look much alike, or come in frames of one source."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sweep.diagnosis.probes.copies import leak

__all__ = ["NULLS"]

_TRAIN, _VALIDATION = 90, 30
_IMAGES = _TRAIN + _VALIDATION

Numbers = NDArray[np.float64]


def different(rng: np.random.Generator) -> float:
    """Pictures of 48 independent patches."""
    patches = rng.uniform(30, 220, (_IMAGES, 4, 4, 3))
    return _p(np.kron(patches, np.ones((1, 8, 8, 1))), rng.integers(3, size=_IMAGES), rng)


def look_alikes(rng: np.random.Generator) -> float:
    """A disc on a plain ground, of any place, size and shade; one class, of darker discs, is rare."""
    labels = (rng.random(_IMAGES) < 0.15).astype(np.int64)
    place, radius = rng.uniform(11, 21, (_IMAGES, 2)), rng.uniform(4, 9, _IMAGES)
    return _p(_discs(place, radius, 180 - 60 * labels, rng), labels, rng)


def frames(rng: np.random.Generator) -> float:
    """Twelve discs that move a little from one picture to the next, on both sides of the split."""
    source = np.arange(_IMAGES) % 12
    place, radius = rng.uniform(12, 20, (12, 2))[source], rng.uniform(4, 9, 12)[source]
    place = place + rng.normal(0, 1.5, place.shape)
    return _p(_discs(place, radius, np.full(_IMAGES, 160.0), rng), source % 2, rng, source)


def _discs(place: Numbers, radius: Numbers, shade: Numbers, rng: np.random.Generator) -> Numbers:
    """Pictures with soft edges and a little noise, shape (n, 32, 32, 3)."""
    axis = np.arange(32.0)
    away = np.hypot(axis[:, None] - place[:, 0, None, None], axis - place[:, 1, None, None])
    ground = 60 + np.clip(radius[:, None, None] - away + 0.5, 0, 1) * (shade[:, None, None] - 60)
    return np.repeat(ground[..., None], 3, axis=-1) + rng.normal(0, 2, (len(place), 32, 32, 3))


def _p(
    pictures: Numbers, labels: NDArray[np.int64], rng: np.random.Generator, groups: NDArray[np.int64] | None = None
) -> float:
    thumbnails = np.clip(np.rint(pictures), 0, 255).astype(np.uint8)
    rows = rng.permutation(_IMAGES)
    found = leak(
        features=pictures.reshape(_IMAGES, 8, 4, 8, 4, 3).mean(axis=(2, 4, 5)).reshape(_IMAGES, -1),
        thumbnails=thumbnails,
        content_hashes=[str(row) for row in range(_IMAGES)],
        labels=labels,
        train=rows[:_TRAIN],
        validation=rows[_TRAIN:],
        correct=np.ones(_VALIDATION),
        groups=groups,
        seed=0,
    )
    assert found.p is not None
    return found.p


NULLS: dict[str, Callable[[np.random.Generator], float]] = {
    "different pictures": different,
    "look-alikes": look_alikes,
    "frames of known sources": frames,
}
