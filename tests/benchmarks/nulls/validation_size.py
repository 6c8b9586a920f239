"""Validation sets that are large enough: p is 0 or 1, and 0 by chance where few images look worse than they are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sweep.diagnosis.probes.validation_size import small_validation


def _p(rng: np.random.Generator, accuracy: float, images: int) -> float:
    found = small_validation(correct=rng.random(images) < accuracy, train_accuracy=0.99)
    assert found.p is not None
    return found.p


def _plenty(rng: np.random.Generator) -> float:
    return _p(rng, 0.78, 750)


def _enough(rng: np.random.Generator) -> float:
    """150 images of 95 % are 1.4 points off on average: hard, for an accuracy of 89 % would be accused."""
    return _p(rng, 0.95, 150)


def _sources(rng: np.random.Generator) -> float:
    """400 sources of three images that are right together: 1.6 points."""
    correct = np.repeat(rng.random(400) < 0.8, 3)
    found = small_validation(correct=correct, groups=np.repeat(np.arange(400), 3), train_accuracy=0.99)
    assert found.p is not None
    return found.p


NULLS: dict[str, Callable[[np.random.Generator], float]] = {
    "small validation, plenty": _plenty,
    "small validation, enough": _enough,
    "small validation, sources": _sources,
}
