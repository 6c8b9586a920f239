"""Validation sides whose errors go to the other classes in proportion to how often these are predicted."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sweep.diagnosis.probes.confusable import confusable_classes

__all__ = ["NULLS"]

_DRAWS = 199


def even(rng: np.random.Generator) -> float:
    """500 images of six classes, 30 % wrong."""
    return _p(rng, np.full(6, 1 / 6), np.full(6, 0.3), 500)


def few(rng: np.random.Generator) -> float:
    """60 images of four classes, a quarter wrong."""
    return _p(rng, np.full(4, 1 / 4), np.full(4, 0.25), 60)


def unequal(rng: np.random.Generator) -> float:
    """400 images of four classes of other sizes, of which the small ones are the harder ones."""
    return _p(rng, np.array([0.5, 0.25, 0.15, 0.1]), np.array([0.1, 0.2, 0.35, 0.5]), 400)


def three(rng: np.random.Generator) -> float:
    """300 images of three classes, one of them hard."""
    return _p(rng, np.full(3, 1 / 3), np.array([0.05, 0.2, 0.5]), 300)


def sources(rng: np.random.Generator) -> float:
    """80 sources of 1 to 8 images of five classes, right or wrong together."""
    return _p(rng, np.full(5, 1 / 5), np.full(5, 0.3), 80, rng.integers(1, 9, size=80))


def _p(
    rng: np.random.Generator,
    shares: np.ndarray,
    errors: np.ndarray,
    number: int,
    images_of_each: np.ndarray | None = None,
) -> float:
    """P of units with these shares and rates of error by class; each stands for so many images."""
    labels = rng.choice(len(shares), size=number, p=shares)
    destinations = _destinations(shares, errors)
    taken_for = np.array([rng.choice(len(shares), p=destinations[label]) for label in labels])
    predicted = np.where(rng.random(number) < errors[labels], taken_for, labels)
    unit = np.repeat(np.arange(number), 1 if images_of_each is None else images_of_each)
    found = confusable_classes(
        predicted=predicted[unit],
        labels=labels[unit],
        num_classes=len(shares),
        cross_entropy=np.zeros(len(unit)),
        train_accuracy=1.0,
        seed=int(rng.integers(2**31)),
        groups=None if images_of_each is None else unit,
        draws=_DRAWS,
    ).p
    assert found is not None
    return found


def _destinations(shares: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """Where errors go in proportion to how often each class is predicted, which in turn depends on where they go."""
    predicted = shares
    for _ in range(50):
        rows = predicted * (1 - np.eye(len(shares)))
        rows /= rows.sum(axis=1, keepdims=True)
        predicted = shares * (1 - errors) + (shares * errors) @ rows
    return rows


NULLS: dict[str, Callable[[np.random.Generator], float]] = {
    "confusable classes, even": even,
    "confusable classes, few images": few,
    "confusable classes, unequal": unequal,
    "confusable classes, three": three,
    "confusable classes, sources": sources,
}
