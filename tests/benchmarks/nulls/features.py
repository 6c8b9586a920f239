"""Worlds in which frozen features are as good as what they are held against."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sweep.diagnosis.heads import best_head
from sweep.diagnosis.probes.features import INFORMATIVE, weak_features

Array = NDArray[np.float64]
Labels = NDArray[np.int64]


def found(features: Array, labels: Labels, **held_against: object) -> float:
    finding = weak_features(
        features=features,
        labels=labels,
        num_classes=int(labels.max()) + 1,
        seed=0,
        **held_against,  # type: ignore[arg-type]
    )
    assert finding.p is not None
    return finding.p


def seen(rng: np.random.Generator, labels: Labels, width: int = 6) -> Array:
    """Features that show the classes, three of them in some measure."""
    return rng.normal(size=(len(labels), width)) + 1.2 * np.eye(3, width)[labels]


def equal_network(rng: np.random.Generator) -> float:
    """The network sees as well as the features, by other features of its own."""
    labels = rng.permutation(np.arange(90) % 3)
    theirs = best_head(seen(rng, labels), labels, num_classes=3, rng=rng)
    return found(seen(rng, labels), labels, unfrozen=theirs.correct)


def equal_network_of_sources(rng: np.random.Generator) -> float:
    """The same, judged on some images alone, those of a source being alike, and one class rare."""
    labels = np.repeat(rng.permutation(np.array([0] * 14 + [1] * 12 + [2] * 6)), 3)
    groups, judged = np.repeat(np.arange(32), 3), np.arange(48)
    theirs = np.full(len(labels), np.nan)
    own, others = (np.repeat(seen(rng, labels[::3]), 3, axis=0) + rng.normal(scale=0.3, size=(96, 6)) for _ in range(2))
    theirs[judged] = best_head(others, labels, num_classes=3, rng=rng, judged=judged, groups=groups).correct
    return found(own, labels, unfrozen=theirs, groups=groups)


def target_reached(rng: np.random.Generator) -> float:
    """Of two classes half are asked for, which chance gives."""
    labels = rng.permutation(np.arange(80) % 2)
    return found(rng.normal(size=(80, 4)), labels, target=0.5)


def told(rng: np.random.Generator, labels: Labels) -> Labels:
    """The label with as much chance as features need that are worth something, else one of the others."""
    classes = int(labels.max()) + 1
    rate = 1 / classes + INFORMATIVE * (1 - 1 / classes)
    other = (labels + rng.integers(1, classes, size=len(labels))) % classes
    return np.where(rng.random(len(labels)) < rate, labels, other)


def just_informative(rng: np.random.Generator) -> float:
    """Features that give just so much that they are not called worthless."""
    labels = rng.permutation(np.arange(600) % 2)
    return found(np.eye(2)[told(rng, labels)], labels)


def just_informative_of_a_rare_class(rng: np.random.Generator) -> float:
    """The same of two classes, one of them rare, in sources of two images that are told alike."""
    labels = rng.permutation(np.array([0] * 300 + [1] * 200))
    return found(np.repeat(np.eye(2)[told(rng, labels)], 2, axis=0), np.repeat(labels, 2), groups=np.arange(1000) // 2)


NULLS: dict[str, Callable[[np.random.Generator], float]] = {
    "equal network": equal_network,
    "equal network, sources": equal_network_of_sources,
    "target reached": target_reached,
    "just informative": just_informative,
    "just informative, rare class": just_informative_of_a_rare_class,
}
