"""Ways of preparing pixels that all give equally good features."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sweep.diagnosis.probes.preprocessing import preprocessing

__all__ = ["NULLS"]

NAMES = ("auto", "none", "0..1", "-1..1", "caffe", "torch", "bgr")


def two(rng: np.random.Generator) -> float:
    """120 images of three classes, one other way."""
    return _p(rng, *_images(rng, 120), NAMES[:2])


def seven(rng: np.random.Generator) -> float:
    """The same with six other ways."""
    return _p(rng, *_images(rng, 120), NAMES)


def few(rng: np.random.Generator) -> float:
    """40 images, 75 % of one class."""
    return _p(rng, *_images(rng, 40, (0.75, 0.15, 0.1)), NAMES[:4])


def sources(rng: np.random.Generator) -> float:
    """40 sources of 1 to 5 images that resemble one another, in what each way does to them too."""
    features, labels = _images(rng, 40)
    source = np.repeat(np.arange(40), rng.integers(1, 6, size=40))
    return _p(rng, features, labels, NAMES[:3], source)


def _images(
    rng: np.random.Generator, count: int, shares: tuple[float, ...] = (0.4, 0.3, 0.3)
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    labels = rng.choice(3, size=count, p=shares)
    return rng.normal(size=(3, 8))[labels] + rng.normal(size=(count, 8)), labels


def _p(
    rng: np.random.Generator,
    features: NDArray[np.float64],
    labels: NDArray[np.int64],
    names: tuple[str, ...],
    source: NDArray[np.int64] | None = None,
) -> float:
    of = np.arange(len(labels)) if source is None else source
    found = preprocessing(
        candidates={name: (features + 0.7 * rng.normal(size=features.shape))[of] for name in names},
        chosen="auto",
        labels=labels[of],
        groups=source,
        seed=0,
    ).p
    assert found is not None
    return found


NULLS: dict[str, Callable[[np.random.Generator], float]] = {
    "preprocessing, two ways": two,
    "preprocessing, seven ways": seven,
    "preprocessing, few and imbalanced": few,
    "preprocessing, sources": sources,
}
