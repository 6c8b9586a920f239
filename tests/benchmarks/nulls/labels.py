"""Images whose labels are all right, however much their classes overlap."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sweep.diagnosis.probes.labels import label_noise

__all__ = ["NULLS"]

Image = tuple[NDArray[np.float64], NDArray[np.int64]]


def separate(rng: np.random.Generator) -> float:
    """300 images of three classes, 97 % of which a linear probe gets right."""
    return _p(rng, _gaussian(rng, 300, classes=3, separation=3.2))


def overlap(rng: np.random.Generator) -> float:
    """400 images of three classes, 75 %."""
    return _p(rng, _gaussian(rng, 400, classes=3, separation=1.6))


def two_that_overlap(rng: np.random.Generator) -> float:
    """400 images of two classes, 75 %: nothing but the two sides of one boundary."""
    return _p(rng, _gaussian(rng, 400, classes=2, separation=1.1))


def imbalanced(rng: np.random.Generator) -> float:
    """300 images, 80 % of one class and 5 % of another."""
    return _p(rng, _gaussian(rng, 300, classes=3, separation=2.0, shares=(0.8, 0.15, 0.05)))


def few_and_wide(rng: np.random.Generator) -> float:
    """200 images of four classes with 150 features."""
    return _p(rng, _gaussian(rng, 200, classes=4, separation=3.5, width=150))


def heavy_tails(rng: np.random.Generator) -> float:
    """500 images of three classes; some lie many times as far out as others (Student's t, three degrees)."""
    features, labels = _gaussian(rng, 500, classes=3, separation=2.0)
    return _p(rng, (features / np.sqrt(rng.chisquare(3, size=(500, 1)) / 3), labels))


def clusters(rng: np.random.Generator) -> float:
    """600 images of two classes of four clusters each, which no linear probe separates."""
    features, clusters = _gaussian(rng, 600, classes=8, separation=3.5)
    return _p(rng, (features, clusters % 2))


def sources(rng: np.random.Generator) -> float:
    """70 sources of 1 to 8 images, alike among themselves."""
    source = np.repeat(np.arange(70), rng.integers(1, 9, size=70))
    features, labels = _gaussian(rng, 70, classes=3, separation=2.5)
    features = features[source] + rng.normal(scale=0.4, size=(len(source), features.shape[1]))
    return _p(rng, (features, labels[source]), source)


def _gaussian(
    rng: np.random.Generator,
    images: int,
    *,
    classes: int,
    separation: float,
    width: int = 20,
    shares: tuple[float, ...] | None = None,
) -> Image:
    centres = rng.normal(size=(classes, width))
    centres *= separation / np.linalg.norm(centres, axis=1, keepdims=True)
    labels = rng.choice(classes, size=images, p=shares)
    return centres[labels] + rng.normal(size=(images, width)), labels


def _p(rng: np.random.Generator, images: Image, groups: NDArray[np.int64] | None = None) -> float:
    features, labels = images
    found = label_noise(
        features=features,
        labels=labels,
        num_classes=int(labels.max()) + 1,
        seed=int(rng.integers(2**31)),
        groups=groups,
        plants=2,
    ).p
    assert found is not None
    return found


NULLS: dict[str, Callable[[np.random.Generator], float]] = {
    "label noise, separate": separate,
    "label noise, overlap": overlap,
    "label noise, two that overlap": two_that_overlap,
    "label noise, imbalanced": imbalanced,
    "label noise, few and wide": few_and_wide,
    "label noise, heavy tails": heavy_tails,
    "label noise, clusters": clusters,
    "label noise, sources": sources,
}
