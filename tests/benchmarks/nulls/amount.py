"""Worlds in which twice the images bring nothing to a linear probe."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sweep.diagnosis.probes.amount import few_images


def found(
    features: NDArray[np.float64], labels: NDArray[np.int64], classes: int, groups: NDArray[np.int64] | None = None
) -> float:
    """p where about two thirds of the images, and whole sources, are training's."""
    rows = np.arange(len(labels))
    train = 2 * len(rows) // 3
    if groups is not None:
        train = int(np.searchsorted(groups, groups[train]))
    finding = few_images(
        features=features,
        labels=labels,
        train=rows[:train],
        validation=rows[train:],
        num_classes=classes,
        seed=0,
        groups=groups,
    )
    assert finding.p is not None
    return finding.p


def learned(rng: np.random.Generator) -> float:
    """One feature: where to cut it is known from a few images."""
    labels = rng.permutation(np.arange(180) % 2)
    return found(rng.normal(2.0 * labels, 1.0)[:, None], labels, 2)


def certain(rng: np.random.Generator) -> float:
    """Classes far apart, one of them rare: hardly an image changes."""
    labels = rng.permutation((np.arange(180) % 6 == 0).astype(np.int64))
    return found(rng.normal(5.0 * labels, 1.0)[:, None], labels, 2)


def uninformative(rng: np.random.Generator) -> float:
    """Nothing to be learned, by however many images."""
    labels = rng.permutation(np.arange(120) % 4)
    return found(rng.normal(size=(120, 10)), labels, 4)


def sources(rng: np.random.Generator) -> float:
    """Nothing to be learned from sources of one to seven images that are right or wrong together."""
    sizes = rng.integers(1, 8, size=50)
    groups, labels = np.repeat(np.arange(50), sizes), np.repeat(rng.permutation(np.arange(50) % 2), sizes)
    shared = np.repeat(rng.normal(size=(50, 5)), sizes, axis=0)
    return found(shared + rng.normal(scale=0.5, size=shared.shape), labels, 2, groups)


def large_source(rng: np.random.Generator) -> float:
    """The same of single images and of one source that is nearly as large as it may be."""
    sizes = np.r_[30, np.ones(150, np.int64)]
    groups, labels = np.repeat(np.arange(151), sizes), np.repeat(rng.permutation(np.arange(151) % 2), sizes)
    shared = np.repeat(rng.normal(size=(151, 5)), sizes, axis=0)
    return found(shared + rng.normal(scale=0.5, size=shared.shape), labels, 2, groups)


NULLS: dict[str, Callable[[np.random.Generator], float]] = {
    "learned": learned,
    "certain": certain,
    "uninformative": uninformative,
    "sources": sources,
    "large source": large_source,
}
