"""Uneven classes that are all found as often."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sweep.diagnosis.probes.imbalance import imbalance

__all__ = ["NULLS"]

_WIDTH = 3
_ODD = 0.07  # images that look like the other class, whichever is theirs


def alike(rng: np.random.Generator) -> float:
    """300 images of two classes, 4 to 1, of which as many of either look like the other."""
    labels = (np.arange(300) < 60).astype(np.int64)
    return _p(_features(np.where(rng.random(300) < _ODD, 1 - labels, labels), rng), labels, 2)


def few(rng: np.random.Generator) -> float:
    """60 images of two classes, 3 to 1, the same."""
    labels = (np.arange(60) < 15).astype(np.int64)
    return _p(_features(np.where(rng.random(60) < _ODD, 1 - labels, labels), rng), labels, 2)


def sources(rng: np.random.Generator) -> float:
    """100 sources of 1 to 5 images that are right or wrong together."""
    label, odd = (np.arange(100) < 20).astype(np.int64), rng.random(100) < _ODD
    source = np.repeat(np.arange(100), rng.integers(1, 6, size=100))
    return _p(_features(np.where(odd, 1 - label, label)[source], rng), label[source], 2, source)


def _features(looks: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.asarray(looks[:, None] + 0.1 * rng.normal(size=(len(looks), _WIDTH)))


def _p(features: np.ndarray, labels: np.ndarray, num_classes: int, groups: np.ndarray | None = None) -> float:
    found = imbalance(
        features=features, labels=labels, num_classes=num_classes, groups=groups, seed=int(labels.sum()), draws=999
    ).p
    return 1.0 if found is None else found


NULLS: dict[str, Callable[[np.random.Generator], float]] = {
    "imbalance, alike": alike,
    "imbalance, few": few,
    "imbalance, sources": sources,
}
