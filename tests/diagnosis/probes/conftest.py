"""Worlds of features in which the truth is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

World = tuple[NDArray[np.float64], NDArray[np.int64]]


@pytest.fixture(scope="session")
def feature_world() -> Callable[..., World]:
    """Features and labels: `feature_world(images, classes=3, width=20, separation=2.0, seed=0)`."""
    return make_feature_world


def make_feature_world(
    images: int, *, classes: int = 3, width: int = 20, separation: float = 2.0, seed: int = 0
) -> World:
    """Gaussian classes of variance 1 whose centres lie `separation` from the origin, in random directions."""
    centres = np.random.default_rng(np.random.SeedSequence((seed, 1))).normal(size=(classes, width))
    centres *= separation / np.linalg.norm(centres, axis=1, keepdims=True)
    rng = np.random.default_rng(np.random.SeedSequence((seed, 2)))
    labels = rng.integers(classes, size=images)
    return centres[labels] + rng.normal(size=(images, width)), labels
