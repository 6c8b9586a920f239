"""Validation sides on which every class is predicted as often as it occurs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sweep.diagnosis.probes.classes import class_bias

__all__ = ["NULLS"]


def alike(rng: np.random.Generator) -> float:
    """300 images of four classes, a quarter of them wrong in any direction."""
    labels = rng.integers(4, size=300)
    wrong = rng.random(300) < 0.25
    return _p((labels + wrong * rng.integers(1, 4, size=300)) % 4, labels, 4)


def imbalanced_and_few(rng: np.random.Generator) -> float:
    """60 images, 70 % of one class; as many go from one class to another as come back."""
    shares = np.array([0.7, 0.2, 0.1])
    labels = rng.choice(3, size=60, p=shares)
    wrong = rng.random(60) < 0.3  # a wrong one is given to any class in proportion to its size: what is lost returns
    return _p(np.where(wrong, rng.choice(3, size=60, p=shares), labels), labels, 3)


def in_a_circle(rng: np.random.Generator) -> float:
    """400 images: each class loses a fifth to the next, so the confusion is not symmetric while the marginals agree."""
    labels = rng.integers(3, size=400)
    return _p((labels + (rng.random(400) < 0.2)) % 3, labels, 3)


def sources(rng: np.random.Generator) -> float:
    """50 sources of 1 to 8 images that are right or wrong together."""
    source = np.repeat(np.arange(50), rng.integers(1, 9, size=50))
    label, shift = rng.integers(3, size=50), (rng.random(50) < 0.3) * rng.integers(1, 3, size=50)
    labels = label[source]
    return _p((labels + shift[source]) % 3, labels, 3, source)


def _p(predicted: np.ndarray, labels: np.ndarray, num_classes: int, groups: np.ndarray | None = None) -> float:
    counts = np.ones(num_classes)
    found = class_bias(
        predicted=predicted, labels=labels, num_classes=num_classes, counts_train=counts, groups=groups
    ).p
    assert found is not None
    return found


NULLS: dict[str, Callable[[np.random.Generator], float]] = {
    "class bias, alike": alike,
    "class bias, imbalanced and few": imbalanced_and_few,
    "class bias, in a circle": in_a_circle,
    "class bias, sources": sources,
}
