"""The best head in worlds where it is known which one that is, and how good."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from sweep.diagnosis.heads import best_head
from sweep.diagnosis.ridge import PENALTIES, RidgeProbe, one_hot

World = tuple[NDArray[np.float64], NDArray[np.int64]]


def normal_world(images: int, separation: float, seed: int = 0, width: int = 4) -> World:
    """Two classes, `separation` standard deviations apart in the first of the features."""
    rng = np.random.default_rng(np.random.SeedSequence((seed, 1)))
    labels = rng.permutation(np.arange(images) % 2)
    features = rng.normal(size=(images, width))
    features[:, 0] += separation * labels
    return features, labels


def test_a_linear_world_is_told_apart_by_a_line() -> None:
    features, labels = normal_world(1000, 2.0)
    head = best_head(features, labels, num_classes=2, rng=np.random.default_rng(0))
    assert head.name.startswith("ridge regression of penalty ")
    # The best line is right with probability Φ(1) = 0.8413.
    assert head.correct.mean() == pytest.approx(0.8413, abs=0.03)
    assert head.balanced == pytest.approx(head.correct.mean(), abs=0.01)
    assert head.effective == pytest.approx(1000)
    assert head.judged.tolist() == list(range(1000))
    assert head.shuffled == pytest.approx(0.51, abs=0.02)
    assert head.p_shuffled == 0.01


def test_a_ring_is_told_apart_by_neighbours() -> None:
    rng = np.random.default_rng(1)
    labels = np.arange(400) % 2
    angles = rng.uniform(0, 2 * np.pi, 400)
    features = np.stack([np.cos(angles), np.sin(angles)], axis=1) * (1 + 2 * labels[:, None])
    head = best_head(features * [1.0, 1000.0], labels, num_classes=2, rng=rng)
    assert head.name == "nearest neighbours"
    assert head.correct.mean() == 1.0
    assert head.balanced == 1.0


def test_images_that_are_asked_of_are_not_fitted_to() -> None:
    features, labels = normal_world(300, 1.5, width=40)
    judged = np.arange(0, 300, 3)
    head = best_head(features, labels, num_classes=2, rng=np.random.default_rng(2), judged=judged)
    others = np.setdiff1d(np.arange(300), judged)
    # Scaled as all images are, which hardly differs from the scale of these.
    probe, targets = RidgeProbe(features[others]), one_hot(labels[others], 2)
    explicit = [
        probe.predict(targets, penalty, features[judged]).argmax(axis=1) == labels[judged] for penalty in PENALTIES
    ]
    assert head.judged.tolist() == judged.tolist()
    assert head.correct.mean() == pytest.approx(max(correct.mean() for correct in explicit), abs=0.03)


def test_heads_are_asked_of_whole_sources() -> None:
    rng = np.random.default_rng(3)
    groups, labels = np.repeat(np.arange(60), 5), np.repeat(rng.permutation(np.arange(60) % 2), 5)
    features = np.repeat(rng.normal(size=(60, 90)), 5, axis=0) + rng.normal(scale=0.1, size=(300, 90))
    alone = best_head(features, labels, num_classes=2, rng=np.random.default_rng(4))
    together = best_head(features, labels, num_classes=2, rng=np.random.default_rng(4), groups=groups)
    assert alone.correct.mean() == 1.0
    assert together.correct.mean() < 0.65
    # The images of a source are right or wrong together: 60 of them count.
    assert together.effective == pytest.approx(60, rel=0.2)
    assert together.p_shuffled > 0.05


def test_a_rare_class_counts_as_much_as_a_frequent_one() -> None:
    features, labels = normal_world(2000, 2.0, seed=5)
    kept = np.flatnonzero((labels == 0) | (np.arange(2000) < 100))
    head = best_head(features[kept], labels[kept], num_classes=2, rng=np.random.default_rng(5))
    rare = int(labels[kept].sum())
    assert head.correct.mean() > 0.93  # most are of the frequent class
    assert head.balanced == pytest.approx(0.8413, abs=0.06)
    # 1 / Σ w² of the weights 1 / (2 · images of the class).
    assert head.effective == pytest.approx(4 / (1 / rare + 1 / (len(kept) - rare)))


@pytest.mark.parametrize("classes", [2, 5])
def test_a_class_without_images_changes_nothing(classes: int) -> None:
    rng = np.random.default_rng(6)
    labels = np.arange(90) % classes
    features = rng.normal(size=(90, 8)) + np.eye(classes, 8)[labels]
    heads = [
        best_head(features, labels, num_classes=count, rng=np.random.default_rng(7)) for count in (classes, classes + 2)
    ]
    assert np.array_equal(heads[0].correct, heads[1].correct)
    assert heads[0].balanced == heads[1].balanced
    assert heads[0].shuffled == heads[1].shuffled
