"""Training and validation sides of one kind, or of kinds that differ without harm."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sweep.diagnosis.probes.shift import shift
from sweep.records import Finding

__all__ = ["NULLS"]

DRAWS = 199


def looks(rng: np.random.Generator) -> float:
    """p of the features alone, on random sides of 150 images of three unequal classes."""
    return float(found(*images(rng, 150), rng.permutation(150) < 100).evidence["features_p"])


def looks_of_sources(rng: np.random.Generator) -> float:
    """The same of 40 sources of 1 to 6 images that resemble one another."""
    features, labels, source = sources(rng, 40)
    side = (rng.permutation(40) < 27)[source]
    return float(found(features, labels, side, source).evidence["features_p"])


def counts(rng: np.random.Generator) -> float:
    """p of the classes' counts alone, on random sides."""
    return float(found(*images(rng, 150), rng.permutation(150) < 100).evidence["labels_p"])


def harmless(rng: np.random.Generator) -> float:
    """Sides that are easily told apart, by a feature that no probe of the training side can use."""
    features, labels = images(rng, 300)
    train = rng.permutation(300) < 200
    return p_of(found(marked(features, train, rng), labels, train))


def harmless_few(rng: np.random.Generator) -> float:
    """The same with 60 images, 20 of them for validation."""
    features, labels = images(rng, 60)
    train = rng.permutation(60) < 40
    return p_of(found(marked(features, train, rng), labels, train))


def harmless_sources(rng: np.random.Generator) -> float:
    """The same with 60 sources of 1 to 6 images that resemble one another."""
    features, labels, source = sources(rng, 60)
    train = (rng.permutation(60) < 40)[source]
    return p_of(found(marked(features, train, rng), labels, train, source))


def random_sides(rng: np.random.Generator) -> float:
    """Neither test has anything to find: the larger p of two."""
    return p_of(found(*images(rng, 150), rng.permutation(150) < 100))


def images(rng: np.random.Generator, count: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    labels = rng.choice(3, size=count, p=[0.6, 0.3, 0.1])
    return rng.normal(size=(3, 8))[labels] + rng.normal(size=(count, 8)), labels


def sources(rng: np.random.Generator, count: int) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    of_source, label = images(rng, count)
    source = np.repeat(np.arange(count), rng.integers(1, 7, size=count))
    return of_source[source] + 0.5 * rng.normal(size=(len(source), 8)), label[source], source


def marked(features: NDArray[np.float64], train: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.float64]:
    return np.column_stack([features, np.where(train, 0.0, 1 + rng.random(len(train)))])


def found(
    features: NDArray[np.float64],
    labels: NDArray[np.int64],
    train: NDArray[np.bool_],
    groups: NDArray[np.int64] | None = None,
) -> Finding:
    return shift(
        features=features,
        labels=labels,
        train=np.flatnonzero(train),
        validation=np.flatnonzero(~train),
        num_classes=3,
        groups=groups,
        seed=0,
        draws=DRAWS,
    )


def p_of(finding: Finding) -> float:
    assert finding.p is not None
    return finding.p


NULLS: dict[str, Callable[[np.random.Generator], float]] = {
    "shift, looks": looks,
    "shift, looks of sources": looks_of_sources,
    "shift, counts": counts,
    "shift, harmless": harmless,
    "shift, harmless and few": harmless_few,
    "shift, harmless sources": harmless_sources,
    "shift, random sides": random_sides,
}
