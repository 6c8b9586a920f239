"""Worlds whose sources say no more of an image than its class does, and worlds without sources."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sweep.diagnosis.probes.bursts import bursts

__all__ = ["NULLS"]

Codes = NDArray[np.int64]


def mixed(rng: np.random.Generator) -> float:
    """25 sources of about six images of any class."""
    labels = rng.integers(3, size=150)
    return _p(labels, rng.integers(25, size=150), rng, width=10, separation=2.0)


def pure(rng: np.random.Generator) -> float:
    """Sources of one class each, of unlike sizes, and classes from rare to frequent."""
    labels = rng.choice(4, size=150, p=[0.7, 0.15, 0.1, 0.05]).astype(np.int64)
    return _p(labels, 100 * labels + np.minimum(rng.geometric(0.25, size=150), 9), rng, width=10, separation=1.5)


def few(rng: np.random.Generator) -> float:
    """Three sources a class, in blocks that are large for the number of images."""
    labels = rng.integers(2, size=120)
    return _p(labels, 10 * labels + rng.integers(3, size=120), rng, width=10, separation=1.5)


def wide(rng: np.random.Generator) -> float:
    """More features than images."""
    labels = rng.integers(3, size=100)
    return _p(labels, rng.integers(20, size=100), rng, width=200, separation=4.0)


def guessed(rng: np.random.Generator) -> float:
    """Nothing is known of sources, and there are none."""
    labels = rng.integers(3, size=200)
    return _p(labels, None, rng, width=5, separation=2.0)


def guessed_crowded(rng: np.random.Generator) -> float:
    """The same where classes are dense and far apart, and one of them is rare."""
    labels = rng.choice(2, size=200, p=[0.9, 0.1]).astype(np.int64)
    return _p(labels, None, rng, width=3, separation=8.0)


def _p(labels: Codes, sources: Codes | None, rng: np.random.Generator, *, width: int, separation: float) -> float:
    centres = rng.normal(size=(int(labels.max()) + 1, width))
    centres *= separation / np.linalg.norm(centres, axis=1, keepdims=True)
    rows = rng.permutation(len(labels))
    found = bursts(
        features=centres[labels] + rng.normal(size=(len(labels), width)),
        labels=labels,
        sources=sources,
        train=rows[len(rows) // 5 :],
        validation=rows[: len(rows) // 5],
        seed=int(rng.integers(2**31)),
    )
    assert found.p is not None
    return found.p


NULLS: dict[str, Callable[[np.random.Generator], float]] = {
    "sources of any class": mixed,
    "sources of one class": pure,
    "few sources": few,
    "more features than images": wide,
    "guessed sources": guessed,
    "guessed sources, crowded classes": guessed_crowded,
}
